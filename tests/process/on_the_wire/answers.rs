//! Answers that are no answers: other ranges, false lengths, false statuses, redirects, half a body, no HTTP.

use std::net::TcpListener;

use bytes::Bytes;

use super::world::*;
use testing::noise::content;
use testing::process::CLIENT_ID;
use testing::provider::hostile::{Act, Protocol, Reply, Then, batch_answer};

const VICTIM: usize = 3 * SEGMENT;

/// "Broken Ecosystem" (Hofmann and Truong, ePrint 2024/1616) on the wire: what is asked for and what is answered are not
/// the same bytes, whatever the headers say. Bytes that do not open are an incident; an answer that contradicts itself or
/// does not end is a provider that fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_to_another_range_with_false_lengths_or_statuses_are_refused() {
    use Kind::{Incident, Trouble};
    both(async |protocol| {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(1, VICTIM)).await;
        let (chunk, honest) = (&record.chunks[0], world.hostile.chunk(&record.chunks[0]));
        let size = honest.len();
        let range = move |first: usize, end: usize, of: usize| format!("bytes {first}-{}/{of}", end - 1);
        let shifted = honest.clone();
        let other_range = honest.clone();
        let lies: Vec<(&str, Act, Kind)> = vec![
            (
                "an answer to another range that says so",
                Act::changed(move |reply| {
                    let length = reply.body.len().min(size - 16);
                    let body = other_range.slice(16..16 + length.min(size - 16));
                    let end = 16 + body.len();
                    reply.with("content-range", range(16, end, size)).body(body)
                }),
                Trouble,
            ),
            (
                "an answer to another range that hides it",
                Act::changed(move |reply| {
                    let length = reply.body.len();
                    let body = [&shifted[16..], &shifted[..16]].concat();
                    reply.body(Bytes::from(body).slice(..length))
                }),
                Incident,
            ),
            (
                "a range of a longer chunk",
                Act::changed(move |reply| reply.with("content-range", range(0, 7, size * 2)).with("etag", "\"other\"")),
                Trouble,
            ),
            (
                "no Content-Range",
                Act::changed(|mut reply| {
                    reply.without("content-range");
                    reply
                }),
                Trouble,
            ),
            (
                "a Content-Range of no meaning",
                Act::changed(|reply| reply.with("content-range", "octets x-y/z")),
                Trouble,
            ),
            (
                "200 and everything",
                Act::Answer(
                    Reply::status(200)
                        .with("etag", "\"1\"")
                        .with("last-modified", "Tue, 03 Nov 2026 10:00:00 GMT")
                        .body(honest.clone()),
                ),
                Trouble,
            ),
            ("200 and nothing", Act::Answer(Reply::status(200)), Trouble),
            ("206 and nothing", Act::changed(|reply| reply.body(Bytes::new())), Incident),
            ("204", Act::Answer(Reply::status(204)), Trouble),
            (
                "a body one byte short",
                Act::changed(|reply| {
                    let length = reply.body.len();
                    let body = reply.body.slice(..length - 1);
                    reply.body(body)
                }),
                Incident,
            ),
            (
                "a body one byte long",
                Act::changed(|reply| {
                    let body = [&reply.body[..], b"x"].concat();
                    reply.body(body)
                }),
                Incident,
            ),
            ("more promised than given", Act::changed(|reply| reply.cut(0, Then::Break)), Trouble),
            ("the line breaks in the first segment", Act::changed(|reply| reply.cut(99, Then::Break)), Trouble),
            ("silence in the first segment", Act::changed(|reply| reply.cut(99, Then::Hang)), Trouble),
            ("404", Act::Answer(Reply::status(404)), Incident),
            ("410", Act::Answer(Reply::status(410)), Trouble),
            ("416", Act::Answer(Reply::status(416)), Incident),
            ("403", Act::Answer(Reply::status(403)), Trouble),
            ("304", Act::Answer(Reply::status(304)), Trouble),
            ("412", Act::Answer(Reply::status(412)), Trouble),
            ("500", Act::Answer(Reply::status(500)), Trouble),
            ("503 for a day", Act::Answer(Reply::status(503).with("retry-after", 86_400)), Trouble),
            ("no HTTP", Act::Raw(Bytes::from_static(b"\x16\x03\x01 what\r\n\r\n")), Trouble),
            (
                "two answers at once",
                Act::Raw(Bytes::from_static(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyesHTTP/1.1 206 OK\r\ncontent-length: 1\r\n\r\nx",
                )),
                Trouble,
            ),
            (
                "a header without end",
                Act::Raw([&b"HTTP/1.1 206 OK\r\nx-a: "[..], &[b'a'; 600_000]].concat().into()),
                Trouble,
            ),
        ];
        for (attack, act, kind) in lies {
            let lies = world.hostile.lies();
            // Tries again cost time: those once.
            let ranges = if kind == Incident { &[None, Some((0, 10))][..] } else { &[None] };
            for range in ranges.iter().copied() {
                world.hostile.reads_of(chunk, act.clone());
                let came = world.assert_refused(attack, &record, range, kind).await;
                assert!(came < range.map_or(VICTIM, |(first, end)| end - first), "{attack}");
                assert!(world.hostile.lies() > lies, "{attack}: nobody asked");
                // Served again at once, and the breaker's patience with it.
                world.restore(attack).await;
            }
        }
        // Headers that mean something elsewhere mean nothing here.
        for (name, value) in [("content-encoding", "gzip"), ("content-type", "text/html"), ("etag", "\"new\"")] {
            world.hostile.reads_of(chunk, Act::changed(move |reply| reply.with(name, value)));
            world.assert_right(&record, None, name).await;
        }
        world.restore("headers").await;
        world.assert_right(&record, None, "at last").await;
    })
    .await;
}

