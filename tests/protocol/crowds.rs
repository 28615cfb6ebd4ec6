//! Connections: one address does not fill a listener before anybody there is known, nor one client afterwards.

use std::sync::Arc;
use std::time::Duration;

use ecluse::front::s3::{S3Front, S3Settings};
use ecluse::front::server::{Limits, serve};
use testing::s3::sigv4::{Signer, sha256};
use testing::s3::world::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A guard: what happens, happens long before.
const LONG: Duration = Duration::from_secs(30);

/// The gateway of a world behind another listener.
async fn with(limits: Limits) -> (World, DropGuard) {
    let mut world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let front = S3Front::new(Arc::clone(&world.gateway), S3Settings::default());
    tokio::spawn(serve("s3", listener, None, limits, front, stop.clone()));
    (world, stop.drop_guard())
}

/// Asks for a list on a connection that stays open, and gives the status; 0 when the connection was closed.
async fn ask(world: &World, signer: &Signer, stream: &mut TcpStream) -> u16 {
    let mut headers = world.headers(&[]);
    signer.sign("GET", "/imaging", &[], &mut headers, &sha256(b""));
    let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let _sent = stream.write_all(format!("GET /imaging HTTP/1.1\r\n{head}\r\n").as_bytes()).await;
    let mut text = [0; 4096];
    let read = tokio::time::timeout(LONG, stream.read(&mut text)).await.expect("an answer, or the end");
    let read = read.unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..read]);
    text.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(tokio::time::timeout(Duration::from_millis(500), stream.read(&mut [0; 1])).await, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn strangers_of_one_address_leave_room_for_those_who_are_known() {
    let (world, _stop) = with(Limits { strangers_of_address: 3, ..Limits::default() }).await;
    let mut strangers = Vec::new();
    for _ in 0..2 {
        strangers.push(TcpStream::connect(world.address).await.unwrap());
    }
    // Whoever proves who it is does not count any more: many come from one address, one after the other.
    let mut known = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        assert_eq!(ask(&world, &world.signer, &mut stream).await, 200);
        known.push(stream);
    }
    let mut third = TcpStream::connect(world.address).await.unwrap();
    let mut fourth = TcpStream::connect(world.address).await.unwrap();
    assert!(is_closed(&mut fourth).await, "a fourth stranger was let in");
    assert!(!is_closed(&mut third).await);
    for stream in &mut known {
        assert!(!is_closed(stream).await);
    }
}

#[tokio::test]
async fn a_client_has_its_part_of_the_connections_and_others_have_theirs() {
    let (world, _stop) = with(Limits { connections_of_client: 2, ..Limits::default() }).await;
    let mut mine = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        assert_eq!(ask(&world, &world.signer, &mut stream).await, 200);
        mine.push(stream);
    }
    let mut third = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(ask(&world, &world.signer, &mut third).await, 503);
    let mut others = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(ask(&world, &world.stranger, &mut others).await, 404, "another client is answered");
    mine.truncate(1);
    let again = async {
        loop {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            if ask(&world, &world.signer, &mut stream).await == 200 {
                break;
            }
        }
    };
    tokio::time::timeout(LONG, again).await.expect("what ended is counted off");
}
