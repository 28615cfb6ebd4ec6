//! Who asks, and what the proof that they brought allows.
//!
//! A request proves itself with a shared key or a bearer token in its `Authorization` header, or with a shared access
//! signature (SAS) in its query; never with two of them. A key and a token speak for the client, a signature for what the
//! client delegated: less, and for a time.
//!
//! # Invariants
//! - Signatures are compared in constant time, and before anything else that a SAS says is believed or looked up.
//! - What is signed is what the request says. Of headers and parameters that come twice, none is taken.
//! - A SAS is two fences: its letters against the operation ([`needs`]), and a layer of grants on the principal, which the
//!   gateway checks whatever the front does.
//! - A refusal tells which step failed, and of the server's side nothing. The string-to-sign, which Azure tells, is left out:
//!   it holds copy sources with their signatures, keys of clients and names of objects, and SDKs write it to logs.

mod bearer;
mod delegation;
mod failure;
mod fault;
mod jwks;
mod key;
mod needs;
mod particulars;
mod probe;
mod sas;
mod shared_key;

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderName;
use http::header::{self, AUTHORIZATION};

use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::operation::Operation;
use crate::front::azure::wire::refusal::Refusal;
use crate::gateway::{AccessPolicy, Client, Clients};
use crate::model::{BucketName, ObjectKey, Principal, TenantId, Timestamp};

pub use bearer::{Bearer, BearerSettings, TokenClients};
pub use fault::{BearerError, BearerSetupError};
pub use jwks::Jwks;
pub use probe::{canonical_request, parse_sas};

pub(in crate::front::azure) use delegation::DelegationKey;
pub(in crate::front::azure) use sas::ResponseOverrides;

use bearer::Subject;
use key::AccountKey;
use particulars::Particulars;
use sas::Delegated;

/// Where stored access policies are. A container that is not there has none.
#[async_trait]
pub(in crate::front::azure) trait StoredPolicies: Sync {
    /// The policies of a container.
    async fn of(&self, tenant: &TenantId, bucket: &BucketName) -> Result<Vec<AccessPolicy>, Refusal>;
}

/// Who asked, proven.
pub(in crate::front::azure) struct Caller {
    /// The client whose account it is, narrowed to what it delegated.
    pub(in crate::front::azure) principal: Principal,
    client: Arc<Client>,
    proof: Proof,
    particulars: Particulars,
}

/// What a request proved itself with.
enum Proof {
    /// The account's key.
    Key,
    /// A token of the configured issuer.
    Bearer(Subject),
    /// A shared access signature.
    Sas(Delegated),
}

/// Finds out who asks. `policies` is asked only for a signature that is genuine and names a policy.
pub(in crate::front::azure) async fn authenticate(
    asked: &Asked<'_>,
    clients: &Clients,
    policies: &dyn StoredPolicies,
    bearer: Option<&Bearer>,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    screen(asked)?;
    let proof = match (asked.headers.get(AUTHORIZATION), asked.parameter("sig")) {
        (Some(_), Some(_)) => {
            return Err(failure::detailed("Authorization comes in a header or in the query, not in both."));
        }
        (None, None) => return Err(failure::nothing_proven(bearer)),
        (None, Some(_)) => {
            let token = sas::Token::parse(&asked.query)?;
            let client = account(asked, clients)?;
            let delegated = token.verify(asked, &client, clients, bearer, policies, now).await?;
            let principal = Caller::delegated(&client, &delegated, asked);
            return Ok(Caller::new(asked, client, principal, Proof::Sas(delegated)));
        }
        (Some(value), None) => value.to_str().map_err(|_cause| failure::malformed())?,
    };
    let (scheme, credentials) = proof.split_once(' ').ok_or_else(failure::malformed)?;
    let lite = scheme.eq_ignore_ascii_case("SharedKeyLite");
    if lite || scheme.eq_ignore_ascii_case("SharedKey") {
        let signed = shared_key::Signed::parse(credentials, lite).ok_or_else(failure::malformed)?;
        let client = account(asked, clients)?;
        signed.verify(asked, &AccountKey::of(&client)?, now)?;
        let principal = client.principal.clone();
        return Ok(Caller::new(asked, client, principal, Proof::Key));
    }
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(failure::malformed());
    }
    let Some(bearer) = bearer else { return Err(failure::bearer_is_not_accepted()) };
    if !asked.tls && !asked.remote.to_canonical().is_loopback() {
        return Err(failure::detailed("Authentication scheme Bearer is not supported without TLS."));
    }
    let subject = bearer.verify(credentials.trim(), now).await.map_err(|fault| failure::token(bearer, fault))?;
    // Whether the account exists is nothing to tell to a token that is not for it.
    let client = clients.find(&asked.target.account).ok_or_else(Refusal::not_permitted)?;
    let value = subject.speaks_for(&client.principal.client).ok_or_else(Refusal::not_permitted)?;
    let principal = client.principal.standing_on(bearer.mapping(value, &client.principal.client));
    Ok(Caller::new(asked, client, principal, Proof::Bearer(subject)))
}

