//! Pages of names: answered by the catalog, with no call to a provider.

use super::fair::Payer;
use super::{
    Error, Gateway, ListObjects, ListPage, ListUploadParts, ListUploads, UploadId, UploadPage, UploadPartsPage,
};
use crate::catalog::{ListQuery, UploadQuery};
use crate::model::{Authorized, BucketRef};

impl Gateway {
    /// A page of names.
    pub async fn list_objects(&self, op: Authorized<ListObjects>) -> Result<ListPage, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
        let query = ListQuery {
            bucket: BucketRef { tenant: principal.tenant, name: op.bucket },
            prefix: op.prefix,
            delimiter: op.delimiter,
            start: op.start,
            limit: op.limit,
            with_metadata: op.with_metadata,
            extras: op.extras,
        };
        Ok(self.catalog.list(&query).await?)
    }

    /// A page of an upload's parts.
    pub async fn list_upload_parts(&self, op: Authorized<ListUploadParts>) -> Result<UploadPartsPage, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        let id = UploadId(op.upload);
        let upload = self.catalog.upload(&bucket, &op.key, &id).await?;
        let one_more = op.limit.saturating_add(1);
        let mut parts = self.catalog.upload_parts(&bucket, &op.key, &id, op.after, one_more).await?;
        let truncated = parts.len() > op.limit;
        parts.truncate(op.limit);
        Ok(UploadPartsPage { upload, parts, truncated })
    }

    /// A page of uploads.
    pub async fn list_uploads(&self, op: Authorized<ListUploads>) -> Result<UploadPage, Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_scan(&Payer::of(&principal)).await?;
        let query = UploadQuery {
            bucket: BucketRef { tenant: principal.tenant, name: op.bucket },
            prefix: op.prefix,
            delimiter: op.delimiter,
            after: op.after,
            limit: op.limit,
        };
        Ok(self.catalog.list_uploads(&query).await?)
    }
}
