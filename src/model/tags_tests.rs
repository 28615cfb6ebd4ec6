//! Tags and expressions over them.

use super::*;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_bucket_has_at_most_fifty_tags_of_the_characters_of_s3() {
    let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect::<Tags>();
    assert_eq!(check_bucket_tags(&many(50)), Ok(()));
    assert_eq!(check_bucket_tags(&many(51)), Err(TagFault::TooMany));
    assert_eq!(check_bucket_tags(&tags(&[(&"é".repeat(128), &"ü".repeat(256))])), Ok(()));
    assert_eq!(check_bucket_tags(&tags(&[(&"é".repeat(129), "")])), Err(TagFault::NameLength));
    assert_eq!(check_bucket_tags(&tags(&[("n", &"ü".repeat(257))])), Err(TagFault::ValueLength));
    assert_eq!(check_bucket_tags(&tags(&[("n", "a\rb")])), Err(TagFault::Character));
}

fn search(text: &str) -> Result<TagExpression, TagFault> {
    TagExpression::parse_search(text)
}

fn condition(text: &str) -> Result<TagExpression, TagFault> {
    TagExpression::parse_condition(text)
}

#[test]
fn tags_are_at_most_ten_of_allowed_lengths_and_characters() {
    let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect::<Tags>();
    assert_eq!(check_tags(&many(10), TagCharacters::Azure), Ok(()));
    assert_eq!(check_tags(&many(11), TagCharacters::Azure), Err(TagFault::TooMany));
    assert_eq!(check_tags(&tags(&[("a Z9+-./:=_", "a Z9+-./:=_"), ("x", "")]), TagCharacters::Azure), Ok(()));
    let (name, value) = ("n".repeat(128), "v".repeat(256));
    assert_eq!(check_tags(&tags(&[(&name, &value)]), TagCharacters::Azure), Ok(()));
    assert_eq!(check_tags(&tags(&[("", "v")]), TagCharacters::Azure), Err(TagFault::NameLength));
    assert_eq!(check_tags(&tags(&[(&format!("{name}n"), "v")]), TagCharacters::Azure), Err(TagFault::NameLength));
    assert_eq!(check_tags(&tags(&[("n", &format!("{value}v"))]), TagCharacters::Azure), Err(TagFault::ValueLength));
    for wrong in ["é", "a'b", "\"", "a\0", "a,b", "a@b"] {
        assert_eq!(check_tags(&tags(&[("n", wrong)]), TagCharacters::Azure), Err(TagFault::Character));
        assert_eq!(check_tags(&tags(&[(wrong, "v")]), TagCharacters::Azure), Err(TagFault::Character));
    }
    for (characters, outcome) in [(TagCharacters::Azure, Err(TagFault::Character)), (TagCharacters::S3, Ok(()))] {
        assert_eq!(check_tags(&tags(&[("hélène", "1")]), characters), outcome);
        assert_eq!(check_tags(&tags(&[("n", "accueil@hopital")]), characters), outcome);
    }
    for wrong in ["a'b", "\"", "a\0", "a,b", "a\nb", "<a>"] {
        assert_eq!(check_tags(&tags(&[("n", wrong)]), TagCharacters::S3), Err(TagFault::Character));
    }
}

#[test]
fn comparisons_are_of_bytes_and_fail_where_the_tag_is_not_there() {
    let object = tags(&[("date", "2026-01-15"), ("n", "9")]);
    for (text, expected) in [
        ("date = '2026-01-15'", true),
        ("\"date\">'2026-01-14'", true),
        ("date >= '2026-01-15' AND date <= '2026-01-15'", true),
        ("date > '2026-01-15'", false),
        ("date < '2026-01-16' and n = '9'", true),
        // Not numbers: 10 comes before 9.
        ("n > '10'", true),
        ("other = ''", false),
        ("other < 'z'", false),
    ] {
        assert_eq!(search(text).unwrap().holds(&object), expected, "{text}");
        assert_eq!(condition(text).unwrap().holds(&object), expected, "{text}");
    }
    for (text, expected) in [
        ("n <> '8'", true),
        ("n <> '9'", false),
        ("other <> '9'", false),
        ("n = '8' OR n = '9'", true),
        ("n = '9' OR n = '8' AND other = 'x'", true),
        ("(n = '9' OR n = '8') AND other = 'x'", false),
        ("  ( ( n='9' ) )  ", true),
    ] {
        assert_eq!(condition(text).unwrap().holds(&object), expected, "{text}");
    }
}