/// A provider that sends the gateway elsewhere: into the hospital's own network, or to somebody who collects
/// credentials. Nothing goes there, whatever was asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redirect_is_followed_for_reads_writes_or_deletions() {
    both(async |protocol| {
        let mut world = World::start(protocol).await;
        let record = world.put("record", content(2, VICTIM)).await;
        let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
        elsewhere.set_nonblocking(true).expect("a non-blocking listener");
        let address = format!("http://{}/sealed/x", elsewhere.local_addr().expect("its address"));
        for status in [300, 301, 302, 303, 307, 308] {
            let attack = format!("{status}");
            let reply = Reply::status(status).with("location", &address);
            world
                .hostile
                .rule(move |asked| if asked.chunk.is_empty() { Act::Honest } else { Act::Answer(reply.clone()) });
            world.assert_refused(&attack, &record, None, Kind::Trouble).await;
            let url = world.url(record.who, BUCKET, "new", http::Method::PUT).await;
            let lies = world.hostile.lies();
            let answer = world.http().put(url).body(content(3, 5_000)).send().await.expect("an answer");
            assert_eq!(answer.status(), 503, "{attack}: a write that was sent elsewhere");
            assert!(world.hostile.lies() > lies, "{attack}: the chunk was sent");
            let come = elsewhere.accept();
            assert!(come.is_err(), "{attack}: the gateway went elsewhere: {come:?}");
            world.restore(&attack).await;
        }
        // Deletions come from the queue.
        let deleted = world.put("deleted", content(4, 5_000)).await;
        let reply = Reply::status(307).with("location", &address);
        let (victim, lies) = (deleted.chunks[0].clone(), world.hostile.lies());
        world.hostile.rule(move |asked| if asked.chunk == victim { Act::Answer(reply.clone()) } else { Act::Honest });
        world.delete("deleted").await;
        world.until("a deletion is tried", |world| world.hostile.lies() > lies).await;
        assert!(elsewhere.accept().is_err(), "the gateway went elsewhere to delete");
    })
    .await;
}

