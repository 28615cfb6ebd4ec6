//! Who asks: SigV4, in headers or in the query, by a client that is configured now.
//!
//! # Invariants
//! - One mechanism is let through. SigV2, SigV4A, POST forms, session tokens, the service `sts` and anonymous requests are
//!   refused.
//! - The host and every `x-amz-*` header are signed: nobody who holds a presigned URL adds a meaning to it.
//! - What comes twice and may come once is refused, never read as absent.
//! - An unknown id costs the work that a known one costs and is answered with the same words.
//!
//! Source: S3 "Authenticating requests (AWS Signature Version 4)".

mod hoist;
mod payload;
mod screen;

use std::sync::LazyLock;

use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use crate::front::s3::wire::asked::Asked;
use crate::front::s3::wire::errors::{self, invalid, plain};
use crate::front::s3::wire::refusal::Refusal;
use crate::front::s3::wire::sigv4::{
    self, ALGORITHM, CONTENT_SHA256, Canonical, Credential, DATE, SigningKey, UNSIGNED, canonical_path, canonical_query,
};
use crate::gateway::Clients;
use crate::model::Principal;
use crate::secret::{SecretText, fill_random};

pub(in crate::front::s3) use payload::Payload;

/// How far a client's clock may be off, in seconds.
const MOST_SKEW_SECONDS: i64 = 15 * 60;
/// The longest life of a presigned URL. Source: S3 "Download and upload objects with presigned URLs".
const LONGEST_LIFE_SECONDS: i64 = 7 * 24 * 3600;

/// Stands for the secrets of clients that are not there: random, and nobody knows it.
static NOBODY: LazyLock<Option<SecretText>> = LazyLock::new(|| {
    let mut random = [0; 20];
    fill_random(&mut random).ok()?;
    Some(SecretText::new(hex::encode(random)))
});

/// Who asks, proven.
pub(in crate::front::s3) struct Caller {
    /// The client, with its grants.
    pub(in crate::front::s3) principal: Principal,
    /// What is known of the body.
    pub(in crate::front::s3) payload: Payload,
    /// What the signatures of chunks follow from.
    pub(in crate::front::s3) proof: Proof,
}

/// What the signatures of chunks follow from.
pub(in crate::front::s3) struct Proof {
    /// When it was signed.
    pub(in crate::front::s3) timestamp: String,
    /// `date/region/s3/aws4_request`.
    pub(in crate::front::s3) scope: String,
    /// The signature of the request.
    pub(in crate::front::s3) signature: String,
}

/// What a signed request says of its signature.
struct Claimed<'a> {
    credential: Credential<'a>,
    signed: Vec<&'a str>,
    signature: &'a str,
    timestamp: &'a str,
}

/// Finds out who asks. `region`: the only one that signatures may name. `now`: seconds since the epoch.
pub(in crate::front::s3) fn authenticate(
    asked: &mut Asked<'_>,
    clients: &Clients,
    region: Option<&str>,
    now: i64,
) -> Result<Caller, Refusal> {
    screen::once(asked)?;
    screen::mechanism(asked)?;
    let authorization = asked.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let presigned = asked.names("X-Amz-Signature") || asked.names("X-Amz-Algorithm");
    let (principal, proof) = match (authorization, presigned) {
        (Some(_), true) => return Err(invalid("InvalidArgument", "Only one auth mechanism allowed")),
        (None, false) => return Err(errors::access_denied()),
        (Some(text), false) => by_header(asked, text, clients, region, now)?,
        (None, true) => by_query(asked, clients, region, now)?,
    };
    if presigned {
        hoist::hoist(asked)?;
    }
    let payload = Payload::of(&asked.headers, presigned)?;
    Ok(Caller { principal, payload, proof })
}

fn by_header(
    asked: &Asked<'_>,
    text: &str,
    clients: &Clients,
    region: Option<&str>,
    now: i64,
) -> Result<(Principal, Proof), Refusal> {
    let malformed = || invalid("AuthorizationHeaderMalformed", "The authorization header is malformed.");
    let fields = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(char::is_whitespace));
    let Some(fields) = fields else {
        return Err(if text.starts_with("AWS ") { screen::old_signature() } else { malformed() });
    };
    let of = |name| field(fields, name).ok_or_else(malformed);
    let (credential, signed, signature) = (of("Credential")?, of("SignedHeaders")?, of("Signature")?);
    let credential = Credential::parse(credential).ok_or_else(malformed)?;
    screen::scope(&credential, region).ok_or_else(malformed)??;
    screen::framing(&asked.headers)?;
    let signed = screen::signed(signed, asked, false)?;
    let Some(timestamp) = asked.header(&DATE) else {
        return Err(plain("AccessDenied", 403, "AWS authentication requires a valid x-amz-date header"));
    };
    let at = sigv4::seconds_of(timestamp)
        .ok_or_else(|| plain("AccessDenied", 403, "AWS authentication requires a valid x-amz-date header"))?;
    if (now - at).abs() > MOST_SKEW_SECONDS {
        return Err(screen::too_skewed());
    }
    let Some(payload) = asked.header(&CONTENT_SHA256) else {
        let text = "Missing required header for this request: x-amz-content-sha256";
        return Err(invalid("InvalidRequest", text));
    };
    verify(asked, &Claimed { credential, signed, signature, timestamp }, clients, &[payload])
}

