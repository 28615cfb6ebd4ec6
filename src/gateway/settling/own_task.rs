//! Work that must run to its end, whatever becomes of who asked for it.

use std::sync::Arc;

use super::parts::PartTicket;
use crate::catalog::{Catalog, CatalogError};
use crate::gateway::fair::Payer;
use crate::gateway::unlock::check;
use crate::gateway::{Error, Gateway};
use crate::model::{Principal, Timestamp};

/// Runs `work` to its end even when the caller is dropped.
pub(in crate::gateway) async fn in_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::spawn(work).await;
    joined.unwrap_or_else(|join| Err(Error::lost("a change of the catalog", &join)))
}

impl Gateway {
    /// A change of the catalog, with the part that it is to refer to, in a task of its own: a client that leaves now cannot
    /// leave the ticket in doubt. It begins when it is its principal's turn. `change` is given the time until which what it frees stays at the provider.
    ///
    /// `principal`: on whose behalf; `None`: the gateway's own. Revocation reaches what has begun: it is asked here, when
    /// everything has come and nothing is committed, whether all that was authorized is allowed still.
    pub(in crate::gateway) async fn change<T, R>(
        &self,
        principal: Option<&Principal>,
        ticket: Option<PartTicket>,
        change: impl FnOnce(Arc<dyn Catalog>, Timestamp) -> R + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + Sync + 'static,
        R: Future<Output = Result<T, CatalogError>> + Send,
    {
        // Held until the catalog has answered, whoever waits for that.
        let turn = match principal {
            Some(principal) => Some(self.turn_to_write(&Payer::of(principal)).await?),
            None => None,
        };
        // A long body may have begun before something was found.
        self.may_write()?;
        let (catalog, grace_until) = (Arc::clone(&self.catalog), self.grace_until());
        let (keyring, principal) = (Arc::clone(&self.keyring), principal.cloned());
        in_own_task(async move {
            if let Some(principal) = &principal
                && let Err(error) = check(&keyring, principal)
            {
                // The part was never to be committed: its chunks go.
                if let Some(ticket) = ticket {
                    ticket.abandon().await;
                }
                return Err(error);
            }
            let ticket = ticket.map(PartTicket::committing);
            let outcome = change(catalog, grace_until).await;
            drop(turn);
            conclude(ticket, &outcome).await;
            outcome.map_err(Error::from)
        })
        .await
    }
}

/// Settles a ticket by what the catalog answered.
async fn conclude<T: Sync>(ticket: Option<PartTicket>, outcome: &Result<T, CatalogError>) {
    let Some(ticket) = ticket else { return };
    match outcome {
        Ok(_) => ticket.settle().await,
        Err(CatalogError::Refused(_)) => ticket.abandon().await,
        // The engine failed: the commit may or may not have happened.
        Err(CatalogError::Failed(_)) => ticket.leave_open(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_change_is_told_as_a_panic() {
        assert!(matches!(in_own_task::<()>(async { panic!("a change") }).await, Err(Error::Panicked(_))));
    }
}
