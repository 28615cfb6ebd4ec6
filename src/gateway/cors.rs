//! Rules for the pages of other origins: kept and given back; and looked up for browsers, who are nobody yet.

use super::fair::Payer;
use super::{Error, Gateway, ReadCors, SetCors};
use crate::catalog::CatalogError;
use crate::model::{Authorized, BucketName, BucketRef, CorsPlace, CorsRule, CorsTarget, TenantId};

impl Gateway {
    /// The rules of a bucket or of the account.
    pub async fn read_cors(&self, op: Authorized<ReadCors>) -> Result<Vec<CorsRule>, Error> {
        let (principal, op) = self.admit(op)?;
        Ok(self.catalog.cors(&place(principal.tenant, op.of)).await?)
    }

    /// Puts these rules in the place of all that were there.
    pub async fn set_cors(&self, op: Authorized<SetCors>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        Ok(self.catalog.set_cors(&place(principal.tenant, op.of), op.rules).await?)
    }

    /// The rules that an answer to a page is held to. Not for clients. An unknown bucket has none.
    pub async fn cors_of(&self, place: &CorsPlace) -> Result<Vec<CorsRule>, Error> {
        match self.catalog.cors(place).await {
            Err(CatalogError::NoSuchBucket) => Ok(Vec::new()),
            rules => Ok(rules?),
        }
    }

    /// The rules of the buckets of that name, whoever's they are: a browser that asks beforehand says nothing of who the page
    /// is. Not for clients: what they tell is that some page may send something, and that what it sends will be looked at.
    pub async fn cors_of_name(&self, name: &BucketName) -> Result<Vec<Vec<CorsRule>>, Error> {
        Ok(self.catalog.cors_of_name(name).await?)
    }

    /// The rules of all accounts, for a browser that asks beforehand: by those of the account that it names, anybody would learn
    /// which accounts there are. Not for clients.
    pub async fn cors_of_accounts(&self) -> Result<Vec<Vec<CorsRule>>, Error> {
        Ok(self.catalog.cors_of_accounts().await?)
    }
}

fn place(tenant: TenantId, of: CorsTarget) -> CorsPlace {
    match of {
        CorsTarget::Bucket(name) => CorsPlace::Bucket(BucketRef { tenant, name }),
        CorsTarget::Account => CorsPlace::Account(tenant),
    }
}
