//! Part ids.
use crate::catalog::Catalog;
use std::sync::Arc;
pub(super) struct PartIds {
    _catalog: Arc<dyn Catalog>,
}
impl PartIds {
    pub(super) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { _catalog: catalog }
    }
}
