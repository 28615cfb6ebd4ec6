//! Answers that are no answers: other ranges, false lengths, false statuses, redirects, half a body, no HTTP.

use std::net::TcpListener;

use bytes::Bytes;

use super::world::*;
use testing::noise::content;
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

/// A provider may say of a deletion or a write what it likes: nothing of the gateway ends by it, and what it then does
/// not have is an incident.
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
        // Said to be stored, and it was not: found when it is read.
        world.hostile.rule(|asked| {
            let azure = asked.target.starts_with("/hostile");
            let stored = Reply::status(if azure { 201 } else { 200 }).with("etag", "\"1\"");
            if asked.method == "PUT" { Act::Answer(stored) } else { Act::Honest }
        });
        let lost = world.put("lost", content(6, 5_000)).await;
        world.hostile.honest();
        assert!(lost.chunks.is_empty());
        assert_eq!(world.assert_refused("said to be stored", &lost, None, Kind::Incident).await, 0);
        // Refused for good: the client hears of it.
        world.hostile.rule(|asked| if asked.method == "PUT" { Act::Answer(Reply::status(403)) } else { Act::Honest });
        let url = world.url(lost.who, BUCKET, "refused", http::Method::PUT).await;
        let answer = world.http().put(url).body("content").send().await.expect("an answer");
        assert_eq!(answer.status(), 503);
        world.restore("writes").await;
        assert!(world.gateway.is_running() && world.gateway.is_ready());
    })
    .await;
}
