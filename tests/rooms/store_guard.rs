//! The guard keeps a sick provider from doing harm: limits, deadlines, retries, breaker, metrics.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecluse::model::{ChunkName, ProviderName};
use ecluse::store::{
    Attempts, BreakerSettings, Call, ChunkStore, ChunkStream, Consent, Created, Fault, FaultPlan, Faulty,
    GuardSettings, Guarded, MemoryChunks, NamePage, Store, StoreError, When,
};
use futures::StreamExt as _;
use futures::future::join_all;
use testing::suites::chunk_store::{self, bytes, name, read};
use tokio::time::Instant;

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

fn guarded(inner: Arc<dyn ChunkStore>, settings: GuardSettings) -> Guarded {
    Guarded::new(&provider("test"), inner, settings)
}

/// A guarded provider in memory whose faults are ours.
fn sick(settings: GuardSettings) -> (Guarded, FaultPlan, Arc<MemoryChunks>) {
    let (memory, plan) = (Arc::new(MemoryChunks::default()), FaultPlan::default());
    let faulty = Faulty::new(Arc::clone(&memory) as Arc<dyn ChunkStore>, plan.clone());
    (guarded(Arc::new(faulty), settings), plan, memory)
}

#[tokio::test]
async fn a_guarded_provider_keeps_the_contract() {
    chunk_store::run(&guarded(Arc::new(MemoryChunks::default()), GuardSettings::default())).await;
}

