//! Tags of buckets.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::bucket_id;
use super::{SqliteCatalog, encoding};
use crate::catalog::{BucketTagging, CatalogError};
use crate::model::{BucketRef, Tags};

#[async_trait]
impl BucketTagging for SqliteCatalog {
    async fn bucket_tags(&self, bucket: &BucketRef) -> Result<Tags, CatalogError> {
        let bucket = bucket.clone();
        self.look_up(move |db| tags(db, &bucket)).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketRef, tags: Tags) -> Result<(), CatalogError> {
        let bucket = bucket.clone();
        self.write(move |db| set(db, &bucket, &tags)).await
    }
}

fn tags(db: &Connection, bucket: &BucketRef) -> Result<Tags, CatalogError> {
    let id = bucket_id(db, bucket)?;
    let mut statement = db.prepare_cached("SELECT tags FROM bucket_tags WHERE bucket_id = ?1")?;
    let text: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    text.map_or_else(|| Ok(Tags::new()), |text| encoding::read_bucket_tags(&text))
}

fn set(db: &Connection, bucket: &BucketRef, tags: &Tags) -> Result<(), CatalogError> {
    let id = bucket_id(db, bucket)?;
    db.prepare_cached("DELETE FROM bucket_tags WHERE bucket_id = ?1")?.execute([id])?;
    if !tags.is_empty() {
        let text = encoding::write_bucket_tags(tags)?;
        db.prepare_cached("INSERT INTO bucket_tags VALUES (?1, ?2)")?.execute(params![id, text])?;
    }
    Ok(())
}
