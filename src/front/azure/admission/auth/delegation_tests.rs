//! Keys that bearers ask for, and what becomes of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;

use super::super::bearer::tests::{Issuer, NOW, claims};
use super::super::tests::{Request, Vectors, clients};
use super::super::{Caller, StoredPolicies, authenticate};
use super::*;
use crate::gateway::AccessPolicy;
use crate::model::{BucketName, TenantId};

const VERSION: &str = "2026-04-06";

struct NoPolicies;

#[async_trait::async_trait]
impl StoredPolicies for NoPolicies {
    async fn of(&self, _: &TenantId, _: &BucketName) -> Result<Vec<AccessPolicy>, Refusal> {
        Ok(Vec::new())
    }
}

fn request(token: &str) -> Request {
    let vectors = Vectors::read();
    let mut request = Request::of(vectors.sas.iter().find(|vector| vector.name == "blob").unwrap(), "10.0.0.7");
    request.query.clear();
    request.header("authorization", &format!("Bearer {token}"))
}

async fn ask(issuer: &Issuer, request: &Request) -> Result<Caller, Refusal> {
    let key = super::super::tests::key();
    authenticate(&request.asked(), &clients(&key), &NoPolicies, Some(&issuer.bearer()), NOW).await
}

fn token(issuer: &Issuer) -> String {
    issuer.sign(Algorithm::ES256, Some("ec-1"), &claims())
}

#[tokio::test]
async fn a_bearer_of_the_account_may_ask_and_its_key_can_be_derived_again() {
    let issuer = Issuer::new();
    let caller = ask(&issuer, &request(&token(&issuer))).await.ok().unwrap();
    assert!(caller.permits(crate::front::azure::wire::operation::Operation::GetUserDelegationKey).is_ok());
    let key = caller.delegation_key(Some("2026-06-01T11:00Z"), "2026-06-02", VERSION, NOW).ok().unwrap();
    assert_eq!((key.oid.as_str(), key.service, key.version.as_str()), ("user-1", "b", VERSION));
    assert_eq!((key.start.as_str(), key.expiry.as_str()), ("2026-06-01T11:00:00Z", "2026-06-02T00:00:00Z"));
    let account = AccountKey::new((0..64).collect()).unwrap();
    let value = STANDARD.decode(key.value.expose()).unwrap();
    let again = |oid, start, expiry, service, version| {
        derive(&account, [oid, &key.tid], [start, expiry], service, version, "viewer")
            .is_some_and(|key| key.made(b"text", AccountKey::new(value.clone()).unwrap().sign(b"text").as_ref()))
    };
    assert!(again("user-1", &key.start, &key.expiry, "b", VERSION));
    assert!(again("user-1", "2026-06-01T11:00:00.0000000Z", "2026-06-02", "b", VERSION), "the same moments");
    assert!(!again("user-2", &key.start, &key.expiry, "b", VERSION));
    assert!(!again("user-1", "2026-06-01T10:00:00Z", &key.expiry, "b", VERSION));
    assert!(!again("user-1", &key.start, "2026-06-03", "b", VERSION));
    assert!(!again("user-1", &key.start, &key.expiry, "q", VERSION));
    assert!(!again("user-1", &key.start, &key.expiry, "b", "2026-04-07"));
}

#[tokio::test]
async fn a_key_lives_seven_days_at_most_and_not_in_the_past() {
    let account = AccountKey::new(vec![1; 32]).unwrap();
    let issuer = Issuer::new();
    let subject = issuer.bearer().verify(&token(&issuer), NOW).await.unwrap();
    let code = |start, expiry| match issue(&account, &subject, "viewer", [start, Some(expiry)], VERSION, NOW) {
        Ok(_) => "",
        Err(refusal) => refusal.code,
    };
    let cases = [
        (None, "2026-06-08T12:00:00Z", ""),
        (Some(""), "2026-06-02", ""),
        (None, "2026-06-08T12:00:01Z", "InvalidXmlNodeValue"),
        (Some("2026-06-02"), "2026-06-08T12:00:00Z", ""),
        // A week from now, however far ahead it begins.
        (Some("2026-06-02"), "2026-06-08T12:00:01Z", "InvalidXmlNodeValue"),
        (Some("2026-06-08T11:00:00Z"), "2026-06-15", "InvalidXmlNodeValue"),
        (Some("2026-06-02"), "2026-06-02", "InvalidXmlNodeValue"),
        (Some("2026-05-01"), "2026-06-01T12:00:00Z", "InvalidXmlNodeValue"),
        (Some("2030-01-01"), "2030-01-02", "InvalidXmlNodeValue"),
        (Some("soon"), "2026-06-02", "InvalidXmlNodeValue"),
        (None, "", "InvalidXmlNodeValue"),
    ];
    for (start, expiry, wanted) in cases {
        assert_eq!(code(start, expiry), wanted, "{start:?} {expiry}");
    }
}

#[tokio::test]
async fn a_token_serves_its_own_account_over_tls_only() {
    let issuer = Issuer::new();
    let whole = request(&token(&issuer));
    let refused =
        |outcome: Result<Caller, Refusal>| outcome.err().map(|refusal| (refusal.status.as_u16(), refusal.code));
    assert_eq!(refused(ask(&issuer, &whole).await), None);
    for account in ["other", "nobody"] {
        let mut elsewhere = whole.clone();
        elsewhere.address(account, "10.0.0.7", true);
        assert_eq!(
            refused(ask(&issuer, &elsewhere).await),
            Some((403, "AuthorizationPermissionMismatch")),
            "{account}"
        );
    }
    let mut plain = whole.clone();
    plain.address("pacs", "10.0.0.7", false);
    assert_eq!(refused(ask(&issuer, &plain).await), Some((403, "AuthenticationFailed")));
    plain.address("pacs", "127.0.0.1", false);
    assert_eq!(refused(ask(&issuer, &plain).await), None);
    let mut claims = claims();
    claims["exp"] = 1.into();
    let late = request(&issuer.sign(Algorithm::ES256, Some("ec-1"), &claims));
    let refusal = ask(&issuer, &late).await.err().unwrap();
    assert!(refusal.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer authorization_uri="));
    assert_eq!(refused(Err(refusal)), Some((401, "InvalidAuthenticationInfo")));
}
