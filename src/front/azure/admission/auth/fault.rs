//! Why a bearer token does not serve, and why settings for tokens cannot be used.

/// Why a token does not serve. The texts are fit for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// No JWT, too long a one, or one that asks for what is not known.
    #[error("The token is not well formed.")]
    Malformed,
    /// Not one of RS, PS, ES.
    #[error("Signature validation failed. The algorithm is not accepted.")]
    Algorithm,
    /// Of a key that is not in the issuer's set.
    #[error("Signature validation failed. The key was not found.")]
    UnknownKey,
    /// A signature that the key did not make.
    #[error("Signature validation failed.")]
    Signature,
    /// `exp` is past, or not there.
    #[error("Lifetime validation failed. The token is expired.")]
    Expired,
    /// `nbf` is to come.
    #[error("Lifetime validation failed. The token is not yet valid.")]
    Early,
    /// Another `iss`.
    #[error("Issuer validation failed. Issuer did not match.")]
    Issuer,
    /// Another `aud`.
    #[error("Audience validation failed. Audience did not match.")]
    Audience,
    /// The claims that say who asks are missing or cannot be names.
    #[error("The token does not say who it is for.")]
    Subject,
    /// The issuer's keys could not be read or fetched.
    #[error("the issuer's keys are not to be had")]
    KeysUnavailable,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerSetupError {
    /// No `https` address, nor `http` on loopback.
    #[error("the address of the key set is neither https nor http on loopback")]
    Address,
    /// The certificates could not be read.
    #[error("the certificate authorities for the key set cannot be read")]
    Authorities,
    /// The HTTP client could not be made.
    #[error("the HTTP client for the key set could not be made")]
    Client,
}
