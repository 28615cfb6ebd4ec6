//! Rules against origins, methods and headers of pages.

use super::*;

fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    CorsRule { origins: owned(origins), methods: owned(methods), headers: owned(headers), ..CorsRule::default() }
}

fn fits(rule: &CorsRule, origin: &str, method: &str, headers: &str) -> bool {
    first_that_fits(std::slice::from_ref(rule), &CrossOrigin { origin, method, headers }).is_some()
}

#[test]
fn an_origin_is_that_origin_or_like_a_pattern_with_one_star() {
    let named = rule(&["https://viewer.example"], &["GET"], &[]);
    assert!(fits(&named, "https://viewer.example", "GET", ""));
    for other in [
        "https://viewer.example.attacker.test",
        "http://viewer.example",
        "https://VIEWER.example",
        "https://viewer.example:8443",
        "https://viewer.exampl",
        "null",
        "",
    ] {
        assert!(!fits(&named, other, "GET", ""), "{other}");
    }
    let pattern = rule(&["https://*.example"], &["GET"], &[]);
    assert!(fits(&pattern, "https://a.b.example", "GET", ""));
    assert!(!fits(&pattern, "https://example", "GET", ""));
    assert!(!fits(&pattern, "https://a.example.test", "GET", ""));
    // The two ends do not overlap.
    assert!(!fits(&rule(&["ab*ba"], &["GET"], &[]), "aba", "GET", ""));
    assert!(fits(&rule(&["*"], &["GET"], &[]), "null", "GET", ""));
}

#[test]
fn each_header_must_be_allowed_without_regard_to_case() {
    let some = rule(&["*"], &["PUT"], &["x-amz-*", "Content-Type"]);
    assert!(fits(&some, "https://a", "PUT", "X-Amz-Date, content-type"));
    assert!(fits(&some, "https://a", "PUT", " , x-amz-,"));
    assert!(!fits(&some, "https://a", "PUT", "x-amz-date, authorization"));
    assert!(!fits(&some, "https://a", "PUT", "x-am"));
    assert!(!fits(&rule(&["*"], &["PUT"], &[]), "https://a", "PUT", "x"));
    assert!(fits(&rule(&["*"], &["PUT"], &["*"]), "https://a", "PUT", "x"));
}

#[test]
fn a_page_asks_for_so_many_headers_and_no_more() {
    let any = rule(&["*"], &["GET"], &["*"]);
    assert!(fits(&any, "https://a", "GET", &["x"; MOST_ASKED_HEADERS].join(",")));
    assert!(!fits(&any, "https://a", "GET", &["x"; MOST_ASKED_HEADERS + 1].join(",")));
}

#[test]
fn the_first_rule_that_fits_counts_and_an_origin_that_is_named_comes_before_every_origin() {
    let rules = [
        rule(&["https://a"], &["GET"], &["x-one"]),
        rule(&["*", "https://a"], &["GET", "PUT"], &["x-two"]),
        rule(&["*"], &["GET"], &["*"]),
    ];
    let found = |origin, method, headers| {
        let found = first_that_fits(&rules, &CrossOrigin { origin, method, headers });
        found.map(|found| (rules.iter().position(|rule| std::ptr::eq(rule, found.rule)).unwrap(), found.any_origin))
    };
    assert_eq!(found("https://a", "GET", "x-one"), Some((0, false)));
    assert_eq!(found("https://a", "GET", "x-two"), Some((1, false)));
    assert_eq!(found("https://b", "PUT", "x-two"), Some((1, true)));
    assert_eq!(found("https://b", "GET", "x-three"), Some((2, true)));
    assert_eq!(found("https://b", "PUT", "x-three"), None);
    assert_eq!(found("https://b", "get", ""), None);
}

#[test]
fn what_cannot_be_written_into_a_header_is_no_rule() {
    assert!(rule(&["https://*.a", "*"], &["GET"], &["x-*"]).is_sound());
    for bad in [
        rule(&[], &["GET"], &[]),
        rule(&["*"], &[], &[]),
        rule(&["https://*.*"], &["GET"], &[]),
        rule(&["https://a b"], &["GET"], &[]),
        rule(&["https://a,https://b"], &["GET"], &[]),
        rule(&[""], &["GET"], &[]),
        rule(&["*"], &["get"], &[]),
        rule(&["*"], &["GET"], &["x*y*"]),
        rule(&["*"], &["GET"], &["x\r\ny"]),
        rule(&["*"], &["GET"], &["x, y"]),
    ] {
        assert!(!bad.is_sound(), "{bad:?}");
    }
    let exposed = CorsRule { exposed: vec!["x-ms-meta-*".into(), "ETag".into()], ..rule(&["*"], &["GET"], &[]) };
    assert!(exposed.exposes("x-ms-meta-study") && exposed.exposes("etag") && !exposed.exposes("x-ms-version"));
}
