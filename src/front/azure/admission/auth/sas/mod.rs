//! Shared access signatures: of an account, of a container or blob, and those that a user delegation key signs.
//!
//! Sources: "Create an account SAS", "Create a service SAS", "Create a user delegation SAS", "Define a stored access policy".
//!
//! # Invariants
//! - A token is genuine before anything that it says is acted upon.
//! - What a stored policy adds to a signature, whoever set the policy may do as well.
//! - What cannot be honoured is refused: encryption scopes, directories, users that must be asked for.

pub(super) mod instant;
mod layout;
mod limits;
mod setter;
mod token;
mod version;

use std::sync::Arc;

use super::bearer::Bearer;
use super::key::AccountKey;
use super::particulars::Particulars;
use super::{StoredPolicies, delegation, failure};
use crate::front::azure::wire::asked::{Asked, Target};
use crate::front::azure::wire::refusal::Refusal;
use crate::gateway::{Client, Clients};
use crate::model::{Action, BucketName, Grant, Scope, Standing, Timestamp};

pub(super) use token::Token;
use version::{ADDRESS_AND_PROTOCOL, RESOURCE};

/// What a genuine token lets its holder do.
pub(super) struct Delegated {
    /// What over.
    pub(super) reach: Reach,
    /// What.
    pub(super) letters: Letters,
    /// Headers of the answer to GET and HEAD.
    pub(super) overrides: ResponseOverrides,
    /// What must hold beside the client's grants: the bearer's mapping, the grants of who set the stored policy.
    pub(super) stands_on: Vec<Arc<dyn Standing>>,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The whole account: service, containers, objects, as `types` says.
    Account {
        /// `s`, `c`, `o`.
        types: Letters,
        /// Whether the Blob service is among the services.
        blob_service: bool,
    },
    /// The container that is addressed, and every blob in it.
    Container,
    /// The blob, snapshot or version that is addressed.
    Blob,
}

/// Headers of answers that a token lays down. Empty values do not occur.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::front::azure) struct ResponseOverrides {
    /// `rscc`
    pub(in crate::front::azure) cache_control: Option<String>,
    /// `rscd`
    pub(in crate::front::azure) content_disposition: Option<String>,
    /// `rsce`
    pub(in crate::front::azure) content_encoding: Option<String>,
    /// `rscl`
    pub(in crate::front::azure) content_language: Option<String>,
    /// `rsct`
    pub(in crate::front::azure) content_type: Option<String>,
}

/// A set of letters, in any order, as Azure takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Letters(u32);

impl Letters {
    /// Every permission that a token can have, those of other services too.
    pub(super) const KNOWN: &'static [u8] = b"racwdxyltfmeopiu";

    /// `None` when there is another letter in it.
    fn parse(text: &str, known: &[u8]) -> Option<Self> {
        let mut letters = Self::default();
        for byte in text.bytes() {
            letters.0 |= Self::bit(byte).filter(|_| known.contains(&byte))?;
        }
        Some(letters)
    }

    fn bit(byte: u8) -> Option<u32> {
        byte.is_ascii_lowercase().then(|| 1 << (byte - b'a'))
    }

    /// Whether this letter is in it.
    pub(super) fn has(self, letter: u8) -> bool {
        Self::bit(letter).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Whether one of these letters is in it.
    pub(super) fn has_any(self, letters: &[u8]) -> bool {
        letters.iter().any(|letter| self.has(*letter))
    }
}

impl Token {
    /// Checks that the account's key made the token, and that it is for this request: time, place, protocol, resource.
    pub(super) async fn verify(
        &self,
        asked: &Asked<'_>,
        client: &Client,
        clients: &Clients,
        bearer: Option<&Bearer>,
        policies: &dyn StoredPolicies,
        now: Timestamp,
    ) -> Result<Delegated, Refusal> {
        let key = AccountKey::of(client)?;
        let reach = self.reach()?;
        let mut stands_on = Vec::new();
        match reach {
            Reach::Account { .. } => self.must_be_made(&key, &layout::account(self, &asked.target.account)?)?,
            _ if !self.has("skoid") => self.must_be_made(&key, &layout::service(self, asked)?)?,
            _ => {
                // A key of a time when there was an issuer says nothing any more.
                let bearer = bearer.ok_or_else(failure::wrong_signature)?;
                stands_on.push(self.made_by_delegation(&key, client, bearer, &layout::delegation(self, asked)?)?);
            }
        }
        self.refuse_what_cannot_be_honoured()?;
        if self.has("skoid") {
            limits::check_time(self.value("skt"), self.value("ske"), now)?;
        }
        let ([start, expiry, permissions], setter) = self.bounds(asked, client, clients, policies).await?;
        stands_on.extend(setter);
        limits::check_time(&start, &expiry, now)?;
        limits::check_address(self.value("sip"), asked.remote)?;
        limits::check_protocol(self.value("spr"), asked.tls)?;
        let letters = Letters::parse(&permissions, Letters::KNOWN).filter(|letters| *letters != Letters::default());
        let letters = letters.ok_or_else(|| failure::sas("the permissions are missing or not known"))?;
        Ok(Delegated { reach, letters, overrides: self.overrides(), stands_on })
    }

