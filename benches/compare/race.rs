//! The race: the same load on each system in turn, round by round.

use std::sync::Arc;

use crate::arguments::Arguments;
use crate::load::Load;
use crate::measure::{Runner, measure};
use crate::results::{Results, racing};
use crate::systems::{Running, System};
use crate::workload::{Content, Kind, READS, WRITES, Workload};

/// Objects of at most so many bytes are many files and little on the disk.
const SMALL: u64 = 4 << 10;

/// Everything on folders.
pub async fn run(arguments: &Arguments, content: &Arc<Content>, results: &mut Results) {
    // Many small files stay until the end: a file system (ext4) that looks for inodes not lately deleted slows who comes next.
    let mut kept = Vec::new();
    for tls in arguments.tls() {
        for workload in arguments.workloads() {
            println!("# {} {}", workload.name, if tls { "with TLS" } else { "without TLS" });
            // Fresh ones each time: nothing of an earlier workload is left to write back, delete or collect.
            let systems = arguments.systems().into_iter().filter(|system| can(*system, workload));
            let running: Vec<(System, Running)> = systems.map(|system| (system, system.start(tls))).collect();
            let mut runners = Vec::new();
            for (system, running) in &running {
                let load = Load {
                    target: Arc::clone(&running.target),
                    workload,
                    content: Arc::clone(content),
                    series: String::new(),
                };
                buckets(*system, &load).await;
                load.prepare().await;
                println!("  {} is process {}", system.title(), running.id);
                let place = racing(*system, tls, workload.name);
                runners.push(Runner { system: *system, id: Some(running.id), load, place });
            }
            measure(&arguments.plan(), &runners, results).await;
            if workload.size <= SMALL {
                kept.extend(running.into_iter().map(|(_, running)| running.end()));
            }
        }
    }
}

/// nginx lists nothing as S3 does, blocks are Azure's, and "provider" is not in this race.
fn can(system: System, workload: &Workload) -> bool {
    match system {
        System::EcluseAzure => true,
        System::EcluseMd5 | System::EcluseOpaque | System::Rclone => workload.kind != Kind::Blocks,
        System::Nginx => !matches!(workload.kind, Kind::List | Kind::Blocks),
        System::Provider | System::EcluseBefore => false,
    }
}

/// Creates the buckets, where a system has buckets.
pub async fn buckets(system: System, load: &Load) {
    if !matches!(system, System::Nginx | System::Provider) {
        let mut connection = crate::client::Connection::open(&load.target).await;
        for bucket in [READS, WRITES] {
            connection.call(crate::client::Call::bucket(bucket)).await;
        }
    }
}
