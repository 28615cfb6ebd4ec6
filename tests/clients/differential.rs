//! The Azure front against Azurite: the same operations, valid and invalid, and the same answers.
//!
//! `ECLUSE_AZURE_STEPS` (1,200 of each seed) and `ECLUSE_AZURE_SEED` (three; a number, or `random`) from the environment.
//! What differs is told with the few steps that lead to it, and is ours to mend or has its place in
//! `testing/src/compared/known/`, with who says so.

use std::collections::BTreeMap;

use testing::azure::shared_key::{self, Account};
use testing::azure::world::AzureWorld;
use testing::compared::run::{Outcomes, Report, Run};
use testing::compared::side::Side;
use testing::compared::{known, ops, script};
use testing::noise;
use testing::provider::azurite::{self, Azurite};

/// What Azurite refuses always.
const NEVER: [&str; 3] = ["Abort Copy Blob", "Get Service Stats", "nothing"];
/// Each makes other steps.
const SEEDS: [u64; 3] = [7, 11, 23];

fn of_azurite(azurite: &Azurite) -> Side {
    let host = azurite.endpoint.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    Side::new(&host, Account::new(azurite::ACCOUNT, azurite::KEY), "d")
}

fn of_ecluse(world: &AzureWorld) -> Side {
    Side::new(&world.host, world.pacs.clone(), "d")
}

async fn assert_nothing_unknown(run: &Run, report: &Report) {
    let told = run.told(report, 3).await;
    println!("{told}");
    assert!(report.unknown.is_empty(), "differences that are not in testing/src/compared/known/\n{told}");
}

#[tokio::test]
async fn ecluse_answers_as_azurite_does_or_as_microsoft_says() {
    let (world, azurite) = (AzureWorld::start().await, Azurite::start().await);
    let steps = noise::number("ECLUSE_AZURE_STEPS", 1200);
    // By night another one each time: what is no number is one from the clock.
    let seeds = match std::env::var_os("ECLUSE_AZURE_SEED") {
        None => SEEDS.to_vec(),
        Some(_) => vec![noise::seed("ECLUSE_AZURE_SEED")],
    };
    let mut outcomes = Outcomes::new();
    for seed in &seeds {
        println!("ECLUSE_AZURE_SEED={seed} ECLUSE_AZURE_STEPS={steps}");
        let (mut ours, mut theirs) = (of_ecluse(&world), of_azurite(&azurite));
        (ours.namespace, theirs.namespace) = (format!("d{seed}"), format!("d{seed}"));
        let mut run = Run::new(ours, theirs, known::all(), true);
        let report = run.run(*seed, steps).await;
        assert_nothing_unknown(&run, &report).await;
        for (kind, found) in report.outcomes {
            let all = outcomes.entry(kind).or_default();
            found.into_iter().for_each(|(status, count)| *all.entry(status).or_default() += count);
        }
    }
    // An operation that never succeeds shows nothing.
    let failed = |found: &BTreeMap<u16, usize>| found.keys().all(|status| *status >= 300);
    let never: Vec<_> = outcomes.iter().filter(|(_, found)| failed(found)).map(|(kind, _)| *kind).collect();
    assert!(steps * seeds.len() < 3000 || never.iter().all(|kind| NEVER.contains(kind)), "{never:?}");
}

#[tokio::test]
async fn leases_that_end_by_themselves_end_alike() {
    let (world, azurite) = (AzureWorld::start().await, Azurite::start().await);
    let mut run = Run::new(of_ecluse(&world), of_azurite(&azurite), known::all(), true);
    let report = run.scripted(&script::leases_that_end()).await;
    assert_nothing_unknown(&run, &report).await;
}

#[tokio::test]
async fn two_servers_of_one_kind_do_not_differ() {
    let (one, two) = (Azurite::start().await, Azurite::start().await);
    let mut run = Run::new(of_azurite(&one), of_azurite(&two), Vec::new(), false);
    let report = run.run(1, 500).await;
    assert_nothing_unknown(&run, &report).await;
}

#[tokio::test]
async fn a_fault_that_is_planted_is_found_and_told_in_few_steps() {
    let (one, two) = (Azurite::start().await, Azurite::start().await);
    // A server that loses what was written into a blob with metadata.
    let twist = |step: &ops::Step, request: shared_key::Request| match step.kind {
        "Put Block List" => request.without("x-ms-meta-bed"),
        _ => request,
    };
    let mut ours = of_azurite(&one);
    ours.twist = twist;
    let mut run = Run::new(ours, of_azurite(&two), Vec::new(), false);
    let report = run.run(1, 600).await;
    let (difference, (_, steps)) = report.unknown.iter().next().expect("a difference");
    assert_eq!((difference.kind.as_str(), difference.what.as_str()), ("after Put Block List", "metadata"));
    let shrunk = run.shrunk(steps, difference, 0).await;
    assert!(shrunk.len() <= 4, "{} of {} steps", shrunk.len(), steps.len());
}