    /// All that is understood of a token before its signature is looked at, and the text of the signature; for fuzzing.
    pub(super) fn probe(&self, asked: &Asked<'_>) -> Option<String> {
        let text = match self.reach().ok()? {
            Reach::Account { .. } => layout::account(self, &asked.target.account),
            _ if self.has("skoid") => layout::delegation(self, asked),
            _ => layout::service(self, asked),
        };
        let _time = limits::check_time(self.value("st"), self.value("se"), Timestamp(0));
        let _place = limits::check_address(self.value("sip"), asked.remote);
        let _letters = Letters::parse(self.value("sp"), Letters::KNOWN);
        text.ok()
    }

    /// What the token is for, by the parameters that only its kind has.
    fn reach(&self) -> Result<Reach, Refusal> {
        if self.has("ss") || self.has("srt") {
            let types = Letters::parse(self.value("srt"), b"sco").filter(|types| *types != Letters::default());
            let types = types.ok_or_else(|| failure::sas("srt is missing or not known"))?;
            let services = Letters::parse(self.value("ss"), b"bqtf").ok_or_else(|| failure::sas("ss is not known"))?;
            if self.version < ADDRESS_AND_PROTOCOL {
                return Err(failure::sas("sv is older than this kind of signature"));
            }
            return Ok(Reach::Account { types, blob_service: services.has(b'b') });
        }
        let moments = self.version >= RESOURCE;
        match self.value("sr") {
            "c" => Ok(Reach::Container),
            "b" => Ok(Reach::Blob),
            "bs" | "bv" if moments => Ok(Reach::Blob),
            "d" => {
                Err(failure::sas("directories are of accounts with a hierarchical namespace, which this one has not"))
            }
            _ => Err(failure::sas("sr is missing or not known")),
        }
    }

    fn must_be_made(&self, key: &AccountKey, text: &str) -> Result<(), Refusal> {
        if key.made(text.as_bytes(), &self.signature) { Ok(()) } else { Err(failure::wrong_signature()) }
    }

    /// Checks that a user delegation key made the token, of a bearer that speaks for the client still; gives what it stands
    /// on. Which value of the claim the bearer spoke by is in the key, so each that is mapped now is tried.
    fn made_by_delegation(
        &self,
        account: &AccountKey,
        client: &Client,
        bearer: &Bearer,
        text: &str,
    ) -> Result<Arc<dyn Standing>, Refusal> {
        if self.version < RESOURCE {
            return Err(failure::sas("sv is older than this kind of signature"));
        }
        let [oid, tid, start, expiry, service, version] =
            ["skoid", "sktid", "skt", "ske", "sks", "skv"].map(|name| self.value(name));
        let key = |value: &str| delegation::derive(account, [oid, tid], [start, expiry], service, version, value);
        if key("").is_none() {
            return Err(failure::sas("the fields of the user delegation key are not as they must be"));
        }
        let id = &client.principal.client;
        let made = |value: &String| key(value).is_some_and(|key| key.made(text.as_bytes(), &self.signature));
        let value = bearer.values_of(id).into_iter().find(made).ok_or_else(failure::wrong_signature)?;
        Ok(bearer.mapping(&value, id))
    }

    fn refuse_what_cannot_be_honoured(&self) -> Result<(), Refusal> {
        let fields = [
            ("ses", "encryption scopes"),
            ("suoid", "checks of access control lists"),
            ("sduoid", "signatures that are bound to a user"),
            ("skdutid", "signatures that are bound to a user"),
        ];
        match fields.iter().find(|(name, _)| self.has(name)) {
            Some((_, what)) => Err(failure::detailed(&format!("This server does not support {what}."))),
            None => Ok(()),
        }
    }

