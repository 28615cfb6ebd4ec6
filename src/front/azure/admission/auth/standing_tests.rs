//! What a proof stands on: who set its policy, whom its bearer speaks for, what its client is granted now.

use std::collections::BTreeMap;

use jsonwebtoken::Algorithm;

use super::bearer::tests::{Issuer, NOW, claims};
use super::tests::{Request, Vectors, key, signed};
use super::*;
use crate::model::{Action, Authorized, ClientId, Grant, Requirement, Scope};
use crate::secret::SecretText;

struct Stored(AccessPolicy);

#[async_trait]
impl StoredPolicies for Stored {
    async fn of(&self, _: &TenantId, _: &BucketName) -> Result<Vec<AccessPolicy>, Refusal> {
        Ok(vec![self.0.clone()])
    }
}

fn policy(set_by: Option<&str>) -> Stored {
    let text = |text: &str| Some(text.to_owned());
    let set_by = set_by.map(|id| ClientId::parse(id).unwrap());
    Stored(AccessPolicy {
        id: "ward".into(),
        start: None,
        expiry: text("2026-06-02"),
        permissions: text("rwd"),
        set_by,
    })
}

fn client(id: &str, tenant: &str, actions: &[Action], secret: &str) -> Client {
    let grants = vec![Grant::everywhere(actions.to_vec())];
    Client {
        principal: Principal::new(ClientId::parse(id).unwrap(), TenantId::parse(tenant).unwrap(), grants),
        secret: SecretText::new(secret.to_owned()),
    }
}

const READS: &[Action] = &[Action::Read, Action::Write];
const ADMINISTERS: &[Action] = &[Action::List, Action::Admin];
const BOTH: &[Action] = &[Action::Read, Action::Write, Action::List, Action::Admin];

/// Of the blob `ct/1`: read or write it.
struct Touch(Action, BucketName);

impl crate::model::Operation for Touch {
    fn requirements(&self) -> Vec<Requirement<'_>> {
        vec![Requirement { action: self.0, bucket: &self.1, scope: Scope::Key("ct/1") }]
    }
}

fn may(caller: &Caller, action: Action) -> Option<Authorized<Touch>> {
    caller.principal.authorize(Touch(action, BucketName::parse("imaging").unwrap())).ok()
}

async fn by_policy(clients: &Clients, stored: &Stored) -> Result<Caller, Refusal> {
    let request = signed(&[("sv", "2021-08-06"), ("sr", "b"), ("si", "ward")]);
    authenticate(&request.asked(), clients, stored, None, NOW).await
}

#[tokio::test]
async fn a_stored_policy_gives_no_more_than_who_set_it_could_have_given() {
    let clients = |signer: &[Action], setter: &[Action], tenant: &str| {
        Clients::new(vec![client("pacs", "chum", signer, &key()), client("other", tenant, setter, "b3RoZXI=")])
    };
    let outcome = async |clients: Clients, set_by: Option<&str>| match by_policy(&clients, &policy(set_by)).await {
        Ok(caller) => {
            if may(&caller, Action::Read).is_some() {
                "reads"
            } else {
                "does nothing"
            }
        }
        Err(refusal) => refusal.code,
    };
    assert_eq!(outcome(clients(READS, ADMINISTERS, "chum"), Some("pacs")).await, "reads");
    assert_eq!(outcome(clients(READS, ADMINISTERS, "chum"), Some("other")).await, "does nothing");
    assert_eq!(outcome(clients(READS, BOTH, "chum"), Some("other")).await, "reads");
    assert_eq!(outcome(clients(ADMINISTERS, BOTH, "chum"), Some("other")).await, "does nothing");
    // Nobody speaks for a client that is gone, or of another tenant; nor for one that was not noted.
    assert_eq!(outcome(clients(READS, BOTH, "chum"), Some("gone")).await, "AuthenticationFailed");
    assert_eq!(outcome(clients(READS, BOTH, "chus"), Some("other")).await, "AuthenticationFailed");
    assert_eq!(outcome(clients(READS, BOTH, "chum"), None).await, "AuthenticationFailed");
    assert_eq!(outcome(clients(BOTH, BOTH, "chum"), None).await, "reads");
}

#[tokio::test]
async fn what_a_signature_began_ends_with_the_grants_of_its_client_and_of_who_set_its_policy() {
    let of = |signer: Option<&str>, setter: &[Action]| {
        let signer = signer.map(|secret| client("pacs", "chum", READS, secret));
        signer.into_iter().chain([client("other", "chum", setter, "b3RoZXI=")]).collect::<Vec<_>>()
    };
    let clients = Clients::new(of(Some(&key()), BOTH));
    let begun = async |clients: &Clients| {
        let caller = by_policy(clients, &policy(Some("other"))).await.ok().unwrap();
        may(&caller, Action::Write).unwrap().into_parts().0
    };
    let first = begun(&clients).await;
    assert!(first.still_may());
    clients.replace(of(Some(&key()), BOTH));
    assert!(first.still_may(), "nothing changed");
    clients.replace(of(Some(&key()), ADMINISTERS));
    assert!(!first.still_may(), "who set the policy may not write any more");
    clients.replace(of(Some(&key()), BOTH));
    let second = begun(&clients).await;
    clients.replace(of(Some("YW5vdGhlcg=="), BOTH));
    assert!(!second.still_may(), "it was signed with a key that is no longer the client's");
    clients.replace(of(Some(&key()), BOTH));
    let third = begun(&clients).await;
    clients.replace(of(None, BOTH));
    assert!(!third.still_may() && !second.still_may());
}

#[tokio::test]
async fn what_a_bearer_began_and_its_delegation_keys_end_with_its_mapping() {
    let issuer = Issuer::new();
    let bearer = issuer.bearer();
    let clients = Clients::new(vec![client("pacs", "chum", READS, &key())]);
    let ask = async |request: &Request| {
        let stored = policy(None);
        authenticate(&request.asked(), &clients, &stored, Some(&bearer), NOW).await
    };
    let vectors = Vectors::read();
    let named = |name: &str| Request::of(vectors.sas.iter().find(|vector| vector.name == name).unwrap(), "10.0.0.7");
    let delegated = named("delegated blob");
    let token = issuer.sign(Algorithm::ES256, Some("ec-1"), &claims());
    let mut by_token = named("blob").header("authorization", &format!("Bearer {token}"));
    by_token.query.clear();
    let mut begun = Vec::new();
    for request in [&delegated, &by_token] {
        let caller = ask(request).await.ok().unwrap();
        begun.push(may(&caller, Action::Write).unwrap().into_parts().0);
    }
    assert!(begun.iter().all(Principal::still_may));
    let to = |value: &str, id: &str| BTreeMap::from([(value.to_owned(), ClientId::parse(id).unwrap())]);
    // The value names another client; another value names this one; none does.
    for mapped in [to("viewer", "other"), to("another", "pacs"), BTreeMap::new()] {
        bearer.clients().replace(mapped);
        assert!(!begun.iter().any(Principal::still_may));
        assert_eq!(ask(&delegated).await.err().unwrap().code, "AuthenticationFailed");
        assert!(ask(&by_token).await.is_err());
    }
    bearer.clients().replace(to("viewer", "pacs"));
    assert!(ask(&delegated).await.is_ok() && ask(&by_token).await.is_ok());
}
