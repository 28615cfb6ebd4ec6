//! The two ways to load a system: as fast as each connection can, and at a fixed rate of arrivals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::sync::{Barrier, Semaphore};

use crate::client::{Connection, Target};
use crate::workload::{Content, IN_A_FOLDER, Kind, Workload};

/// What is run against what.
#[derive(Clone)]
pub struct Load {
    pub target: Arc<Target>,
    pub workload: &'static Workload,
    pub content: Arc<Content>,
    /// Calls are numbered within it; writes of different series do not meet.
    pub series: String,
}

/// Calls done, and how fast.
pub struct Throughput {
    pub requests: u64,
    /// Requests of a second: the sum over the connections, each over its own time.
    pub per_second: f64,
}

impl Load {
    /// Puts there what is to be read, calls for a moment without measuring, and looks at one answer's content.
    pub async fn prepare(&self) {
        let filling = Arc::new(self.workload.filling(&self.content));
        // The first of each folder alone; see `workload::written`.
        let mut connection = Connection::open(&self.target).await;
        for call in filling.iter().step_by(IN_A_FOLDER) {
            connection.call(call.clone()).await;
        }
        let next = Arc::new(AtomicU64::new(0));
        let filled = (0..self.workload.connections).map(|_| {
            let (filling, next, target) = (Arc::clone(&filling), Arc::clone(&next), Arc::clone(&self.target));
            tokio::spawn(async move {
                let mut connection = Connection::open(&target).await;
                while let Some(call) = filling.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    connection.call(call.clone()).await;
                }
            })
        });
        try_join_all(filled).await.unwrap();
        let warm = Self { series: format!("{}warm", self.series), ..self.clone() };
        warm.throughput(Duration::from_millis(100), 2 * self.workload.connections as u64).await;
        let (call, expected) = self.workload.checked(&self.content, &warm.series);
        let bytes = connection.fetch(call).await;
        if let Some(expected) = expected {
            let hash = |bytes: &[u8]| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec();
            assert!(hash(&bytes) == hash(&expected), "{}: other bytes than were stored", self.workload.name);
        } else if self.workload.kind == Kind::List {
            let names = String::from_utf8_lossy(&bytes).matches(self.target.signer.name_element()).count();
            assert_eq!(names as u64, self.workload.objects, "names listed");
        }
    }

    /// Each connection calls as fast as it is answered, until the time is over or `most` calls were made.
    pub async fn throughput(&self, time: Duration, most: u64) -> Throughput {
        let next = Arc::new(AtomicU64::new(0));
        let ready = Arc::new(Barrier::new(self.workload.connections));
        let workers = (0..self.workload.connections).map(|_| {
            let (load, next, ready) = (self.clone(), Arc::clone(&next), Arc::clone(&ready));
            tokio::spawn(async move {
                let mut connection = Connection::open(&load.target).await;
                ready.wait().await;
                let (began, mut requests) = (Instant::now(), 0);
                let mut ended = began;
                while ended - began < time {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= most {
                        break;
                    }
                    connection.call_all(load.workload.calls(&load.content, &load.series, index)).await;
                    requests += 1;
                    ended = Instant::now();
                }
                let seconds = (ended - began).as_secs_f64();
                (requests, if requests == 0 { 0.0 } else { requests as f64 / seconds })
            })
        });
        let all: Vec<(u64, f64)> = try_join_all(workers).await.unwrap();
        Throughput { requests: all.iter().map(|one| one.0).sum(), per_second: all.iter().map(|one| one.1).sum() }
    }

    /// Calls arrive at a fixed rate, whether or not earlier ones were answered; the next free connection takes them.
    /// Gives the microseconds from the moment that each was due to the end of its answer.
    pub async fn latency(&self, per_second: f64, arrivals: u64) -> Vec<u64> {
        let next = Arc::new(AtomicU64::new(0));
        let due = Arc::new(Semaphore::new(0));
        let ready = Arc::new(Barrier::new(self.workload.connections + 1));
        let start = Arc::new(std::sync::OnceLock::new());
        let interval = Duration::from_secs_f64(1.0 / per_second);
        let workers: Vec<_> = (0..self.workload.connections)
            .map(|_| {
                let load = self.clone();
                let (next, due) = (Arc::clone(&next), Arc::clone(&due));
                let (ready, start) = (Arc::clone(&ready), Arc::clone(&start));
                tokio::spawn(async move {
                    let mut connection = Connection::open(&load.target).await;
                    ready.wait().await;
                    let mut latencies = Vec::new();
                    while let Ok(permit) = due.acquire().await {
                        permit.forget();
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        connection.call_all(load.workload.calls(&load.content, &load.series, index)).await;
                        let was_due = *start.get().unwrap() + interval.mul_f64(index as f64);
                        latencies.push(Instant::now().saturating_duration_since(was_due).as_micros() as u64);
                        if index + 1 == arrivals {
                            due.close();
                        }
                    }
                    latencies
                })
            })
            .collect();
        ready.wait().await;
        // A thread, because the runtime's timer counts whole milliseconds.
        let pace = std::thread::spawn(move || {
            let began = *start.get_or_init(|| Instant::now() + Duration::from_millis(5));
            for index in 0..arrivals {
                let at = began + interval.mul_f64(index as f64);
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                due.add_permits(1);
            }
        });
        let latencies = try_join_all(workers).await.unwrap().concat();
        pace.join().unwrap();
        latencies
    }
}
