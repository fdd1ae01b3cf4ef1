//! What a request says of the copy that its sender has (RFC 9110, *If-None-Match* and *If-Range*).

use actix_web::http::header::{self, EntityTag, IfNoneMatch, IfRange};
use actix_web::{HttpMessage, HttpRequest};

/// Whether the sender has the file of that tag already.
pub fn is_known(request: &HttpRequest, etag: &EntityTag) -> bool {
    match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(etag)),
        None => false,
    }
}

/// Whether a range fits what the sender has: one of a file that has changed meanwhile would not.
pub fn fits_range(request: &HttpRequest, etag: &EntityTag) -> bool {
    match request.get_header::<IfRange>() {
        Some(IfRange::EntityTag(tag)) => tag.strong_eq(etag),
        // We give no dates.
        Some(IfRange::Date(_)) => false,
        None => !request.headers().contains_key(header::IF_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(name: &'static str, value: &str) -> HttpRequest {
        TestRequest::get().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn a_copy_is_known_by_its_tag_compared_weakly() {
        let etag = EntityTag::new_strong("b".to_owned());
        for known in ["\"a\", W/\"b\"", "*", "\"b\""] {
            assert!(is_known(&request("If-None-Match", known), &etag), "{known}");
        }
        for other in ["\"a\"", "", "b", "\"b"] {
            assert!(!is_known(&request("If-None-Match", other), &etag), "{other}");
        }
    }

    #[test]
    fn a_range_fits_the_same_file_and_no_other() {
        let etag = EntityTag::new_strong("b".to_owned());
        assert!(fits_range(&TestRequest::get().to_http_request(), &etag));
        assert!(fits_range(&request("If-Range", "\"b\""), &etag));
        for other in ["\"a\"", "W/\"b\"", "Sat, 29 Oct 1994 19:43:31 GMT", "b", ""] {
            assert!(!fits_range(&request("If-Range", other), &etag), "{other}");
        }
    }
}
