//! Rules for the pages of other origins.

use async_trait::async_trait;
use rusqlite::{Connection, Rows, params};

use super::rows::{bucket_id, limit};
use super::{SqliteCatalog, encoding};
use crate::catalog::{CatalogError, CrossOrigins, MOST_CORS_ACCOUNTS, MOST_CORS_TENANTS};
use crate::model::{BucketName, CorsPlace, CorsRule};

#[async_trait]
impl CrossOrigins for SqliteCatalog {
    async fn cors(&self, place: &CorsPlace) -> Result<Vec<CorsRule>, CatalogError> {
        let place = place.clone();
        self.look_up(move |db| rules(db, &place)).await
    }

    async fn cors_of_name(&self, name: &BucketName) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        let name = name.clone();
        self.look_up(move |db| {
            let sql = "SELECT rules FROM bucket JOIN bucket_cors USING (bucket_id) WHERE name = ?1 AND tenant > ''
                       ORDER BY tenant LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            all(statement.query(params![name.as_str(), limit(MOST_CORS_TENANTS)])?)
        })
        .await
    }

    async fn cors_of_accounts(&self) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
        self.look_up(|db| {
            let mut statement = db.prepare_cached("SELECT rules FROM account_cors ORDER BY tenant LIMIT ?1")?;
            all(statement.query([limit(MOST_CORS_ACCOUNTS)])?)
        })
        .await
    }

    async fn set_cors(&self, place: &CorsPlace, rules: Vec<CorsRule>) -> Result<(), CatalogError> {
        let place = place.clone();
        self.write(move |db| set(db, &place, &rules)).await
    }
}

fn all(mut found: Rows<'_>) -> Result<Vec<Vec<CorsRule>>, CatalogError> {
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(encoding::read_cors(&row.get::<_, String>(0)?)?);
    }
    Ok(all)
}

fn rules(db: &Connection, place: &CorsPlace) -> Result<Vec<CorsRule>, CatalogError> {
    let (mut statement, of_account);
    let mut found = match place {
        CorsPlace::Bucket(bucket) => {
            let id = bucket_id(db, bucket)?;
            statement = db.prepare_cached("SELECT rules FROM bucket_cors WHERE bucket_id = ?1")?;
            statement.query([id])?
        }
        CorsPlace::Account(tenant) => {
            of_account = tenant.as_str();
            statement = db.prepare_cached("SELECT rules FROM account_cors WHERE tenant = ?1")?;
            statement.query([of_account])?
        }
    };
    found.next()?.map_or(Ok(Vec::new()), |row| encoding::read_cors(&row.get::<_, String>(0)?))
}

fn set(db: &Connection, place: &CorsPlace, rules: &[CorsRule]) -> Result<(), CatalogError> {
    let text = encoding::write_cors(rules)?;
    match place {
        CorsPlace::Bucket(bucket) => {
            let id = bucket_id(db, bucket)?;
            db.prepare_cached("DELETE FROM bucket_cors WHERE bucket_id = ?1")?.execute([id])?;
            if !rules.is_empty() {
                db.prepare_cached("INSERT INTO bucket_cors VALUES (?1, ?2)")?.execute(params![id, text])?;
            }
        }
        CorsPlace::Account(tenant) => {
            db.prepare_cached("DELETE FROM account_cors WHERE tenant = ?1")?.execute([tenant.as_str()])?;
            if !rules.is_empty() {
                let sql = "INSERT INTO account_cors VALUES (?1, ?2)";
                db.prepare_cached(sql)?.execute(params![tenant.as_str(), text])?;
            }
        }
    }
    Ok(())
}
