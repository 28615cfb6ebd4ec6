//! A disk that fills under the catalog: writes are refused, reads go on, nothing acknowledged is lost, and when there is
//! room again the gateway gets over it by itself, with what the refused writes had left at the provider.
//!
//! `ECLUSE_SMALL_DISK` names an empty small file system (a few MiB) for the catalog. Without it `strace` says "no space"
//! to every write of the catalog's files from the nth on, and is sent away when there is room again.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::traced::must_trace;
use super::{BUCKET, Books, CONTAINER, Clients, ends_well, one_step, run_script, settle, started, until};
use testing::azure::workload::{Act, AzureStep};
use testing::process::{GatewayProcess, Options};
use testing::workload::Step;

/// The disk that the catalog is on.
enum Disk {
    Traced,
    Small(PathBuf),
}

impl Disk {
    /// From the `nth` write on there is no space. On a real one: from soon on.
    fn fill(&self, gateway: &mut GatewayProcess, nth: u64) {
        match self {
            Self::Traced => {
                let files =
                    ["catalog.db", "catalog.db-wal"].map(|name| gateway.data().join(name).display().to_string());
                let calls = "pwrite64,ftruncate,fallocate";
                let inject = format!("inject={calls}:error=ENOSPC:when={nth}+");
                let words = ["strace", "-f", "-D", "-I", "2", "-qq", "-e", "signal=none", "-o", "/dev/null", "-e"];
                let trace = format!("trace={calls}");
                let rest = [trace.as_str(), "-P", &files[0], "-P", &files[1], "-e", &inject];
                gateway.terminate();
                gateway.run_under(&words.iter().copied().chain(rest).collect::<Vec<_>>());
                gateway.restart();
            }
            Self::Small(folder) => {
                let mut filler = std::fs::File::create(folder.join("filler")).unwrap();
                let mut left = 1 << 26;
                for size in [1 << 16, 1 << 12] {
                    while left > 0 && std::io::Write::write_all(&mut filler, &vec![1; size]).is_ok() {
                        left -= size;
                    }
                }
                // Room for as many pages.
                let length = filler.metadata().unwrap().len();
                filler.set_len(length.saturating_sub(nth * 4096)).unwrap();
            }
        }
    }

    fn free(&self, gateway: &GatewayProcess) {
        match self {
            Self::Traced => {
                kill(tracer_of(gateway.id()), Signal::SIGTERM).unwrap();
                until("the tracer is gone", || tracer_of(gateway.id()).as_raw() == 0);
            }
            Self::Small(folder) => std::fs::remove_file(folder.join("filler")).unwrap(),
        }
    }
}

fn tracer_of(id: u32) -> Pid {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap();
    Pid::from_raw(line.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_at_any_write_refuses_and_loses_nothing_and_is_got_over() {
    must_trace();
    let small = std::env::var_os("ECLUSE_SMALL_DISK").map(PathBuf::from);
    let options = Options::folder().write_setting("grace = \"1s\"");
    let (disk, options) = match small {
        Some(folder) => {
            let data = folder.join("data");
            (Disk::Small(folder), options.data(Path::new(&data)))
        }
        None => (Disk::Traced, options),
    };
    let mut gateway = started(options).await;
    let mut books = Books::default();
    run_script(&Clients::of(&gateway), 0, &mut books).await.unwrap();
    let mut number = 0;
    for (turn, nth) in [12, 60, 131].into_iter().enumerate() {
        disk.fill(&mut gateway, nth);
        let clients = Clients::of(&gateway);
        let (mut refused, mut stored) = (0, 0);
        while refused < 6 {
            number += 1;
            assert!(number < 2_000, "the disk does not fill");
            let key = format!("k{number}");
            let steps = [
                Step::Put(key.clone(), number, 20_000),
                Step::Multipart(format!("m{number}"), vec![(number + 5_000, 9_000)]),
                Step::Copy("small".into(), format!("c{number}")),
            ];
            let azure = [
                Act::Put(key.clone(), (number, 20_000)),
                Act::Block("waits".into(), number, (number, 9_000)),
                // More would be merged, and their parts not be counted one by one.
                if number < 200 { Act::Append("azure/log".into(), (number, 500)) } else { Act::Begin(key.clone()) },
                Act::Snapshot("azure/small".into()),
            ];
            let outcome = if number.is_multiple_of(2) {
                let step = steps[usize::try_from(number / 2 % 3).unwrap()].clone();
                one_step(step, &clients.s3, BUCKET, &mut books.s3).await
            } else {
                let act = azure[usize::try_from(number / 2 % 4).unwrap()].clone();
                let step = AzureStep { act, retains: false };
                one_step(step, &clients.azure, CONTAINER, &mut books.azure).await
            };
            match outcome {
                Ok(()) => stored += 1,
                Err(error) => {
                    let refusal = [" 500 ", " 503 ", " 507 "].iter().any(|status| error.contains(status));
                    assert!(refusal, "{error}");
                    refused += 1;
                }
            }
        }
        assert!(gateway.is_running());
        assert!(gateway.metric("ecluse_catalog_commit_failures_total") > 0.0);
        println!("from write {nth} on: {stored} stored, {refused} refused");
        // All that is acknowledged can be read, and what was refused is absent.
        settle(&clients, &mut books.clone()).await;
        disk.free(&gateway);
        run_script(&clients, turn as u64 + 1, &mut books).await.unwrap_or_else(|error| panic!("not got over: {error}"));
        settle(&clients, &mut books).await;
        clients.s3.abort_all(BUCKET).await;
        super::drains(&gateway, &gateway.folder(), &books, "while it runs").await;
        gateway.run_under(&[]);
    }
    let folder = gateway.folder();
    ends_well(&mut gateway, &folder, &mut books, "after the disk was full").await;
}
