//! What lists share: how many, how names are shown, where the next page begins.

use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::invalid;
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::xml::Encoding;
use crate::front::xml::Writer;
use crate::model::Principal;

/// The page size that a parameter asks for: absent means `most`, more than that means that too, as S3 has it.
pub(super) fn limit(asked: &Asked<'_>, name: &str, most: usize) -> Result<usize, Refusal> {
    let wrong = || invalid("InvalidArgument", "A page size must be an integer between 0 and 2147483647");
    match asked.said(name) {
        None => Ok(most),
        Some(text) => match text.parse::<i32>().map(usize::try_from) {
            Ok(Ok(limit)) => Ok(limit.min(most)),
            _ => Err(wrong()),
        },
    }
}

/// What `encoding-type` asks for.
pub(super) fn encoding(asked: &Asked<'_>) -> Result<Encoding, Refusal> {
    match asked.said("encoding-type") {
        None => Ok(Encoding { url: false }),
        Some("url") => Ok(Encoding { url: true }),
        Some(_) => Err(invalid("InvalidArgument", "Invalid Encoding Method specified in Request")),
    }
}

/// 400: a token that was not given out for this list.
pub(super) fn bad_token() -> Refusal {
    invalid("InvalidArgument", "The continuation token provided is incorrect")
}

/// Whom clients see as the owner of everything, and as who began an upload: the tenant.
pub(super) fn owner(writer: &mut Writer, element: &str, principal: &Principal) {
    writer.within(element, |writer| {
        writer.text("ID", principal.tenant.as_str());
        writer.text("DisplayName", principal.tenant.as_str());
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::s3::wire::asked::Sample;

    #[test]
    fn page_sizes_are_capped_and_never_negative() {
        let of = |query| limit(&Sample { query, ..Sample::default() }.asked(), "max-keys", 1000).map_err(|e| e.code);
        assert_eq!(of(""), Ok(1000));
        assert_eq!(of("max-keys="), Ok(1000));
        assert_eq!(of("max-keys=0"), Ok(0));
        assert_eq!(of("max-keys=5000"), Ok(1000));
        for wrong in ["max-keys=-1", "max-keys=x", "max-keys=2147483648"] {
            assert_eq!(of(wrong), Err("InvalidArgument"));
        }
    }

    #[test]
    fn there_is_one_encoding() {
        let of = |query| encoding(&Sample { query, ..Sample::default() }.asked()).map(|encoding| encoding.url);
        assert!(of("encoding-type=url").unwrap() && !of("").unwrap() && !of("encoding-type=").unwrap());
        assert!(of("encoding-type=zip").is_err());
    }
}
