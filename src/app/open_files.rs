//! How many files and sockets the process may have open: raised to what the system allows, and held against what the
//! configuration asks for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Files that are open beside those below: the catalog's, listeners and whoever asks the admin one, the runtime's.
const OTHERS: u64 = 256;
/// Calls to a provider for each of its `connections`: writes, and twice as many reads.
const CALLS: u64 = 3;
/// Memory for each chunk in the spool, which has eight times that much and holds chunks of 8 MiB.
const MEMORY_FOR_EACH_SPOOLED: u64 = 1024 * 1024;

/// What the process may have open, and what it may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenFiles {
    /// The limit, once raised.
    pub(super) allowed: u64,
    /// The most that the configuration lets be open at once.
    pub(super) wanted: u64,
}

impl OpenFiles {
    /// Raises the soft limit to the hard one, and holds it against the configuration.
    pub(super) fn raise(config: &Config) -> Self {
        Self { allowed: raised(), wanted: wanted(config) }
    }

    /// Whether everything may be open at once that the configuration lets in.
    pub(super) fn suffice(self) -> bool {
        self.wanted <= self.allowed
    }
}

fn raised() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None`: no limit.
    let (soft, hard) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    if soft >= hard {
        return soft;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            soft
        }
    }
}

fn wanted(config: &Config) -> u64 {
    let fetching = config.azure.as_ref().is_some_and(|azure| !azure.copy_sources.is_empty());
    // Of each front; a request of Azure may be fetched from another host.
    let fronts = [config.s3.is_some(), config.azure.is_some(), fetching];
    let fronts = fronts.into_iter().map(u64::from).sum::<u64>();
    let connections = (config.limits.connections as u64).saturating_mul(fronts);
    let calls: u64 = config.providers.iter().map(|provider| provider.connections as u64 * CALLS).sum();
    let spooled = (config.write.memory / MEMORY_FOR_EACH_SPOOLED).min(connections);
    OTHERS.saturating_add(connections).saturating_add(calls).saturating_add(spooled)
}