    /// Start, expiry and permissions: each from the token or from the stored policy that it names, never from both. And what
    /// the policy stands on.
    async fn bounds(
        &self,
        asked: &Asked<'_>,
        client: &Client,
        clients: &Clients,
        policies: &dyn StoredPolicies,
    ) -> Result<([String; 3], Option<Arc<dyn Standing>>), Refusal> {
        let own = ["st", "se", "sp"].map(|name| self.value(name).to_owned());
        if !self.has("si") {
            return Ok((own, None));
        }
        let container = asked.target.container.as_deref().and_then(|name| BucketName::parse(name).ok());
        let stored = match &container {
            Some(bucket) => policies.of(&client.principal.tenant, bucket).await?,
            None => Vec::new(),
        };
        let policy = stored.into_iter().find(|policy| policy.id == self.value("si"));
        let (Some(policy), Some(bucket)) = (policy, &container) else {
            return Err(failure::detailed("The stored access policy of the signature does not exist."));
        };
        let setter = setter::of(&policy, bucket, client, clients)?;
        let [start, expiry, permissions] = own;
        let one = |own: String, stored: Option<String>| match stored.filter(|stored| !stored.is_empty()) {
            Some(_) if !own.is_empty() => Err(failure::detailed(
                "Access policy fields can be in the signature or in the stored policy, not in both.",
            )),
            Some(stored) => Ok(stored),
            None => Ok(own),
        };
        let bounds = [one(start, policy.start)?, one(expiry, policy.expiry)?, one(permissions, policy.permissions)?];
        Ok((bounds, setter))
    }

    fn overrides(&self) -> ResponseOverrides {
        let value = |name| Some(self.value(name)).filter(|value| !value.is_empty()).map(str::to_owned);
        ResponseOverrides {
            cache_control: value("rscc"),
            content_disposition: value("rscd"),
            content_encoding: value("rsce"),
            content_language: value("rscl"),
            content_type: value("rsct"),
        }
    }
}

impl Delegated {
    /// The grants that the token comes down to, as a layer on the client's own: the second fence.
    pub(super) fn layer(&self, target: &Target, particulars: &Particulars) -> Vec<Grant> {
        let actions = self.actions(particulars);
        let bucket = target.container.as_deref().and_then(|name| BucketName::parse(name).ok());
        match (self.reach, bucket, target.blob.as_deref()) {
            (Reach::Account { types, .. }, _, _) => {
                // Metadata of a container is read with `r`, and its blobs are not.
                let reads = types.has(b'c') && self.letters.has(b'r');
                let containers = if reads { vec![Action::Read] } else { Vec::new() };
                vec![Grant::everywhere(actions), Grant::of_buckets(containers)]
            }
            (Reach::Container, Some(bucket), _) => vec![Grant::within(bucket, Scope::Bucket, actions)],
            (Reach::Blob, Some(bucket), Some(blob)) => vec![Grant::within(bucket, Scope::Key(blob), actions)],
            // A name that no bucket can have.
            (Reach::Container | Reach::Blob, _, _) => Vec::new(),
        }
    }

    /// Whether whole blobs may be read: with `t` or `f` alone tags may be.
    pub(in crate::front::azure::admission::auth) fn reads_objects(&self) -> bool {
        let objects = match self.reach {
            Reach::Account { types, .. } => types.has(b'o'),
            Reach::Container | Reach::Blob => true,
        };
        objects && self.letters.has(b'r')
    }

    /// What the gateway asks for, operation by operation: `gateway::operations`.
    fn actions(&self, particulars: &Particulars) -> Vec<Action> {
        let (objects, containers, lists) = match self.reach {
            Reach::Account { types, .. } => (types.has(b'o'), types.has(b'c'), types.has_any(b"sc")),
            Reach::Container => (true, false, true),
            Reach::Blob => (true, false, false),
        };
        let has = |letters: &[u8]| self.letters.has_any(letters);
        let finds = (objects || lists) && has(b"f") && self.reach != Reach::Blob;
        // Tags are read with `t`. To the gateway, whoever compares an ETag reads; to Azure, who may write may compare.
        let reads = has(b"rt") || (particulars.compares_etag && has(b"acwd"));
        // To Azure, who may delete may break a lease.
        let writes = has(b"acwti") || (particulars.breaks_lease && has(b"d"));
        let allowed = [
            // Who finds blobs by their tags is told them.
            (Action::Read, (objects && reads) || finds),
            (Action::Write, objects && writes),
            // A container goes with what is in it.
            (Action::Delete, (objects && has(b"dxy")) || (containers && has(b"d"))),
            // Properties of a container are what the gateway calls seeing that it exists.
            (Action::List, finds || (lists && has(b"l")) || (containers && has(b"rcwd"))),
            (Action::Admin, containers && has(b"cwd")),
        ];
        allowed.into_iter().filter(|(_, allowed)| *allowed).map(|(action, _)| action).collect()
    }
}
