//! Work that must run to its end, whatever becomes of who asked for it.

use super::Error;
use crate::catalog::CatalogError;

/// Runs `work` to its end even when the caller is dropped.
pub(super) async fn in_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::spawn(work).await;
    joined.unwrap_or(Err(Error::Catalog(CatalogError::Damaged("a commit panicked"))))
}