/// A provider may say of a deletion or a write what it likes: nothing of the gateway ends by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn false_answers_to_writes_and_deletions_harm_nobody_else() {
    both(async |protocol| {
        let mut world = World::start(protocol).await;
        let chunks = world.hostile.stored().len();
        let mut lies =
            vec![("no HTTP", Act::Raw(Bytes::from_static(b"what\r\n\r\n"))), ("500", Act::Answer(Reply::status(500)))];
        if protocol == Protocol::Azure {
            // The library reads the answer to a batch whole.
            lies.push(("an endless answer", Act::Answer(Reply::status(202).body(vec![b'-'; 200_000]))));
            lies.push(("a batch that answers for another", Act::Answer(batch_answer(7, "404 Not there"))));
            lies.push((
                "a batch of nonsense",
                Act::Answer(Reply::status(202).with("content-type", "multipart/mixed; boundary=a")),
            ));
        }
        for (attack, act) in lies {
            let deleted = world.put("deleted", content(5, 5_000)).await;
            let (victim, before) = (deleted.chunks[0].clone(), world.hostile.lies());
            world.hostile.rule(move |asked| {
                let deletes = asked.method == "DELETE" || asked.method == "POST";
                if deletes && asked.chunk == victim { act.clone() } else { Act::Honest }
            });
            world.delete("deleted").await;
            world.until(attack, |world| world.hostile.lies() > before).await;
            world.bystander_is_served(attack).await;
            world.hostile.honest();
            world.until(attack, |world| world.hostile.stored().len() == chunks).await;
            world.settle();
        }
        // Refused for good: the client hears of it.
        world.hostile.rule(|asked| if asked.method == "PUT" { Act::Answer(Reply::status(403)) } else { Act::Honest });
        let url = world.url(CLIENT_ID, BUCKET, "refused", http::Method::PUT).await;
        let answer = world.http().put(url).body("content").send().await.expect("an answer");
        assert_eq!(answer.status(), 503);
        world.restore("writes").await;
        assert!(world.gateway.is_running() && world.gateway.is_ready());
    })
    .await;
}

/// What the provider says of a write is held against what was sent: one that keeps half, other bytes or nothing, and says
/// that all is well, has failed, and the client hears it. Where its answer tells nothing, the chunk is read back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_provider_did_not_keep_as_it_was_sent_is_not_acknowledged() {
    both(async |protocol| {
        let world = World::start(protocol).await;
        let chunks = world.hostile.stored().len();
        let bare = Reply::status(if protocol == Protocol::Azure { 201 } else { 200 }).with("etag", "\"1\"");
        let other = bare.clone().with("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==").with("etag", "\"2\"");
        for (attack, act) in [
            ("half", Act::KeepHalf),
            ("nothing, with a tag of its own", Act::Answer(bare)),
            ("nothing, with another digest", Act::Answer(other)),
        ] {
            let before = world.hostile.lies();
            world.hostile.rule(move |asked| if asked.method == "PUT" { act.clone() } else { Act::Honest });
            let url = world.url(CLIENT_ID, BUCKET, "kept", http::Method::PUT).await;
            let answer = world.http().put(url).body(content(7, 5_000)).send().await.expect("an answer");
            assert_eq!(answer.status(), 503, "{attack}");
            assert!(world.hostile.lies() > before, "{attack}");
            world.hostile.honest();
            world.bystander_is_served(attack).await;
            world.until(attack, |world| world.hostile.stored().len() == chunks).await;
            // Its breaker is closed again when it takes a write.
            let url = world.url(CLIENT_ID, BUCKET, "kept", http::Method::PUT).await;
            for _ in 0..100 {
                let answer = world.http().put(url.clone()).body(content(7, 5_000)).send().await.expect("an answer");
                if answer.status() == 200 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            world.delete("kept").await;
            world.until(attack, |world| world.hostile.stored().len() == chunks).await;
        }
        let (_, metrics) = world.gateway.admin("/metrics").expect("the admin listener answers");
        let mismatches = metrics.lines().filter(|line| line.contains("outcome=\"mismatch\""));
        let refused: f64 = mismatches.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        assert!(refused >= 3.0, "{refused}");
    })
    .await;
}

/// A store that makes its tags otherwise (KMS keys, a mind of its own) is used like any other: its first chunk is read back,
/// and few after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_answers_tell_nothing_is_not_refused_and_seldom_read_back() {
    both(async |protocol| {
        let mut world = World::start(protocol).await;
        world.hostile.rule(|asked| match asked.method.as_str() {
            "PUT" => Act::changed(|mut reply| {
                reply.without("content-md5");
                reply.with("etag", "\"5d41402abc4b2a76b9719d911017c592\"")
            }),
            _ => Act::Honest,
        });
        world.hostile.forget_calls();
        for _ in 0..20 {
            let kept = world.put("kept", content(8, 5_000)).await;
            assert_eq!(kept.chunks.len(), 1);
        }
        let reads = world.hostile.calls().iter().filter(|asked| asked.method == "GET").count();
        assert_eq!(reads, 1, "the first, and no other of so few");
    })
    .await;
}
