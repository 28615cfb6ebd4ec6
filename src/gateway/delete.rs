//! Deleting objects: the wrapped keys go in the transaction, the chunks follow from the queue.

use super::fair::Payer;
use super::{DeleteObject, Error, Gateway};
use crate::model::{Authorized, BucketRef};

impl Gateway {
    /// Deletes an object; succeeds when there is none.
    pub async fn delete_object(&self, op: Authorized<DeleteObject>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let _turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let bucket = BucketRef { tenant: principal.tenant, name: op.bucket };
        self.catalog.delete(&bucket, &op.key, &op.conditions, self.grace_until()).await?;
        Ok(())
    }
}
