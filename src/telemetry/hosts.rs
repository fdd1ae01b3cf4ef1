//! By which names a listener may be asked: the check of `Host`.
//!
//! A page of a stranger can give its own name our address and then read what we answer (DNS rebinding). The browser
//! still says the stranger's name in `Host`, so a listener answers only to names that are its own. An address cannot be
//! rebound: it is checked only where the listener is bound to one.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, Version, header};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};

use crate::config::{Host, HostPort};

/// The names and addresses by which a listener may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts {
    bound: IpAddr,
    others: Vec<HostPort>,
}

/// Why a request's host is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// It cannot be read, or there are several.
    #[error("the request must say in one Host header which site it asks; this is not the name of a site")]
    Malformed,
    /// It is the name of another site.
    #[error("this is not the site {0}, although the request for {0} came here")]
    Stranger(String),
}

impl AllowedHosts {
    /// For a listener at `bound`, which may also be asked by `others`: names, or names with a port.
    ///
    /// What is no name is left out.
    pub fn new(bound: IpAddr, others: &[String]) -> Self {
        let others = others.iter().filter_map(|text| HostPort::parse(text.trim())).collect();
        Self { bound: bound.to_canonical(), others }
    }

    /// Checks all that a request says about the site it wants: its `Host`, and the address line if that names one.
    ///
    /// # Errors
    /// A [`HostRefusal`].
    pub fn check(&self, head: &RequestHead) -> Result<(), HostRefusal> {
        let mut said = head.headers.get_all(header::HOST);
        let (first, more) = (said.next(), said.next());
        let in_target = head.uri.authority();
        if let Some(authority) = in_target {
            self.check_text(authority.as_str())?;
        }
        match (first, more) {
            (Some(value), None) => self.check_text(value.to_str().map_err(|_| HostRefusal::Malformed)?),
            // Programs of old that no browser is; they ask for the health pages.
            (None, None) if head.version < Version::HTTP_11 => Ok(()),
            _ => Err(HostRefusal::Malformed),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), HostRefusal> {
        let said = HostPort::parse(text).ok_or(HostRefusal::Malformed)?;
        let is_ours = match &said.host {
            Host::Name(name) => name == "localhost",
            // Bound to all addresses, it is asked by any that leads here; an address is no name that a stranger has.
            Host::Address(_) if self.bound.is_unspecified() => true,
            Host::Address(address) => address.is_loopback() || *address == self.bound,
        };
        let is_allowed =
            |other: &HostPort| other.host == said.host && (other.port.is_none() || other.port == said.port);
        if is_ours || self.others.iter().any(is_allowed) {
            return Ok(());
        }
        Err(HostRefusal::Stranger(text.to_owned()))
    }
}

impl HostRefusal {
    /// The status that says so.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Stranger(_) => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

/// Answers only those who ask by an allowed name: for pages that have no other guard.
///
/// # Errors
/// Those of the handler.
pub async fn only_allowed<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let hosts = request.app_data::<web::Data<AllowedHosts>>().cloned();
    match hosts.map_or(Ok(()), |hosts| hosts.check(request.head())) {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(refusal) => {
            let text = format!("{refusal}; to answer to that name, put it into TESSERA_ALLOWED_HOSTS\n");
            let answer = HttpResponse::build(refusal.status()).content_type("text/plain; charset=utf-8").body(text);
            Ok(request.into_response(answer))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn status(hosts: &AllowedHosts, host: &str) -> u16 {
        hosts.check_text(host).map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
    }

    fn hosts(bound: &str, others: &[&str]) -> AllowedHosts {
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        AllowedHosts::new(bound.parse().unwrap(), &others)
    }

    #[test]
    fn loopback_and_the_bound_address_are_ours_and_no_other_name_is() {
        let ours =
            ["localhost", "LocalHost:5001", "localhost.", "localhost:", "127.0.0.1", "127.8.9.1:80", "[::1]:5001"];
        let ours = [&ours[..], &["[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:1", "10.1.2.3", "10.1.2.3:99"]].concat();
        let strangers = ["evil.example", "evil.example:5001", "localhost.evil.example", "127.0.0.1.evil.example"];
        let more = ["10.1.2.4", "0.0.0.0:5001", "[::]", "[fe80::1]", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"];
        let malformed = ["", ":", ":80", "a b", "evil@localhost", "localhost@evil.example", "localhost:80:80"];
        let broken = ["localhost:x", "localhost:+80", "localhost:65536", "::1", "[::1", "[::1]80", "[::1%25lo]", "[]"];
        let odd =
            ["localhost/", "localhost#", "localhost..", ".localhost", "localhost,evil.example", "loc\u{e4}lhost", "*"];
        let hosts = hosts("10.1.2.3", &[]);
        ours.iter().for_each(|host| assert_eq!(status(&hosts, host), 200, "{host:?}"));
        strangers.iter().chain(&more).for_each(|host| assert_eq!(status(&hosts, host), 421, "{host:?}"));
        malformed.iter().chain(&broken).chain(&odd).for_each(|host| assert_eq!(status(&hosts, host), 400, "{host:?}"));
    }

    #[test]
    fn bound_to_all_addresses_it_is_asked_by_any_address_and_by_no_stranger_s_name() {
        for bound in ["0.0.0.0", "::"] {
            let hosts = hosts(bound, &[]);
            let addresses = ["192.0.2.1:5001", "[2001:db8::1]", "127.0.0.1", "localhost:5001"];
            addresses.iter().for_each(|host| assert_eq!(status(&hosts, host), 200, "{host:?}"));
            assert_eq!(status(&hosts, "evil.example:5001"), 421);
        }
    }

    #[test]
    fn other_names_are_allowed_as_they_are_given() {
        let hosts = hosts("127.0.0.1", &["Pictures.Example", "b.example:8080", "192.0.2.7", "", "no name"]);
        assert_eq!(hosts.others.len(), 3);
        for host in ["pictures.example", "pictures.example:1", "PICTURES.example.:2", "b.example:8080", "192.0.2.7:1"] {
            assert_eq!(status(&hosts, host), 200, "{host:?}");
        }
        for host in ["b.example", "b.example:80", "a.pictures.example", "example", "192.0.2.8"] {
            assert_eq!(status(&hosts, host), 421, "{host:?}");
        }
    }

    #[test]
    fn all_that_a_request_says_about_its_site_is_checked() {
        let hosts = hosts("127.0.0.1", &[]);
        let check = |request: TestRequest| hosts.check(request.to_srv_request().head());
        let get = |uri: &str| TestRequest::get().uri(uri).version(Version::HTTP_11);
        let host = |text: &'static str| (header::HOST, text);
        let stranger = Err(HostRefusal::Stranger("evil.example".to_owned()));
        assert_eq!(check(get("/").insert_header(host("localhost:5001"))), Ok(()));
        assert_eq!(check(get("http://evil.example/").insert_header(host("localhost"))), stranger);
        assert_eq!(check(get("http://localhost/").insert_header(host("evil.example"))), stranger);
        assert_eq!(check(get("http://a@localhost/").insert_header(host("localhost"))), Err(HostRefusal::Malformed));
        let forwarded = get("/").insert_header(host("evil.example")).insert_header(("x-forwarded-host", "localhost"));
        assert_eq!(check(forwarded), stranger);
        let twice = get("/").insert_header(host("localhost")).append_header(host("localhost"));
        assert_eq!(check(twice), Err(HostRefusal::Malformed));
        assert_eq!(check(get("/")), Err(HostRefusal::Malformed));
        assert_eq!(check(get("/").version(Version::HTTP_10)), Ok(()));
    }
}
