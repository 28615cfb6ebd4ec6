//! From the operation to what does it: one total match.

use super::admission::ask::Ask;
use super::operations::{
    account, append, batches, blocks, containers, copy, get, lease, listing, put, received, revise, tagging,
};
use super::wire::asked::Incoming;
use super::wire::operation::Operation as Op;
use super::wire::refusal::Refusal;
use crate::front::reply::Reply;

/// Does what was asked.
pub(super) async fn run(ask: &Ask<'_>, body: Incoming) -> Result<Reply, Refusal> {
    match ask.operation {
        Op::ListContainers => listing::containers(ask).await,
        Op::GetServiceProperties => account::service_properties(ask).await,
        Op::SetServiceProperties => account::set_service_properties(ask, body).await,
        Op::GetServiceStats => account::stats(ask),
        Op::GetAccountInformation => Ok(account::information()),
        Op::GetUserDelegationKey => account::delegation_key(ask, body).await,
        Op::Batch => batches::run(ask, body).await,
        Op::FindBlobsByTags => tagging::find(ask).await,
        Op::CreateContainer => containers::create(ask).await,
        Op::GetContainerProperties => containers::properties(ask).await,
        Op::GetContainerMetadata => containers::metadata(ask).await,
        Op::SetContainerMetadata => containers::set_metadata(ask).await,
        Op::GetContainerAcl => containers::acl(ask).await,
        Op::SetContainerAcl => containers::set_acl(ask, body).await,
        Op::DeleteContainer => containers::delete(ask).await,
        Op::RestoreContainer => containers::restore(ask).await,
        Op::LeaseContainer => lease::container(ask).await,
        Op::ListBlobs => listing::blobs(ask).await,
        Op::PutBlob => put::put_blob(ask, body).await.map(|reply| received::acknowledged(ask, reply)),
        Op::PutBlobFromUrl => copy::put_from_url(ask).await,
        Op::GetBlob => get::get(ask).await,
        Op::GetBlobProperties => get::head(ask).await,
        Op::GetBlobMetadata => get::metadata(ask).await,
        Op::SetBlobProperties => revise::properties(ask).await,
        Op::SetBlobMetadata => revise::metadata(ask).await,
        Op::GetBlobTags => tagging::get(ask).await,
        Op::SetBlobTags => tagging::set(ask, body).await,
        Op::SetBlobTier => revise::tier(ask).await,
        Op::LeaseBlob => lease::blob(ask).await,
        Op::SnapshotBlob => revise::snapshot(ask).await,
        Op::CopyBlob | Op::CopyBlobFromUrl => copy::copy(ask).await,
        Op::AbortCopyBlob => copy::abort(ask).await,
        Op::DeleteBlob => revise::delete(ask).await,
        Op::UndeleteBlob => revise::undelete(ask).await,
        Op::PutBlock => blocks::put(ask, body).await.map(|reply| received::acknowledged(ask, reply)),
        Op::PutBlockFromUrl => copy::block_from_url(ask).await,
        Op::PutBlockList => blocks::commit(ask, body).await,
        Op::GetBlockList => blocks::list(ask).await,
        Op::AppendBlock => append::append(ask, body).await.map(|reply| received::acknowledged(ask, reply)),
        Op::AppendBlockFromUrl => copy::append_from_url(ask).await,
        Op::SealAppendBlob => append::seal(ask).await,
        Op::SetBlobExpiry => Err(Refusal::no_hierarchy()),
        Op::PreflightRequest
        | Op::RenameContainer
        | Op::SetImmutabilityPolicy
        | Op::DeleteImmutabilityPolicy
        | Op::SetLegalHold
        | Op::QueryBlobContents
        | Op::PutPage
        | Op::PutPageFromUrl
        | Op::GetPageRanges
        | Op::IncrementalCopyBlob => Err(Refusal::not_implemented()),
    }
}
