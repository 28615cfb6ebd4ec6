//! Refusals of proofs: uniform, each with the step that failed.
//!
//! Source: "Common REST API error codes"; "Authorize with Microsoft Entra ID", bearer challenge.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::bearer::Bearer;
use super::fault::BearerError;
use crate::front::azure::wire::codes::Code;
use crate::front::azure::wire::refusal::Refusal;

/// 403: the proof is not good. `detail` holds nothing but what the client knows.
pub(super) fn detailed(detail: &str) -> Refusal {
    let text = "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
                correctly including the signature.";
    Refusal::new(StatusCode::FORBIDDEN, Code::AuthenticationFailed, text).detail("AuthenticationErrorDetail", detail)
}

/// 403: a signature that this account's key did not make; an account that is not there; a key that cannot serve.
pub(super) fn wrong_signature() -> Refusal {
    detailed("The signature in the request is not the one that the server computed.")
}

/// 403: a parameter of a SAS is missing or is not as it must be.
pub(super) fn sas(reason: &str) -> Refusal {
    detailed(&format!("Signature fields not well formed: {reason}."))
}

/// 400: the `Authorization` header is not understood.
pub(super) fn malformed() -> Refusal {
    let text = "The authentication information was not provided in the correct format. Verify the value of \
                Authorization header.";
    Refusal::new(StatusCode::BAD_REQUEST, Code::InvalidAuthenticationInfo, text)
}

/// 401: no proof at all.
pub(super) fn nothing_proven(bearer: Option<&Bearer>) -> Refusal {
    challenge(Refusal::new(StatusCode::UNAUTHORIZED, Code::NoAuthenticationInformation, SEE_CHALLENGE), bearer)
}

/// 401: a bearer token where no issuer is configured. The challenge names what serves.
pub(super) fn bearer_is_not_accepted() -> Refusal {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, Code::InvalidAuthenticationInfo, SEE_CHALLENGE);
    challenge(refusal.detail("AuthenticationErrorDetail", "Authentication scheme Bearer is not supported."), None)
}

/// 401: a bearer token that does not serve. 503: the issuer's keys are not to be had.
pub(super) fn token(bearer: &Bearer, error: BearerError) -> Refusal {
    if error == BearerError::KeysUnavailable {
        let text = "The server is currently unable to receive requests. Please retry your request.";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::ServerBusy, text);
    }
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, Code::InvalidAuthenticationInfo, SEE_CHALLENGE);
    challenge(refusal.detail("AuthenticationErrorDetail", error.to_string()), Some(bearer))
}

/// 403 of an operation that the proof does not serve for.
pub(super) fn not_authorized(code: Code, what: &str) -> Refusal {
    let text = format!("This request is not authorized to perform this operation{what}.");
    Refusal::new(StatusCode::FORBIDDEN, code, text)
}

/// RFC 9110 §11.6.1 asks for a challenge with every 401.
fn challenge(refusal: Refusal, bearer: Option<&Bearer>) -> Refusal {
    match bearer {
        Some(bearer) => refusal.header(WWW_AUTHENTICATE, &bearer.challenge()),
        None => refusal.header(WWW_AUTHENTICATE, "SharedKey"),
    }
}

const SEE_CHALLENGE: &str = "Server failed to authenticate the request. Please refer to the information in the \
                             www-authenticate header.";