/// The client of the account that is addressed. An unknown one is answered as a wrong signature is.
fn account(asked: &Asked<'_>, clients: &Clients) -> Result<Arc<Client>, Refusal> {
    clients.find(&asked.target.account).ok_or_else(failure::wrong_signature)
}

/// What decides what is signed or how the request is read comes once: whoever reads on takes the first value, and a shared
/// key signs two values of a parameter as it does one with a comma.
fn screen(asked: &Asked<'_>) -> Result<(), Refusal> {
    for name in asked.headers.keys() {
        let once = name.as_str().starts_with("x-ms-") || UNIQUE.contains(name);
        if once && asked.headers.get_all(name).iter().nth(1).is_some() {
            return Err(Refusal::invalid_header(name.as_str(), "").detail("Reason", "The header comes twice."));
        }
    }
    let mut names: Vec<String> = asked.query.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[String]>::first) {
        Some(twice) => Err(Refusal::invalid_parameter(twice, "").detail("Reason", "The parameter comes twice.")),
        None => Ok(()),
    }
}

impl Caller {
    fn new(asked: &Asked<'_>, client: Arc<Client>, principal: Principal, proof: Proof) -> Self {
        Self { principal, client, proof, particulars: Particulars::of(asked) }
    }

    /// The client, narrowed to what a signature says, as long as all that it stands on does.
    fn delegated(client: &Client, delegated: &Delegated, asked: &Asked<'_>) -> Principal {
        let layer = delegated.layer(&asked.target, &Particulars::of(asked));
        let narrowed = client.principal.narrowed(layer);
        delegated.stands_on.iter().fold(narrowed, |principal, standing| principal.standing_on(Arc::clone(standing)))
    }

    /// Whether the proof serves for `operation` as this request asks for it: with its tags, its kind of deletion, …
    /// What the client itself may do is the gateway's to check.
    pub(in crate::front::azure) fn permits(&self, operation: Operation) -> Result<(), Refusal> {
        match &self.proof {
            Proof::Bearer(_) => Ok(()),
            Proof::Key if operation == Operation::GetUserDelegationKey => {
                Err(failure::detailed("Only authentication scheme Bearer is supported."))
            }
            Proof::Key => Ok(()),
            Proof::Sas(delegated) => needs::permits(delegated, operation, &self.particulars),
        }
    }

    /// Whether the proof also serves for reading the source that `asked` addresses, in the same account.
    pub(in crate::front::azure) fn permits_as(&self, operation: Operation, asked: &Asked<'_>) -> Result<(), Refusal> {
        match &self.proof {
            Proof::Bearer(_) | Proof::Key => Ok(()),
            Proof::Sas(delegated) => needs::permits(delegated, operation, &Particulars::of(asked)),
        }
    }

    /// Whether what is there may be written over. A SAS that only lets create does not: the write must be create-only, and
    /// a blob that is there is then answered with [`Refusal::not_permitted`].
    pub(in crate::front::azure) fn may_overwrite(&self) -> bool {
        match &self.proof {
            Proof::Key | Proof::Bearer(_) => true,
            Proof::Sas(delegated) => delegated.letters.has(b'w'),
        }
    }

    /// Whether lists tell the caller what only a reader of that blob may know: its content's headers, metadata, tags.
    pub(in crate::front::azure) fn reads(&self, bucket: &BucketName, key: &ObjectKey) -> bool {
        let by_proof = match &self.proof {
            Proof::Key | Proof::Bearer(_) => true,
            Proof::Sas(delegated) => delegated.reads_objects(),
        };
        by_proof && self.principal.may_read(bucket, key.as_str())
    }

    /// Response headers that a SAS lays down for GET and HEAD of a blob.
    pub(in crate::front::azure) fn response_overrides(&self) -> Option<&ResponseOverrides> {
        match &self.proof {
            Proof::Key | Proof::Bearer(_) => None,
            Proof::Sas(delegated) => Some(&delegated.overrides),
        }
    }

    /// A user delegation key, with `start` and `expiry` as the request has them. For a bearer only.
    pub(in crate::front::azure) fn delegation_key(
        &self,
        start: Option<&str>,
        expiry: &str,
        version: &str,
        now: Timestamp,
    ) -> Result<DelegationKey, Refusal> {
        let Proof::Bearer(subject) = &self.proof else {
            return Err(failure::detailed("Only authentication scheme Bearer is supported."));
        };
        let value = subject.speaks_for(&self.client.principal.client).ok_or_else(Refusal::not_permitted)?;
        delegation::issue(&AccountKey::of(&self.client)?, subject, value, [start, Some(expiry)], version, now)
    }
}

/// Headers that come once, beside `x-ms-…`.
const UNIQUE: [HeaderName; 14] = [
    AUTHORIZATION,
    header::HOST,
    header::DATE,
    header::RANGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    CONTENT_MD5,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::TRANSFER_ENCODING,
];
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

#[cfg(test)]
mod standing_tests;
#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
