//! Identity, epochs, and the providers that the catalog's marker lies at.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{number, provider, stored};
use super::{SqliteCatalog, scrub};
use crate::catalog::{Belonging, CatalogError, Failure, QueuedDeletion, ScrubPart};
use crate::model::{CatalogId, CatalogIdentity, EpochEntry, Epochs, Part, PartId, ProviderName, TenantId};

#[async_trait]
impl Belonging for SqliteCatalog {
    async fn identity(&self) -> Result<Option<CatalogIdentity>, CatalogError> {
        self.read(identity).await
    }

    async fn put_identity(&self, new: CatalogIdentity) -> Result<CatalogIdentity, CatalogError> {
        self.write(move |db| {
            let sql =
                "INSERT INTO identity (only, catalog_id, wrapped_secret) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING";
            db.prepare_cached(sql)?.execute(params![new.id.0, new.wrapped_secret])?;
            identity(db)?.ok_or(CatalogError::Failed(Failure::Damaged("the identity is gone")))
        })
        .await
    }

    async fn epochs(&self) -> Result<Epochs, CatalogError> {
        self.read(|db| Ok(Epochs { entered: entry(db, ENTERED)?, intended: entry(db, INTENDED)? })).await
    }

    async fn intend_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.write(move |db| put_entry(db, INTENDED, entry)).await
    }

    async fn enter_epoch(&self, entry: EpochEntry) -> Result<(), CatalogError> {
        self.write(move |db| {
            put_entry(db, ENTERED, entry)?;
            db.prepare_cached("DELETE FROM epoch WHERE state = ?1")?.execute([INTENDED])?;
            Ok(())
        })
        .await
    }

    async fn marked_providers(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.read(|db| names(db, "SELECT provider FROM marked ORDER BY provider")).await
    }

    async fn mark_provider(&self, provider: &ProviderName) -> Result<(), CatalogError> {
        let provider = provider.clone();
        self.write(move |db| {
            let sql = "INSERT INTO marked (provider) VALUES (?1) ON CONFLICT DO NOTHING";
            db.prepare_cached(sql)?.execute([provider.as_str()])?;
            Ok(())
        })
        .await
    }

    async fn providers_in_use(&self) -> Result<Vec<ProviderName>, CatalogError> {
        self.read(|db| names(db, "SELECT DISTINCT provider FROM placement ORDER BY provider")).await
    }

    async fn sample_at(&self, provider: &ProviderName, limit: usize) -> Result<Vec<(TenantId, Part)>, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| {
            let parts = scrub::parts(db, &provider, None, limit)?;
            Ok(parts.into_iter().map(|ScrubPart { tenant, part }| (tenant, part)).collect())
        })
        .await
    }

    async fn doomed_at(
        &self,
        provider: &ProviderName,
        after: Option<PartId>,
        limit: usize,
    ) -> Result<Vec<QueuedDeletion>, CatalogError> {
        let provider = provider.clone();
        self.read(move |db| scrub::doomed(db, &provider, after, limit)).await
    }
}

const ENTERED: &str = "entered";
const INTENDED: &str = "intended";

fn identity(db: &Connection) -> Result<Option<CatalogIdentity>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT catalog_id, wrapped_secret FROM identity")?;
    let found =
        statement.query_row([], |row| Ok(CatalogIdentity { id: CatalogId(row.get(0)?), wrapped_secret: row.get(1)? }));
    Ok(found.optional()?)
}

fn entry(db: &Connection, state: &str) -> Result<Option<EpochEntry>, CatalogError> {
    let mut statement = db.prepare_cached("SELECT number, nonce FROM epoch WHERE state = ?1")?;
    let found = statement.query_row([state], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    found.map(|(epoch, nonce)| Ok(EpochEntry { epoch: number(epoch)?, nonce })).transpose()
}

fn put_entry(db: &Connection, state: &str, entry: EpochEntry) -> Result<(), CatalogError> {
    let sql = "INSERT INTO epoch (state, number, nonce) VALUES (?1, ?2, ?3)
        ON CONFLICT (state) DO UPDATE SET number = excluded.number, nonce = excluded.nonce";
    db.prepare_cached(sql)?.execute(params![state, stored(entry.epoch)?, entry.nonce])?;
    Ok(())
}

fn names(db: &Connection, sql: &str) -> Result<Vec<ProviderName>, CatalogError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        names.push(provider(&row.get::<_, String>(0)?)?);
    }
    Ok(names)
}
