//! Rules for the pages of other origins.

use async_trait::async_trait;

use super::MemoryCatalog;
use crate::catalog::{CatalogError, CrossOrigins, MOST_CORS_ACCOUNTS, MOST_CORS_TENANTS};
use crate::model::{BucketName, CorsPlace, CorsRule};

#[async_trait]
impl CrossOrigins for MemoryCatalog {
    async fn cors(&self, place: &CorsPlace) -> Result<Vec<CorsRule>, CatalogError> {
        self.with(|state| match place {
            CorsPlace::Bucket(bucket) => Ok(state.bucket(bucket)?.cors.clone()),
            CorsPlace::Account(tenant) => Ok(state.cors.get(tenant).cloned().unwrap_or_default()),
        })
    }

    async fn cors_of_name(&self, name: &BucketName) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        self.with(|state| {
            let named = state.buckets.iter().filter(|(bucket, entry)| bucket.name == *name && !entry.cors.is_empty());
            Ok(named.map(|(_, entry)| entry.cors.clone()).take(MOST_CORS_TENANTS).collect())
        })
    }

    async fn cors_of_accounts(&self) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        self.with(|state| {
            let some = state.cors.values().filter(|rules| !rules.is_empty());
            Ok(some.take(MOST_CORS_ACCOUNTS).cloned().collect())
        })
    }

    async fn set_cors(&self, place: &CorsPlace, rules: Vec<CorsRule>) -> Result<(), CatalogError> {
        self.with(|state| {
            match place {
                CorsPlace::Bucket(bucket) => state.bucket_mut(bucket)?.cors = rules,
                CorsPlace::Account(tenant) => drop(state.cors.insert(tenant.clone(), rules)),
            }
            Ok(())
        })
    }
}
