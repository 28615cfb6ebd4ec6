//! Whole, signed requests to both fronts, at the edges of every number, range, token and date. One driver for the fuzz target
//! `requests` and for `tests/protocol/edges.rs`: bytes in, requests out, answers judged.
//!
//! The gateway is one in this process, behind real sockets, with its catalog in SQLite and its chunks in memory. Whatever is
//! asked of it, it must not panic, must answer within the deadline, must not answer 5xx but for what is not implemented, must
//! say a length that is its body's, and must hold no memory of the budget when all is answered.

mod azure;
mod bodies;
mod choices;
mod s3;
mod values;

use std::sync::Arc;
use std::time::Duration;

use ecluse::front::azure::AzureSettings;
use ecluse::gateway::jobs;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::azure::wire::{self, Answer};
use crate::azure::world::AzureWorld;
use crate::noise::content;
use choices::Choices;
use s3::Sent;
use values::Seen;

/// Most requests of one input.
const MOST: usize = 12;
/// Inputs after which everything begins anew, so that what was stored does not grow without end.
const RENEWED_AFTER: usize = 500;
/// Longest time until what a request held of the budget is back.
const SETTLED: Duration = Duration::from_secs(10);

/// What was asked and answered so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub requests: u64,
    pub successes: u64,
    /// 3xx and 4xx.
    pub refusals: u64,
    pub not_implemented: u64,
    /// Cut before an answer came, because the announced length was not the body's.
    pub cut: u64,
}

/// A gateway that is asked.
pub struct Edges {
    world: AzureWorld,
    seen: Seen,
    inputs: usize,
    pub counts: Counts,
    jobs: Jobs,
}

/// The jobs of a gateway; they end with this.
struct Jobs {
    handles: Vec<JoinHandle<()>>,
    _stop: DropGuard,
}

impl Edges {
    /// A fresh gateway with both fronts.
    pub async fn start() -> Self {
        let (world, jobs) = world().await;
        Self { world, seen: Seen::default(), inputs: 0, counts: Counts::default(), jobs }
    }

    /// Sends what `input` leads to. Fails with what was wrong, and with the requests that led to it.
    pub async fn run(&mut self, input: &[u8]) -> Result<(), String> {
        self.inputs += 1;
        if self.inputs.is_multiple_of(RENEWED_AFTER) {
            (self.world, self.jobs) = world().await;
            self.seen = Seen::default();
        }
        let mut choices = Choices::new(input);
        let mut sent = Vec::new();
        for _ in 0..MOST {
            if choices.is_done() {
                break;
            }
            let to_azure = choices.once_in(2);
            let (host, request) = if to_azure {
                (self.world.host.clone(), azure::request(&mut choices, &self.seen, &self.world))
            } else {
                (self.world.s3.host(), s3::request(&mut choices, &self.seen, &self.world.s3))
            };
            let answer = if request.lies {
                wire::raw_and_no_more(&host, &request.head, &request.body).await
            } else {
                wire::raw(&host, &request.head, &request.body).await
            };
            self.seen.look(&answer);
            let verdict = self.judge(&request, &answer);
            sent.push(described(&request, &answer));
            verdict.map_err(|wrong| format!("{wrong}\n{}", sent.join("\n")))?;
        }
        self.settled().await.map_err(|wrong| format!("{wrong}\n{}", sent.join("\n")))
    }

    fn judge(&mut self, request: &Sent, answer: &Answer) -> Result<(), String> {
        self.counts.requests += 1;
        match answer.status {
            0 if request.lies => self.counts.cut += 1,
            0 => return Err("no answer".to_owned()),
            200..300 => self.counts.successes += 1,
            501 => self.counts.not_implemented += 1,
            500.. => return Err(format!("an answer of {} that is not meant", answer.status)),
            _ => self.counts.refusals += 1,
        }
        let length: Option<u64> = answer.find("content-length").and_then(|length| length.parse().ok());
        let bytes = answer.body.len() as u64;
        let bodiless = request.is_head || matches!(answer.status, 0 | 204 | 304);
        if !bodiless && length.is_some_and(|length| length != bytes) {
            return Err(format!("a body of {bytes} bytes, announced as {length:?}"));
        }
        // A structured message is longer than what it carries, and says so.
        let carried = answer.find("x-ms-structured-content-length").and_then(|length| length.parse().ok()).or(length);
        if answer.status == 206 && !is_within(answer.header("content-range"), carried) {
            return Err(format!("206 with {:?} and {length:?} bytes", answer.header("content-range")));
        }
        Ok(())
    }

    /// Waits until nothing is held of the budget any more.
    async fn settled(&self) -> Result<(), String> {
        let end = tokio::time::Instant::now() + SETTLED;
        loop {
            let used = self.world.s3.gateway.budget().used_bytes();
            if self.jobs.handles.iter().any(JoinHandle::is_finished) {
                return Err("a job has ended".to_owned());
            }
            if used == 0 {
                return Ok(());
            }
            if tokio::time::Instant::now() > end {
                return Err(format!("{used} bytes of the budget are held by nobody"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A gateway with two containers and a few objects, whose jobs run.
async fn world() -> (AzureWorld, Jobs) {
    let settings = AzureSettings { soft_delete: Some(Duration::from_secs(86_400)), ..AzureSettings::default() };
    let world = AzureWorld::with(settings).await;
    for (path, bytes) in [("/archive", 0), ("/imaging/a", 100), ("/imaging/public/a", 70_000)] {
        assert_eq!(world.s3.send("PUT", path, &[], &[], &content(1, bytes)).await.status, 200);
    }
    let stop = CancellationToken::new();
    let gateway = || Arc::clone(&world.s3.gateway);
    let handles = vec![
        tokio::spawn(jobs::collect(gateway(), stop.clone())),
        tokio::spawn(jobs::merge(gateway(), stop.clone())),
        tokio::spawn(jobs::purge(gateway(), stop.clone())),
    ];
    (world, Jobs { handles, _stop: stop.drop_guard() })
}

/// Whether `bytes 2-5/9` lies within its object and has as many bytes as were sent.
fn is_within(range: &str, length: Option<u64>) -> bool {
    let numbers = || {
        let (range, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, whole.parse::<u64>().ok()?))
    };
    numbers().is_some_and(|(first, last, whole)| {
        first <= last && last < whole && length.is_none_or(|length| length == last - first + 1)
    })
}

/// One request as it is told when something was wrong: its head, its body's beginning, and the answer.
fn described(request: &Sent, answer: &Answer) -> String {
    let begun = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
    format!(
        "--- {}{} bytes: {}\n-> {} {:?} {}",
        begun(&request.head),
        request.body.len(),
        begun(&request.body).escape_debug(),
        answer.status,
        answer.headers,
        begun(&answer.body)
    )
}
