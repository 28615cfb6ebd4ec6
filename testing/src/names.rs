//! Names that no resolver of the machine knows lead to the gateway: `account.blob.azure.hospital.example`, on port 443.
//!
//! A proxy of the kind that hospitals have. Clients ask it for a tunnel (`CONNECT`) when `HTTPS_PROXY` says so; it never sees
//! within. What it is asked for under the domain leads to the gateway, and nothing else leads anywhere.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The gateway's domain in host style, as in the operators' guide.
pub const DOMAIN: &str = "azure.hospital.example";

/// Leads there until dropped.
pub struct Names {
    address: SocketAddr,
    door: Arc<Door>,
}

struct Door {
    gateway: u16,
    asked: Mutex<BTreeSet<String>>,
    closed: AtomicBool,
}

impl Names {
    /// Names under [`DOMAIN`] lead to this port of loopback.
    pub fn leading_to(gateway: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the proxy");
        let address = listener.local_addr().expect("its address");
        let door = Arc::new(Door { gateway, asked: Mutex::default(), closed: AtomicBool::new(false) });
        let inside = Arc::clone(&door);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if inside.closed.load(Ordering::SeqCst) {
                    break;
                }
                let door = Arc::clone(&inside);
                // A client that hangs up is none of the proxy's business.
                thread::spawn(move || drop(door.serve(client)));
            }
        });
        Self { address, door }
    }

    /// What `HTTPS_PROXY` is to be.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whatever clients asked for so far, with the port.
    pub fn asked(&self) -> BTreeSet<String> {
        self.door.asked.lock().expect("what was asked").clone()
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.door.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Door {
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client.try_clone()?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let target = request.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        self.asked.lock().expect("what was asked").insert(target.to_owned());
        let known = target.strip_suffix(":443").and_then(|host| host.strip_suffix(DOMAIN));
        if !known.is_some_and(|account| account.ends_with('.')) {
            return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
        let gateway = TcpStream::connect((Ipv4Addr::LOCALHOST, self.gateway))?;
        gateway.set_nodelay(true)?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let (mut up, mut down) = (gateway.try_clone()?, (gateway, client));
        let back = thread::spawn(move || {
            let ended = std::io::copy(&mut down.0, &mut down.1);
            down.1.shutdown(Shutdown::Write).and(ended)
        });
        let ended = std::io::copy(&mut reader, &mut up);
        drop(up.shutdown(Shutdown::Write));
        drop(back.join());
        ended.map(drop)
    }
}