/// A field of the authorization header that is there once.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

fn by_query(
    asked: &Asked<'_>,
    clients: &Clients,
    region: Option<&str>,
    now: i64,
) -> Result<(Principal, Proof), Refusal> {
    let wrong = |text| invalid("AuthorizationQueryParametersError", text);
    let broken = || wrong("The query parameters of the signature are malformed.");
    let of = |name| asked.parameter(name).ok_or_else(broken);
    if of("X-Amz-Algorithm")? != ALGORITHM {
        return Err(broken());
    }
    let credential = Credential::parse(of("X-Amz-Credential")?).ok_or_else(broken)?;
    let (signed, signature) = (of("X-Amz-SignedHeaders")?, of("X-Amz-Signature")?);
    let life = of("X-Amz-Expires")?.parse::<u32>().map(i64::from);
    let life = life.ok().filter(|life| (1..=LONGEST_LIFE_SECONDS).contains(life));
    let life = life.ok_or_else(|| wrong("X-Amz-Expires must be between 1 and 604800 seconds (7 days)"))?;
    screen::scope(&credential, region).ok_or_else(broken)??;
    screen::framing(&asked.headers)?;
    let signed = screen::signed(signed, asked, true)?;
    let timestamp = of("X-Amz-Date")?;
    let at = sigv4::seconds_of(timestamp)
        .ok_or_else(|| wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    if at - now > MOST_SKEW_SECONDS {
        return Err(screen::too_skewed());
    }
    if now - at > life {
        return Err(plain("AccessDenied", 403, "Request has expired"));
    }
    // The hash of the body may be signed in its place, or not.
    let named = asked.header(&CONTENT_SHA256).or_else(|| {
        let mut pairs = asked.query.iter();
        pairs.find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_SHA256.as_str())).map(|(_, value)| value.as_str())
    });
    let payloads: &[&str] = &[UNSIGNED, named.unwrap_or(UNSIGNED)];
    verify(asked, &Claimed { credential, signed, signature, timestamp }, clients, payloads)
}

/// Holds the signature against the one of the client's secret. `payloads`: what may stand for the body.
fn verify(
    asked: &Asked<'_>,
    claimed: &Claimed<'_>,
    clients: &Clients,
    payloads: &[&str],
) -> Result<(Principal, Proof), Refusal> {
    let Claimed { credential, signed, signature, timestamp } = claimed;
    if !timestamp.starts_with(credential.date) || credential.date.len() != DATE_DIGITS {
        return Err(screen::does_not_match());
    }
    let client = clients.find(credential.id);
    let secret = client.as_ref().map(|client| &client.secret).or(NOBODY.as_ref()).ok_or_else(errors::internal)?;
    let key = SigningKey::new(secret.expose(), credential.scope);
    let query = canonical_query(&asked.query);
    let decoded: Vec<u8> = percent_decode_str(asked.path).collect();
    let canonical = canonical_path(&decoded);
    // Some clients sign their path as they send it.
    let paths: &[&str] = if asked.path == canonical { &[&canonical] } else { &[&canonical, asked.path] };
    let fits = paths.iter().any(|path| {
        payloads.iter().any(|payload| {
            let canonical = Canonical {
                method: asked.method.as_str(),
                path,
                query: &query,
                headers: &asked.headers,
                host: &asked.host,
                signed,
                payload,
            };
            sigv4::same(&key.sign(&canonical.to_sign(timestamp, credential.scope)), signature)
        })
    });
    match client {
        Some(client) if fits => {
            let proof = Proof {
                timestamp: (*timestamp).to_owned(),
                scope: credential.scope.to_owned(),
                signature: (*signature).to_owned(),
            };
            Ok((client.principal.clone(), proof))
        }
        _ => Err(screen::does_not_match()),
    }
}

const DATE_DIGITS: usize = 8;

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
