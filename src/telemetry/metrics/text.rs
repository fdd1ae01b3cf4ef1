//! The page in the text format of Prometheus, made of the one in the format of OpenMetrics.
//!
//! Owns the differences: a counter is described by its sample's name, what is only information is a gauge, and there
//! are neither units nor an end. Values are left as they are.

/// What the page says that it is in this format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The same page in the text format.
pub fn from_openmetrics(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut help = None;
    for line in page.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, said] => help = Some((name, said)),
            ["#", "TYPE", name, kind] => {
                let (name, kind) = described(name, kind);
                if let Some((_, said)) = help.take() {
                    text += &format!("# HELP {name} {said}\n");
                }
                text += &format!("# TYPE {name} {kind}\n");
            }
            ["#", ..] => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// By which name and as what a family is described.
fn described(name: &str, kind: &str) -> (String, &'static str) {
    match kind {
        "counter" => (format!("{name}_total"), "counter"),
        "info" => (format!("{name}_info"), "gauge"),
        "gauge" => (name.to_owned(), "gauge"),
        "histogram" => (name.to_owned(), "histogram"),
        "summary" => (name.to_owned(), "summary"),
        _ => (name.to_owned(), "untyped"),
    }
}

/// Whether the client takes OpenMetrics, and would not rather have plain text.
pub fn wants_openmetrics(accept: &str) -> bool {
    let weight = |kind: &str| {
        let of = accept.split(',').filter_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let is_it = parts.next()?.eq_ignore_ascii_case(kind);
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
            is_it.then(|| weight.unwrap_or(0.0))
        });
        of.fold(0.0_f64, f64::max)
    };
    let open = weight("application/openmetrics-text");
    open > 0.0 && open >= weight("text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_information_are_described_as_the_text_format_has_it() {
        let page = "# HELP a_build What it is.\n# TYPE a_build info\na_build_info{v=\"1\"} 1\n# HELP b Bytes.\n\
                    # TYPE b_bytes counter\n# UNIT b_bytes bytes\nb_bytes_total 2\n# HELP c C.\n# TYPE c histogram\n\
                    c_bucket{le=\"+Inf\"} 3\n# TYPE d unknown\nd 4\n# EOF\n";
        let text = "# HELP a_build_info What it is.\n# TYPE a_build_info gauge\na_build_info{v=\"1\"} 1\n\
                    # HELP b_bytes_total Bytes.\n# TYPE b_bytes_total counter\nb_bytes_total 2\n# HELP c C.\n\
                    # TYPE c histogram\nc_bucket{le=\"+Inf\"} 3\n# TYPE d untyped\nd 4\n";
        assert_eq!(from_openmetrics(page), text);
    }

    #[test]
    fn a_reader_gets_the_format_that_it_asks_for() {
        assert!(wants_openmetrics("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"));
        assert!(wants_openmetrics("Application/OpenMetrics-Text; version=1.0.0"));
        assert!(!wants_openmetrics("application/openmetrics-text;q=0.1, text/plain"));
        assert!(!wants_openmetrics("application/openmetrics-text;q=0"));
        assert!(!wants_openmetrics("") && !wants_openmetrics("*/*") && !wants_openmetrics("text/plain"));
    }
}
