//! Nonce reuse (RustFS #4576; a restored image; a call that is tried again), as the provider would see it: one key, one
//! commitment in a chunk's header, so what must never come twice is a header with another body behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};

use super::world::*;
use testing::client;
use testing::noise::content;
use testing::process::GatewayProcess;
use testing::provider::hostile::{Act, BOTH, Hostile};

/// Every body that was put, by the name it was put under.
fn puts(hostile: &Hostile) -> BTreeMap<String, Vec<Bytes>> {
    let mut puts: BTreeMap<String, Vec<Bytes>> = BTreeMap::new();
    for call in hostile.calls().into_iter().filter(|call| call.method == "PUT") {
        puts.entry(call.chunk).or_default().push(call.body);
    }
    puts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_tried_again_sends_the_very_same_bytes() {
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        world.hostile.forget_calls();
        // Every first answer is lost: refused, then not answered, in turn.
        let seen = std::sync::Mutex::new(BTreeMap::<String, usize>::new());
        world.hostile.rule(move |asked| {
            if asked.method != "PUT" {
                return Act::Honest;
            }
            let mut seen = seen.lock().expect("what was seen");
            let times = seen.entry(asked.chunk.clone()).or_default();
            *times += 1;
            match times {
                1 => Act::Lose,
                2 => Act::Hang,
                _ => Act::Honest,
            }
        });
        let small = world.put("small", content(1, 5_000)).await;
        let large = world.put("large", content(2, CHUNK + 9_000)).await;
        let puts = puts(&world.hostile);
        assert_eq!(puts.len(), 3);
        for (chunk, bodies) in puts {
            assert_eq!(bodies.len(), 3, "{protocol:?}: {chunk} was sent three times");
            assert!(bodies.iter().all(|body| *body == bodies[0]), "{protocol:?}: {chunk} was sent in two forms");
        }
        world.hostile.honest();
        for object in [small, large] {
            world.assert_right(&object, None, "after lost answers").await;
        }
    }
}

/// Two gateways run from one image, with one root key, on one provider. It is a mistake, and noticed: both stop writing, and
/// neither deletes what the other wrote. Until then no key and no name comes twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_of_one_image_repeat_no_key_and_serve_nothing_wrong() {
    const TIMES: usize = 30;
    for protocol in BOTH {
        let mut world = World::start(protocol).await;
        let shared = world.put("shared", content(1, 5_000)).await;
        let mut clone = GatewayProcess::start(world.hostile.options().write_setting("grace = \"10s\""));
        clone.kill9();
        let (from, to) = (world.gateway.home.join("data"), clone.home.join("data"));
        for file in fs::read_dir(&to).expect("the clone's data") {
            let path = file.expect("a file").path();
            if path.is_file() {
                fs::remove_file(path).expect("removed");
            }
        }
        for file in fs::read_dir(from).expect("the data") {
            let path = file.expect("a file").path();
            // The image is taken while the block of part ids is in use.
            if path.is_file() {
                fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
            }
        }
        world.hostile.forget_calls();
        let theirs = |number: usize| content(1_000 + number as u64, 4_000);
        let ours = |number: usize| content(2_000 + number as u64, 4_000);
        let name = |number: usize| format!("object{}", number % 10);
        let original = client::store(&world.gateway, BUCKET);
        // Before the clone runs, the original writes on in the block that the image has open.
        for number in 0..10 {
            original.put(&name(number).into(), ours(number).into()).await.expect("a put of the original");
        }
        clone.restart();
        let copied = client::store(&clone, BUCKET);
        // Whichever is still taking writes does; within seconds neither is.
        let mut written = [Vec::new(), Vec::new()];
        for number in 10..TIMES {
            let name = name(number);
            if original.put(&name.clone().into(), PutPayload::from(ours(number))).await.is_ok() {
                written[0].push((name.clone(), ours(number)));
            }
            if copied.put(&name.clone().into(), PutPayload::from(theirs(number))).await.is_ok() {
                written[1].push((name, theirs(number)));
            }
        }
        world
            .until("both have noticed", |world| world.gateway.standing() == "stale" && clone.standing() == "contested")
            .await;
        assert!(original.put(&"late".into(), PutPayload::from(ours(99))).await.is_err());
        assert!(copied.put(&"late".into(), PutPayload::from(theirs(99))).await.is_err());

        let puts = puts(&world.hostile);
        assert!(puts.values().all(|bodies| bodies.len() == 1), "{protocol:?}: a name was written twice");
        let headers: BTreeSet<&[u8]> = puts.values().map(|bodies| &bodies[0][..HEADER]).collect();
        assert_eq!(headers.len(), puts.len(), "{protocol:?}: a key was used twice");

        for (store, written) in [(&original, &written[0]), (&copied, &written[1])] {
            // The last that was acknowledged under each name.
            let last: BTreeMap<_, _> = written.iter().cloned().collect();
            for (name, right) in last {
                let got = store.get(&name.as_str().into()).await.expect("a get").bytes().await.expect("its bytes");
                assert!(got == right, "{protocol:?}: {name}: wrong bytes");
            }
        }
        assert_eq!(copied.get(&"shared".into()).await.expect("a get").bytes().await.expect("its bytes"), shared.bytes);
        assert!(clone.is_running() && world.gateway.is_running());
    }
}
