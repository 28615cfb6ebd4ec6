//! A study of 3,000 images of 512 KiB, in and then out again, as fast as 16 connections can.

use std::sync::Arc;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::behind::SEALED;
use crate::load::Load;
use crate::measure::{Runner, one_round};
use crate::provider::S3Provider;
use crate::race::buckets;
use crate::results::{Place, Results, behind, racing};
use crate::systems::{System, before_provider};
use crate::workload::{Content, READS, STUDY_IN, STUDY_OUT, WRITES, Workload};

const IMAGES: u64 = 3_000;
const IMAGES_OF_A_LOOK: u64 = 600;
/// The longest time that it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the study's figures of a system are.
pub fn place(system: System, workload: &'static str) -> Place<&'static str> {
    match system {
        System::Provider | System::EcluseBefore => behind(system, 0, workload),
        _ => racing(system, false, workload),
    }
}

/// How many images there are.
pub fn images(quick: bool) -> u64 {
    if quick { IMAGES_OF_A_LOOK } else { IMAGES }
}

pub async fn run(arguments: &Arguments, content: &Arc<Content>, results: &mut Results) {
    for round in 0..arguments.rounds().min(3) {
        println!("# a study of {} images", images(arguments.quick));
        for system in arguments.systems() {
            // Fresh each time, and gone after it: a study is 1.5 GiB.
            let provider = matches!(system, System::Provider | System::EcluseBefore)
                .then(|| S3Provider::start(&[SEALED, READS, WRITES]));
            let running = match (&provider, system) {
                (Some(_), System::Provider) => None,
                (Some(provider), _) => Some(before_provider(provider, SEALED)),
                (None, _) => Some(system.start(false)),
            };
            let target = match (&running, &provider) {
                (Some(running), _) => Arc::clone(&running.target),
                (None, Some(provider)) => provider.target(),
                (None, None) => unreachable!(),
            };
            let id = running.as_ref().map(|running| running.id);
            let load = Load { target, workload: &STUDY_IN, content: Arc::clone(content), series: "study".to_owned() };
            buckets(system, &load).await;
            load.prepare().await;
            for workload in [&STUDY_IN, &STUDY_OUT] as [&'static Workload; 2] {
                let load = Load { workload, ..load.clone() };
                let runner = Runner { system, id, load: load.clone(), place: place(system, workload.name) };
                one_round(&runner, &load, (round, PATIENCE, images(arguments.quick)), results).await;
            }
        }
    }
}
