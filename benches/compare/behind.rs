//! The same provider with and without Écluse before it, near and far: what the gateway costs, and what its catalog saves.

use std::sync::Arc;

use crate::arguments::Arguments;
use crate::load::Load;
use crate::measure::{Plan, Runner, measure};
use crate::provider::S3Provider;
use crate::race::buckets;
use crate::results::{Results, behind};
use crate::systems::{System, before_provider};
use crate::workload::{Content, READS, WRITES, named};

/// Milliseconds that each request to the provider takes longer.
pub const DELAYS: [u64; 3] = [0, 10, 30];
/// What is asked.
pub const ASKED: [&str; 5] = ["get-4k", "put-4k", "head", "list", "get-1m"];
/// Where the gateway's chunks go.
pub const SEALED: &str = "sealed";
/// Arrivals per second, at most: what one request takes is asked here, not what a queue does to it.
const MOST_PER_SECOND: f64 = 100.0;

pub async fn run(arguments: &Arguments, content: &Arc<Content>, results: &mut Results) {
    let full = arguments.plan();
    // Throughput only tells here which rate both bear.
    let plan = Plan { rounds: full.rounds.min(3), most_per_second: MOST_PER_SECOND, ..full };
    for workload in ASKED.map(named).into_iter().filter(|workload| arguments.is_wanted(workload.name)) {
        let provider = S3Provider::start(&[SEALED, READS, WRITES]);
        let gateway = before_provider(&provider, SEALED);
        let load = |target| Load { target, workload, content: Arc::clone(content), series: String::new() };
        let both = [
            (System::Provider, None, load(provider.target())),
            (System::EcluseBefore, Some(gateway.id), load(Arc::clone(&gateway.target))),
        ];
        for (system, _, load) in &both {
            buckets(*system, load).await;
            load.prepare().await;
        }
        for delay in DELAYS {
            println!("# {} with a provider {delay} ms away", workload.name);
            provider.set_delay(delay);
            let runner = |(system, id, load): &(System, Option<u32>, Load)| Runner {
                system: *system,
                id: *id,
                load: Load { series: format!("delay{delay}"), ..load.clone() },
                place: behind(*system, delay, workload.name),
            };
            let runners: Vec<Runner> = both.iter().map(runner).collect();
            measure(&plan, &runners, results).await;
        }
    }
}