#[tokio::test(start_paused = true)]
async fn one_failure_in_ten_is_never_seen() {
    let (store, plan, memory) = sick(GuardSettings::default());
    for call in [Call::Put, Call::Get, Call::Delete, Call::Exists] {
        plan.on(call, When::Every(10), Fault::Fail);
    }
    for index in 0..200u8 {
        let (chunk, sealed) = (name(30, index), bytes(u64::from(index), 2_000));
        store.put(&chunk, sealed.clone()).await.unwrap();
        assert_eq!(read(&store, &chunk, 0..2_000).await.unwrap(), sealed);
        assert!(store.exists(&chunk).await.unwrap());
        store.delete(&chunk, &Consent::given()).await.unwrap();
    }
    assert!(plan.calls(Call::Put) > 220, "some were tried again");
    assert_eq!(memory.snapshot(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_half_put_are_repaired_by_trying_again() {
    for fault in [Fault::LoseAnswer, Fault::HalfPut] {
        let (store, plan, memory) = sick(GuardSettings::default());
        plan.on(Call::Put, When::Nth(1), fault);
        store.put(&name(31, 1), bytes(31, 100)).await.unwrap();
        assert_eq!(memory.snapshot()[&name(31, 1)], bytes(31, 100));
        assert_eq!(plan.calls(Call::Put), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_tells_whether_an_attempt_of_it_may_still_arrive() {
    let put = async |faults: &[Fault]| {
        let (store, plan, _) = sick(GuardSettings { attempts: 3, ..GuardSettings::default() });
        for (nth, fault) in (1..).zip(faults) {
            plan.on(Call::Put, When::Nth(nth), fault.clone());
        }
        store.put(&name(31, 1), bytes(31, 100)).await
    };
    assert_eq!(put(&[]).await.unwrap(), Attempts::Answered);
    assert_eq!(put(&[Fault::Fail, Fault::Throttle(Duration::ZERO)]).await.unwrap(), Attempts::Answered);
    assert_eq!(put(&[Fault::Stall]).await.unwrap(), Attempts::InDoubt, "no answer in time");
    assert_eq!(put(&[Fault::LoseAnswer, Fault::Fail]).await.unwrap(), Attempts::InDoubt, "a broken line");
    // Whatever the last word is, the doubt of an earlier attempt stays.
    assert!(put(&[Fault::Stall, Fault::Refuse]).await.unwrap_err().leaves_doubt());
    assert!(!put(&[Fault::Fail, Fault::Refuse]).await.unwrap_err().leaves_doubt());
}

#[tokio::test(start_paused = true)]
async fn refusals_and_missing_chunks_are_not_tried_again_and_do_not_open_the_breaker() {
    let (store, plan, _) = sick(GuardSettings::default());
    plan.on(Call::Put, When::Always, Fault::Refuse);
    for index in 0..50 {
        assert!(matches!(store.put(&name(32, index), Bytes::new()).await, Err(StoreError::Refused(_))));
        assert!(matches!(store.get(&name(32, index), 0..1).await.err(), Some(StoreError::NotFound)));
    }
    assert_eq!((plan.calls(Call::Put), plan.calls(Call::Get)), (50, 50));
    assert!(!store.is_open());
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_fails_fast_and_recovers_by_itself() {
    let (store, plan, _) = sick(GuardSettings::default());
    plan.set_down(true);
    for index in 0..3 {
        assert!(store.put(&name(33, index), Bytes::new()).await.is_err());
    }
    assert!(store.is_open());
    let (calls, began) = (plan.calls(Call::Put), Instant::now());
    let error = store.put(&name(33, 9), Bytes::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { retry_after: Some(_), .. }), "{error:?}");
    assert_eq!((plan.calls(Call::Put), began.elapsed()), (calls, Duration::ZERO), "turned away at once");

    plan.set_down(false);
    tokio::time::sleep(Duration::from_secs(6)).await;
    store.put(&name(33, 9), Bytes::new()).await.unwrap();
    assert!(!store.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_lasts_is_not_tried_again_without_end() {
    // The timeout that is configured where none is: a provider that never answers keeps a client for two attempts, not five.
    let minute = Duration::from_secs(60);
    let (store, plan, _) = sick(GuardSettings { put: minute, ..GuardSettings::default() });
    plan.on(Call::Put, When::Always, Fault::Stall);
    assert!(matches!(store.put(&name(42, 1), Bytes::new()).await, Err(StoreError::Deadline)));
    assert_eq!(plan.calls(Call::Put), 2);
    // Where attempts are short, all of them fit.
    let (store, plan, _) = sick(GuardSettings { put: Duration::from_secs(2), ..GuardSettings::default() });
    plan.on(Call::Put, When::Always, Fault::Stall);
    assert!(matches!(store.put(&name(42, 1), Bytes::new()).await, Err(StoreError::Deadline)));
    assert_eq!(plan.calls(Call::Put), 5);
}

/// A chunk store whose library panics at what the provider answers.
struct Panicking;

#[async_trait::async_trait]
impl ChunkStore for Panicking {
    async fn put(&self, _: &ChunkName, _: Bytes) -> Result<Attempts, StoreError> {
        panic!("an index out of bounds")
    }

    async fn create(&self, _: &ChunkName, _: Bytes) -> Result<Created, StoreError> {
        panic!("an index out of bounds")
    }

    async fn get(&self, _: &ChunkName, _: Range<u64>) -> Result<ChunkStream, StoreError> {
        let pieces = futures::stream::iter([0, 1]).map(|number| match number {
            0 => Ok(Bytes::from_static(b"a piece")),
            _ => panic!("an index out of bounds"),
        });
        Ok(pieces.boxed())
    }

    async fn delete(&self, _: &ChunkName, _: &Consent) -> Result<(), StoreError> {
        panic!("an index out of bounds")
    }

    async fn names(&self, _: Option<&str>) -> Result<NamePage, StoreError> {
        panic!("an index out of bounds")
    }

    async fn length(&self, _: &ChunkName) -> Result<Option<u64>, StoreError> {
        panic!("an index out of bounds")
    }

    async fn exists(&self, _: &ChunkName) -> Result<bool, StoreError> {
        panic!("an index out of bounds")
    }

    async fn probe(&self) -> Result<(), StoreError> {
        panic!("an index out of bounds")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_below_is_a_failed_call_and_frees_its_place() {
    let settings = GuardSettings { parallel_writes: 1, parallel_reads: 1, attempts: 1, ..GuardSettings::default() };
    let panicked = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Panicked));
    let store = guarded(Arc::new(Panicking), settings);
    assert!(panicked(store.put(&name(43, 1), Bytes::new()).await.map(|_attempts| ())));
    assert!(panicked(store.delete(&name(43, 1), &Consent::given()).await));
    assert!(panicked(store.exists(&name(43, 1)).await.map(|_| ())));
    assert!(panicked(store.names(None).await.map(|_| ())));
    assert!(panicked(store.probe().await));
    for _ in 0..2 {
        let mut body = store.get(&name(43, 1), 0..9).await.unwrap();
        assert_eq!(body.next().await.unwrap().unwrap(), "a piece");
        assert!(matches!(body.next().await, Some(Err(StoreError::Interrupted(_)))));
        assert!(body.next().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_a_deadline() {
    let (store, plan, _) = sick(GuardSettings { attempts: 1, ..GuardSettings::default() });
    for call in [Call::Put, Call::Get, Call::Probe] {
        plan.on(call, When::Always, Fault::Stall);
    }
    let began = Instant::now();
    assert!(matches!(store.put(&name(34, 1), Bytes::new()).await, Err(StoreError::Deadline)));
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert!(matches!(store.get(&name(34, 1), 0..1).await.err(), Some(StoreError::Deadline)));
    assert!(matches!(store.probe().await, Err(StoreError::Deadline)));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_a_deadline_and_one_that_breaks_is_an_interruption() {
    let (store, plan, _) = sick(GuardSettings { parallel_reads: 1, ..GuardSettings::default() });
    let (chunk, sealed) = (name(35, 1), bytes(35, 1_000));
    store.put(&chunk, sealed.clone()).await.unwrap();

    plan.on(Call::Get, When::Nth(1), Fault::StallBody { after: 400 });
    let mut body: ChunkStream = store.get(&chunk, 0..1_000).await.unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), sealed.slice(..400));
    assert!(matches!(body.next().await, Some(Err(StoreError::Deadline))));
    assert!(body.next().await.is_none());

    // The broken body has given its place back although it is not dropped.
    plan.on(Call::Get, When::Nth(1), Fault::CutBody { after: 700 });
    let mut body: ChunkStream = store.get(&chunk, 0..1_000).await.unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), sealed.slice(..700));
    assert!(matches!(body.next().await, Some(Err(StoreError::Interrupted(_)))));
    assert_eq!(read(&store, &chunk, 700..1_000).await.unwrap(), sealed.slice(700..), "the caller resumes");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_call_goes_on_when_it_is_released() {
    let (store, plan, _) = sick(GuardSettings::default());
    plan.on(Call::Put, When::Nth(1), Fault::Stall);
    let chunk = name(36, 1);
    let put = store.put(&chunk, Bytes::new());
    let release = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        plan.release();
    };
    assert!(tokio::join!(put, release).0.is_ok());
    assert_eq!(plan.calls(Call::Put), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_names_a_time_is_left_alone_until_then() {
    let (store, plan, _) = sick(GuardSettings::default());
    plan.on(Call::Put, When::Nth(1), Fault::Throttle(Duration::from_secs(3)));
    let began = Instant::now();
    store.put(&name(37, 1), Bytes::new()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(3));

    plan.on(Call::Put, When::Nth(1), Fault::Throttle(Duration::from_secs(300)));
    let began = Instant::now();
    let error = store.put(&name(37, 2), Bytes::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() == 300));
    assert_eq!(began.elapsed(), Duration::ZERO, "too long to hold a client");
}

/// Counts how many calls are under way at once.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl ChunkStore for Crowd {
    async fn put(&self, _: &ChunkName, _: Bytes) -> Result<Attempts, StoreError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Attempts::Answered)
    }
    async fn create(&self, _: &ChunkName, _: Bytes) -> Result<Created, StoreError> {
        Ok(Created::Made)
    }
    async fn get(&self, _: &ChunkName, _: Range<u64>) -> Result<ChunkStream, StoreError> {
        Ok(futures::stream::repeat_with(|| Ok(Bytes::from_static(b"x"))).take(2).boxed())
    }
    async fn delete(&self, _: &ChunkName, _: &Consent) -> Result<(), StoreError> {
        Ok(())
    }
    async fn names(&self, _: Option<&str>) -> Result<NamePage, StoreError> {
        Ok(NamePage::default())
    }
    async fn length(&self, _: &ChunkName) -> Result<Option<u64>, StoreError> {
        Ok(Some(1))
    }

    async fn exists(&self, _: &ChunkName) -> Result<bool, StoreError> {
        Ok(true)
    }
    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_run_at_once_than_allowed() {
    let crowd = Arc::new(Crowd::default());
    let settings = GuardSettings { parallel_writes: 7, ..GuardSettings::default() };
    let store = guarded(Arc::clone(&crowd) as Arc<dyn ChunkStore>, settings);
    let chunk = name(38, 1);
    let puts = join_all((0..100).map(|_| store.put(&chunk, Bytes::new()))).await;
    assert!(puts.iter().all(Result::is_ok));
    assert_eq!(crowd.most.load(Ordering::SeqCst), 7);
}

#[tokio::test(start_paused = true)]
async fn a_read_holds_its_place_to_the_end_and_nobody_waits_for_ever() {
    let settings = GuardSettings { parallel_reads: 2, ..GuardSettings::default() };
    let store = guarded(Arc::new(Crowd::default()), settings);
    let chunk = name(39, 1);
    let mut first = store.get(&chunk, 0..2).await.unwrap();
    let second = store.get(&chunk, 0..2).await.unwrap();
    let began = Instant::now();
    let error = store.get(&chunk, 0..2).await.err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert!(!store.is_open(), "a queue is no failure of the provider");
    while first.next().await.is_some() {}
    let third = store.get(&chunk, 0..2).await.unwrap();
    drop(second);
    drop(store.get(&chunk, 0..2).await.unwrap());
    drop(third);
}

#[tokio::test(start_paused = true)]
async fn a_sick_provider_does_not_touch_another() {
    let small = || GuardSettings {
        parallel_writes: 2,
        breaker: BreakerSettings { failures: 2, ..BreakerSettings::default() },
        ..GuardSettings::default()
    };
    let (bad, plan, _) = sick(small());
    let (good, _, _) = sick(small());
    plan.on(Call::Put, When::Always, Fault::Stall);
    let (bad, good) = (Arc::new(bad), Arc::new(good));
    let providers: Vec<(ProviderName, Arc<dyn ChunkStore>)> =
        vec![(provider("bad"), Arc::clone(&bad) as _), (provider("good"), Arc::clone(&good) as _)];
    let store = Arc::new(Store::new(providers));
    let stuck: Vec<_> = (0..10)
        .map(|index| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put(&[provider("bad")], &name(40, index), Bytes::new()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let began = Instant::now();
    for index in 0..100 {
        store.put(&[provider("good")], &name(41, index), bytes(41, 100)).await.unwrap();
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    for task in stuck {
        assert!(task.await.unwrap().is_err());
    }
    assert!(bad.is_open() && !good.is_open());
}

#[tokio::test(start_paused = true)]
async fn calls_bytes_retries_and_the_breaker_are_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _local = metrics::set_default_local_recorder(&recorder);
    let (store, plan, _) = sick(GuardSettings::default());
    plan.on(Call::Put, When::Nth(1), Fault::Fail);
    store.put(&name(44, 1), bytes(44, 1_000)).await.unwrap();
    read(&store, &name(44, 1), 0..300).await.unwrap();
    plan.set_down(true);
    for _ in 0..2 {
        store.delete(&name(44, 1), &Consent::given()).await.unwrap_err();
    }
    let text = recorder.handle().render();
    for line in [
        r#"ecluse_provider_calls_total{provider="test",operation="put",outcome="ok"} 1"#,
        r#"ecluse_provider_calls_total{provider="test",operation="put",outcome="unavailable"} 1"#,
        r#"ecluse_provider_calls_total{provider="test",operation="delete",outcome="unavailable"} 8"#,
        r#"ecluse_provider_calls_total{provider="test",operation="delete",outcome="turned_away"} 1"#,
        r#"ecluse_provider_bytes_total{provider="test",direction="out"} 1000"#,
        r#"ecluse_provider_bytes_total{provider="test",direction="in"} 300"#,
        r#"ecluse_provider_retries_total{provider="test",operation="put"} 1"#,
        r#"ecluse_provider_breaker_open{provider="test"} 1"#,
        r#"ecluse_provider_call_seconds_count{provider="test",operation="get"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
