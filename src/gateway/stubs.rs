//! Signatures of the operations.
use super::*;
use crate::catalog::{Bucket, ListPage, Upload, UploadPage, UploadPart, Version};
use crate::model::{Authorized, ByteRange};

const STUB: Error = Error::NotImplemented("stub");

impl Gateway {
    /// Asks keyring, catalog and providers whether they can serve.
    pub async fn readiness(&self) -> Readiness {
        Readiness { keys: false, catalog: false, providers: Vec::new() }
    }

    /// The tenant's buckets that the client may see, by name.
    pub async fn list_buckets(&self, _op: Authorized<ListBuckets>) -> Result<Vec<Bucket>, Error> {
        Err(STUB)
    }
    /// Creates a bucket; [`Error::BucketExists`] when the tenant has it.
    pub async fn create_bucket(&self, _op: Authorized<CreateBucket>) -> Result<(), Error> {
        Err(STUB)
    }
    /// The bucket, if it exists.
    pub async fn head_bucket(&self, _op: Authorized<HeadBucket>) -> Result<Bucket, Error> {
        Err(STUB)
    }
    /// Deletes an empty bucket.
    pub async fn delete_bucket(&self, _op: Authorized<DeleteBucket>) -> Result<(), Error> {
        Err(STUB)
    }
    /// Stores an object.
    pub async fn put_object(&self, _op: Authorized<PutObject>, _body: Body) -> Result<Stored, Error> {
        Err(STUB)
    }
    /// Opens an object.
    pub async fn get_object(&self, _op: Authorized<GetObject>) -> Result<GotObject, Error> {
        Err(STUB)
    }
    /// The version, and the range that a GET would serve.
    pub async fn head_object(&self, _op: Authorized<HeadObject>) -> Result<(Version, Option<ByteRange>), Error> {
        Err(STUB)
    }
    /// Deletes an object; succeeds when there is none.
    pub async fn delete_object(&self, _op: Authorized<DeleteObject>) -> Result<(), Error> {
        Err(STUB)
    }
    /// Copies an object within the tenant; no chunk moves.
    pub async fn copy_object(&self, _op: Authorized<CopyObject>) -> Result<Copied, Error> {
        Err(STUB)
    }
    /// A page of names.
    pub async fn list_objects(&self, _op: Authorized<ListObjects>) -> Result<ListPage, Error> {
        Err(STUB)
    }
    /// Begins an upload.
    pub async fn create_upload(&self, _op: Authorized<CreateUpload>) -> Result<Upload, Error> {
        Err(STUB)
    }
    /// Stores a part of an upload.
    pub async fn put_upload_part(&self, _op: Authorized<PutUploadPart>, _body: Body) -> Result<UploadPart, Error> {
        Err(STUB)
    }
    /// Makes a part of an upload from bytes of an object; no chunk moves.
    pub async fn copy_upload_part(&self, _op: Authorized<CopyUploadPart>) -> Result<Copied, Error> {
        Err(STUB)
    }
    /// Turns an upload's parts into an object.
    pub async fn complete_upload(&self, _op: Authorized<CompleteUpload>) -> Result<Version, Error> {
        Err(STUB)
    }
    /// Drops an upload.
    pub async fn abort_upload(&self, _op: Authorized<AbortUpload>) -> Result<(), Error> {
        Err(STUB)
    }
    /// A page of an upload's parts.
    pub async fn list_upload_parts(&self, _op: Authorized<ListUploadParts>) -> Result<UploadPartsPage, Error> {
        Err(STUB)
    }
    /// A page of uploads.
    pub async fn list_uploads(&self, _op: Authorized<ListUploads>) -> Result<UploadPage, Error> {
        Err(STUB)
    }
}
