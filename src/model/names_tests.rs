//! What names may be.

use super::*;

#[test]
fn bucket_names_follow_the_rules_of_both_protocols() {
    let long = "a".repeat(63);
    for fine in ["abc", "a-b", "a.b", "1a2", "imaging-2026.chum", long.as_str(), "192.168.0.256", "1.2.3"] {
        assert_eq!(BucketName::parse(fine).unwrap().as_str(), fine);
    }
    let too_long = "a".repeat(64);
    for wrong in [
        "",
        "ab",
        too_long.as_str(),
        "Abc",
        "a_b",
        "a b",
        "a/b",
        "-ab",
        "ab-",
        ".ab",
        "ab.",
        "a..b",
        "192.168.0.1",
        "événement",
        "a\0b",
    ] {
        assert!(BucketName::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn object_keys_have_1_to_1024_bytes_and_are_never_normalized() {
    let longest = "é".repeat(512);
    for fine in ["x", "/", "//", ".", "..", "a/../b", " ", "\u{7f}", "e\u{301}", longest.as_str()] {
        assert_eq!(ObjectKey::parse(fine).unwrap().as_str(), fine);
    }
    assert!(ObjectKey::parse("").is_err());
    assert!(ObjectKey::parse(&format!("{longest}x")).is_err(), "bytes count, not characters");
    assert_ne!(ObjectKey::parse("e\u{301}").unwrap(), ObjectKey::parse("é").unwrap());
}

#[test]
fn object_keys_compare_as_bytes() {
    let mut keys: Vec<_> =
        ["b", "a", "Z", "a/", "é", "\u{10000}", "\u{ffff}"].map(|k| ObjectKey::parse(k).unwrap()).into();
    keys.sort();
    assert!(keys.is_sorted_by_key(|key| key.as_bytes().to_vec()));
    assert_eq!(keys.first().unwrap().as_str(), "Z");
    assert_eq!(keys.last().unwrap().as_str(), "\u{10000}", "after U+FFFF, unlike in UTF-16");
}

#[test]
fn plain_names_take_their_alphabet_and_length_only() {
    assert!(TenantId::parse(&"a".repeat(64)).is_ok() && TenantId::parse(&"a".repeat(65)).is_err());
    assert!(TenantId::parse("ciusss_centre-sud.1").is_ok());
    for wrong in ["", "CHUM", "a b", "a/b", "à"] {
        assert!(TenantId::parse(wrong).is_err(), "{wrong:?}");
    }
    for wrong in ["", "a/b", "a,b", "a=b", "a b", "à", "a\n"] {
        assert!(ClientId::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(ClientId::parse("AKIA.pacs+1@ward").is_ok());
    for wrong in ["", "a.b", "a_b", "A"] {
        assert!(ProviderName::parse(wrong).is_err(), "{wrong:?}");
    }
}
