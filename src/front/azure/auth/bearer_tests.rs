//! Tokens that are believed and tokens that are not.

use super::*;

pub(in crate::front::azure::auth) fn settings(jwks: Jwks) -> BearerSettings {
    BearerSettings {
        issuer: "https://id.example.org/realms/h".to_owned(),
        audiences: vec!["https://storage.azure.com/".to_owned(), "ecluse".to_owned()],
        jwks,
        authorities: None,
        claim: "azp".to_owned(),
        clients: BTreeMap::from([("viewer".to_owned(), ClientId::parse("pacs").unwrap())]),
    }
}

pub(in crate::front::azure::auth) fn bearer() -> Bearer {
    Bearer::new(settings(Jwks::File("/nowhere/jwks.json".into()))).unwrap()
}