#[test]
fn a_search_may_name_a_container_and_a_condition_may_not() {
    let expression = search("@container = 'images' AND a = '1'").unwrap();
    let object = tags(&[("a", "1")]);
    assert_eq!(expression.container(), Some("images"));
    assert!(expression.holds_in("images", &object) && !expression.holds_in("others", &object));
    assert_eq!(search("a = '1'").unwrap().container(), None);
    assert_eq!(condition("@container = 'images'"), Err(TagFault::Malformed));
    assert_eq!(search("@container > 'images'"), Err(TagFault::Malformed));
    assert_eq!(search("@other = 'images'"), Err(TagFault::Malformed));
}

#[test]
fn what_is_not_of_the_grammar_is_refused() {
    for text in [
        "",
        "a",
        "a =",
        "a = b",
        "a = \"b\"",
        "a = 'b",
        "a = 'b' AND",
        "a = 'b' c = 'd'",
        "AND a = 'b'",
        "(a = 'b'",
        "a = 'b')",
        "a == 'b'",
        "a != 'b'",
        "not a = 'b'",
        "\"a = 'b'",
        "a = 'b' ANDc = 'd'",
    ] {
        assert_eq!(search(text), Err(TagFault::Malformed), "{text}");
        assert_eq!(condition(text), Err(TagFault::Malformed), "{text}");
    }
    for text in ["a <> 'b'", "a = 'b' OR a = 'c'"] {
        assert_eq!(search(text), Err(TagFault::Malformed), "{text}");
    }
    assert_eq!(search("\"\" = 'a'"), Err(TagFault::NameLength));
    assert_eq!(search("a = 'é'"), Err(TagFault::Character));
    assert_eq!(search("\"é\" = 'a'"), Err(TagFault::Character));
}

#[test]
fn an_expression_has_bounds() {
    let nested = |depth| format!("{}a = 'b'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(condition(&nested(16)).is_ok());
    assert_eq!(condition(&nested(17)), Err(TagFault::TooLarge));
    let joined = |count: usize, names: usize| {
        (0..count).map(|n| format!("a{} = 'b'", n % names)).collect::<Vec<_>>().join(" AND ")
    };
    assert!(search(&joined(50, 10)).is_ok());
    assert_eq!(search(&joined(51, 10)), Err(TagFault::TooLarge));
    assert_eq!(search(&joined(11, 11)), Err(TagFault::TooMany));
    assert_eq!(search(&" ".repeat(8193)), Err(TagFault::TooLarge));
}

#[test]
fn an_index_learns_which_values_every_match_has() {
    let range =
        |name, from: &str, below: Option<&str>| TagRange { name, from: from.into(), below: below.map(Into::into) };
    let expression =
        search("a >= '1' AND a < '5' AND a > '2' AND b = 'x' AND c <= 'y' AND @container = 'images'").unwrap();
    let expected = vec![range("a", "2\0", Some("5")), range("b", "x", Some("x\0")), range("c", "", Some("y\0"))];
    assert_eq!(expression.ranges(), expected);
    let expression = condition("a = '1' AND (b = '2' OR c = '3') AND d <> '4'").unwrap();
    assert_eq!(expression.ranges(), vec![range("a", "1", Some("1\0")), range("d", "", None)]);
}
