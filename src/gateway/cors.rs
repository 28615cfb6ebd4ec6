//! Rules for the pages of other origins: kept and given back; and looked up for browsers, who are nobody yet.
//!
//! # Invariants
//! - The rules of accounts are remembered: each read through Azure needs them, and so does each browser that asks beforehand. Only
//!   this process changes them, and a change is forgotten about when it is done, in a task that runs to its end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fair::Payer;
use super::settling::in_own_task;
use super::{Error, Gateway, ReadCors, SetCors};
use crate::catalog::{CatalogError, Refusal};
use crate::model::{Authorized, BucketName, BucketRef, CorsPlace, CorsRule, CorsTarget, TenantId};

/// The rules of accounts, as they were last read.
#[derive(Default)]
pub(super) struct AccountRules(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// How often they were forgotten: what was read before that is not remembered after it.
    turn: u64,
    all: Option<Arc<Vec<Vec<CorsRule>>>>,
    /// By tenant; only those of clients are asked for, so there are no more than the configuration has.
    each: HashMap<TenantId, Arc<Vec<CorsRule>>>,
}

impl AccountRules {
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        let mut remembered = self.remembered();
        *remembered = Remembered { turn: remembered.turn + 1, ..Remembered::default() };
    }
}

impl Gateway {
    /// The rules of a bucket or of the account.
    pub async fn read_cors(&self, op: Authorized<ReadCors>) -> Result<Vec<CorsRule>, Error> {
        let (principal, op) = self.admit(op)?;
        Ok(self.catalog.cors(&place(principal.tenant, op.of)).await?)
    }

    /// Puts these rules in the place of all that were there.
    pub async fn set_cors(&self, op: Authorized<SetCors>) -> Result<(), Error> {
        let (principal, op) = self.admit(op)?;
        let turn = self.turn_to_write(&Payer::of(&principal)).await?;
        let (catalog, remembered) = (Arc::clone(&self.catalog), Arc::clone(&self.account_rules));
        in_own_task(async move {
            let outcome = catalog.set_cors(&place(principal.tenant, op.of), op.rules).await;
            remembered.forget();
            drop(turn);
            Ok(outcome?)
        })
        .await
    }

    /// The rules of a bucket that an answer to a page is held to. Not for clients. An unknown bucket has none.
    pub async fn cors_of_bucket(&self, bucket: BucketRef) -> Result<Vec<CorsRule>, Error> {
        match self.catalog.cors(&CorsPlace::Bucket(bucket)).await {
            Err(CatalogError::Refused(Refusal::NoSuchBucket)) => Ok(Vec::new()),
            rules => Ok(rules?),
        }
    }

    /// The rules of the buckets of that name, whoever's they are: a browser that asks beforehand says nothing of who the page
    /// is. Not for clients: what they tell is that some page may send something, and that what it sends will be looked at.
    /// `from`: where it asks from; too many from one place are [`Error::Busy`].
    pub async fn cors_of_name(&self, name: &BucketName, from: IpAddr) -> Result<Vec<Vec<CorsRule>>, Error> {
        let _place = self.strangers.enter(from).await?;
        Ok(self.catalog.cors_of_name(name).await?)
    }

    /// The rules that the answers of an account are held to. Not for clients.
    pub async fn cors_of_account(&self, tenant: &TenantId) -> Result<Arc<Vec<CorsRule>>, Error> {
        let turn = {
            let remembered = self.account_rules.remembered();
            if let Some(rules) = remembered.each.get(tenant) {
                return Ok(Arc::clone(rules));
            }
            remembered.turn
        };
        let rules = Arc::new(self.catalog.cors(&CorsPlace::Account(tenant.clone())).await?);
        let mut remembered = self.account_rules.remembered();
        if remembered.turn == turn {
            remembered.each.insert(tenant.clone(), Arc::clone(&rules));
        }
        Ok(rules)
    }

    /// The rules of all accounts, for a browser that asks beforehand: by those of the account that it names, anybody would learn
    /// which accounts there are. Not for clients. `from`: as in [`cors_of_name`](Self::cors_of_name), while they are not remembered.
    pub async fn cors_of_accounts(&self, from: IpAddr) -> Result<Arc<Vec<Vec<CorsRule>>>, Error> {
        let turn = {
            let remembered = self.account_rules.remembered();
            if let Some(all) = &remembered.all {
                return Ok(Arc::clone(all));
            }
            remembered.turn
        };
        let _place = self.strangers.enter(from).await?;
        let all = Arc::new(self.catalog.cors_of_accounts().await?);
        let mut remembered = self.account_rules.remembered();
        if remembered.turn == turn {
            remembered.all = Some(Arc::clone(&all));
        }
        Ok(all)
    }
}

fn place(tenant: TenantId, of: CorsTarget) -> CorsPlace {
    match of {
        CorsTarget::Bucket(name) => CorsPlace::Bucket(BucketRef { tenant, name }),
        CorsTarget::Account => CorsPlace::Account(tenant),
    }
}
