//! The configured clients: credentials to principals. Reloaded as a whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::model::{ClientId, Principal};
use crate::secret::SecretText;

/// A client: who it is and the secret that its requests are signed with.
pub struct Client {
    /// Who it is and what it may do.
    pub principal: Principal,
    /// S3 secret access key; base64-decoded, the Azure account key.
    pub secret: SecretText,
}

impl Client {
    /// Whether `newer` is this client still: of the same tenant, with the same secret.
    fn is_still(&self, newer: &Self) -> bool {
        self.principal.tenant == newer.principal.tenant && self.secret.expose() == newer.secret.expose()
    }
}

/// All configured clients.
pub struct Clients {
    by_id: ArcSwap<HashMap<ClientId, Arc<Client>>>,
}

impl Clients {
    /// These clients.
    pub fn new(clients: Vec<Client>) -> Self {
        Self { by_id: ArcSwap::from_pointee(Self::index(clients)) }
    }

    /// Puts these clients in the place of all others: requests that begin later know only these. What has begun is held to it,
    /// too, when it commits: by a client that is gone, or has another secret or tenant now, nothing is allowed any more; by one
    /// that is still there, what it is granted now.
    pub fn replace(&self, mut clients: Vec<Client>) {
        let before = self.by_id.load_full();
        let mut kept = HashSet::new();
        for client in &mut clients {
            let Some(old) = before.get(&client.principal.client).filter(|old| old.is_still(client)) else { continue };
            client.principal = old.principal.regranted(&client.principal);
            kept.insert(client.principal.client.clone());
        }
        self.by_id.store(Arc::new(Self::index(clients)));
        for (id, old) in before.iter().filter(|(id, _)| !kept.contains(*id)) {
            tracing::info!(client = id.as_str(), "a client was removed, or has another secret: what it began ends");
            old.principal.end();
        }
    }

    /// The client with that id.
    pub fn find(&self, id: &str) -> Option<Arc<Client>> {
        let id = ClientId::parse(id).ok()?;
        self.by_id.load().get(&id).cloned()
    }

    fn index(clients: Vec<Client>) -> HashMap<ClientId, Arc<Client>> {
        clients.into_iter().map(|client| (client.principal.client.clone(), Arc::new(client))).collect()
    }
}
