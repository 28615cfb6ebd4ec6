//! Who holds how many of a listener's connections: one address before anybody there has proved who it is, and one client.
//!
//! # Invariants
//! - A connection counts for its address until a request on it was found to be a client's, and for that client from then on.
//! - Under HTTP/2 each request under way beside a connection's first counts for its client as a connection does.
//! - What was counted is counted off again when the connection, or the request, ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gateway::Owner;
use crate::model::ClientId;

/// The counts of one listener.
pub(super) struct Crowd {
    counts: Mutex<Counts>,
    most_of_address: usize,
    most_of_client: usize,
}

#[derive(Default)]
struct Counts {
    strangers: HashMap<IpAddr, usize>,
    clients: HashMap<ClientId, usize>,
}

/// A connection's place in the crowd.
struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
    /// Whose it is, once that is known, and how many requests of it are under way.
    owner: Mutex<(Option<ClientId>, usize)>,
}

/// How a request's connection stands; a copy is in the extensions of each request.
#[derive(Clone)]
pub struct Standing(Arc<Place>);

/// A request of a known client under way. It counts until this is dropped.
pub struct Stay {
    place: Arc<Place>,
    /// Counted beside the connection itself.
    beside: Option<ClientId>,
}

/// The client has as many connections and requests as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client has its part of the connections")]
pub struct TooMany;

impl Crowd {
    /// Nobody is there. An address may have `most_of_address` connections on which nobody is known, a client
    /// `most_of_client`.
    pub(super) fn new(most_of_address: usize, most_of_client: usize) -> Arc<Self> {
        Arc::new(Self { counts: Mutex::default(), most_of_address, most_of_client })
    }

    /// A connection from there; `None` if it has as many already.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Standing> {
        let mut counts = self.counts();
        let strangers = counts.strangers.entry(address).or_default();
        if *strangers >= self.most_of_address {
            return None;
        }
        *strangers += 1;
        drop(counts);
        Some(Standing(Arc::new(Place { crowd: Arc::clone(self), address, owner: Mutex::new((None, 0)) })))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, client: &ClientId, most: usize) -> Result<(), TooMany> {
        let count = self.clients.entry(client.clone()).or_default();
        if *count >= most {
            return Err(TooMany);
        }
        *count += 1;
        Ok(())
    }

    fn leave(&mut self, client: &ClientId) {
        if let Some(count) = self.clients.get_mut(client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.clients.remove(client);
            }
        }
    }

    fn leave_strangers(&mut self, address: IpAddr) {
        if let Some(count) = self.strangers.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.strangers.remove(&address);
            }
        }
    }
}

impl Standing {
    /// Whose the connection is, as far as that is known.
    pub(super) fn owner(&self) -> Owner {
        let owner = self.0.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.0.clone().map_or(Owner::Stranger(self.0.address), Owner::Client)
    }

    /// A request was found to be of `client`. [`TooMany`] if that client has its part: the request is not to be served.
    pub fn known_as(&self, client: &ClientId) -> Result<Stay, TooMany> {
        let Place { crowd, address, owner } = self.0.as_ref();
        let mut owner = owner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = crowd.counts();
        let mut beside = None;
        if owner.0.is_none() {
            counts.add(client, crowd.most_of_client)?;
            counts.leave_strangers(*address);
            owner.0 = Some(client.clone());
        } else if owner.1 > 0 {
            counts.add(client, crowd.most_of_client)?;
            beside = Some(client.clone());
        }
        owner.1 += 1;
        Ok(Stay { place: Arc::clone(&self.0), beside })
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut owner = self.place.owner.lock().unwrap_or_else(PoisonError::into_inner);
        owner.1 = owner.1.saturating_sub(1);
        if let Some(client) = &self.beside {
            self.place.crowd.counts().leave(client);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (owner, _) = self.owner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut counts = self.crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match owner {
            Some(client) => counts.leave(client),
            None => counts.leave_strangers(self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    #[test]
    fn strangers_of_one_address_do_not_fill_the_room_and_known_clients_do_not_count_among_them() {
        let crowd = Crowd::new(2, 10);
        let one = crowd.enter(address(1)).unwrap();
        let two = crowd.enter(address(1)).unwrap();
        assert!(crowd.enter(address(1)).is_none());
        assert!(crowd.enter(address(2)).is_some());
        // A hospital behind one address: whoever has proved who it is makes room for the next.
        let stay = one.known_as(&client("pacs")).ok();
        let three = crowd.enter(address(1)).unwrap();
        drop((one, two, three, stay));
        let counts = crowd.counts();
        assert!(counts.strangers.is_empty() && counts.clients.is_empty());
    }

    #[test]
    fn a_client_has_its_part_of_connections_and_of_requests_on_them() {
        let crowd = Crowd::new(100, 3);
        let one = crowd.enter(address(1)).unwrap();
        let pacs = client("pacs");
        let mut stays: Vec<Stay> = (0..3).map(|_| one.known_as(&pacs).ok().unwrap()).collect();
        assert_eq!(one.known_as(&pacs).err(), Some(TooMany), "three requests on one connection");
        let two = crowd.enter(address(1)).unwrap();
        assert_eq!(two.known_as(&pacs).err(), Some(TooMany));
        assert!(crowd.enter(address(1)).unwrap().known_as(&client("other")).is_ok());
        stays.truncate(1);
        assert!(two.known_as(&pacs).is_ok());
        assert!(two.known_as(&pacs).is_ok(), "one after the other counts once");
        drop((stays, one, two));
        assert!(crowd.counts().clients.is_empty());
    }
}
