//! The configured clients: credentials to principals. Reloaded as a whole.

use std::collections::HashMap;
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

/// All configured clients.
pub struct Clients {
    by_id: ArcSwap<HashMap<ClientId, Arc<Client>>>,
}

impl Clients {
    /// These clients.
    pub fn new(clients: Vec<Client>) -> Self {
        Self { by_id: ArcSwap::from_pointee(Self::index(clients)) }
    }

    /// Puts these clients in the place of all others: requests that begin later know only these.
    pub fn replace(&self, clients: Vec<Client>) {
        self.by_id.store(Arc::new(Self::index(clients)));
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
