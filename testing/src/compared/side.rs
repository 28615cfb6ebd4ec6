//! One of two servers that are asked the same: where it is, and what it has answered so far.

use std::collections::HashMap;

use crate::azure::shared_key::{Account, AccountSas, Request, ServiceSas, VERSION, encoded, iso8601};
use crate::azure::wire::{self, Answer};
use crate::compared::ops::{BLOBS, CONTAINERS, Flaw, Place, Sas, Scope, Step, Value};

/// An id that no lease and no copy has.
const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// A server, and what it answered that later steps refer to.
#[derive(Clone)]
pub struct Side {
    pub host: String,
    pub account: Account,
    /// What the names of containers begin with.
    pub namespace: String,
    tags: HashMap<Place, (String, String)>,
    modified: HashMap<Place, String>,
    leases: HashMap<Place, String>,
    snapshots: HashMap<Place, Vec<String>>,
    markers: HashMap<usize, String>,
    /// Changes what this server is sent: a fault planted to see that it is found.
    pub twist: fn(&Step, Request) -> Request,
}

impl Side {
    /// `host` is `NAME:PORT`; the account is in the path.
    pub fn new(host: &str, account: Account, namespace: &str) -> Self {
        Self {
            host: host.into(),
            account,
            namespace: namespace.into(),
            tags: HashMap::new(),
            modified: HashMap::new(),
            leases: HashMap::new(),
            snapshots: HashMap::new(),
            markers: HashMap::new(),
            twist: |_, request| request,
        }
    }

    /// The same server with other containers, and nothing remembered.
    pub fn elsewhere(&self, namespace: &str) -> Self {
        Self { twist: self.twist, ..Self::new(&self.host, self.account.clone(), namespace) }
    }

    /// The path of a place, decoded, without the account.
    pub fn path(&self, place: Place) -> String {
        match place {
            Place::Account => "/".into(),
            Place::Container(container) => format!("/{}-{}", self.namespace, CONTAINERS[container]),
            Place::Blob(container, blob) => format!("/{}-{}/{}", self.namespace, CONTAINERS[container], BLOBS[blob]),
        }
    }

    /// What a step sends to this server.
    pub fn request(&self, step: &Step) -> Request {
        let mut request = Request::new(&self.account, step.method, &self.path(step.place));
        for (name, value) in &step.query {
            request = request.query(name, &self.text(value));
        }
        for (name, value) in &step.headers {
            request = request.header(name, &self.text(value));
        }
        (self.twist)(step, if step.is_write() { request.body(step.body.clone()) } else { request })
    }

    /// Asks, and remembers.
    pub async fn ask(&mut self, step: &Step) -> Answer {
        let request = self.request(step);
        let answer = match step.sas {
            None => self.send(request).await,
            Some(sas) => self.send_with(request, step.place, sas).await,
        };
        self.remember(step, &answer);
        answer
    }

    pub async fn send(&self, request: Request) -> Answer {
        wire::send(&self.host, &self.account.sign(request.header("x-ms-client-request-id", "step"))).await
    }

    /// With a shared access signature instead of a key.
    async fn send_with(&self, request: Request, place: Place, sas: Sas) -> Answer {
        let hour = time::Duration::HOUR;
        let (start, expiry) = match sas.flaw {
            Flaw::Expired => (-2 * hour, -hour),
            Flaw::Early => (hour, 2 * hour),
            _ => (-hour, hour),
        };
        let now = time::OffsetDateTime::now_utc();
        let ip = if sas.flaw == Flaw::OtherAddress { "10.1.2.3" } else { "" };
        let mut query = match sas.scope {
            Scope::Account => {
                let services = if sas.flaw == Flaw::Elsewhere { "q" } else { "b" };
                let sas = AccountSas {
                    services: services.into(),
                    start: iso8601(now + start),
                    expiry: iso8601(now + expiry),
                    ip: ip.into(),
                    ..AccountSas::new(sas.permissions, "sco")
                };
                self.account.account_sas(&sas)
            }
            Scope::Container | Scope::Blob => {
                let whole = self.path(place);
                let path = whole.trim_start_matches('/');
                let container = path.split('/').next().unwrap_or_default();
                let resource = if sas.scope == Scope::Blob { path } else { container };
                let elsewhere = if sas.flaw == Flaw::Elsewhere { "other" } else { "" };
                let sas = ServiceSas {
                    start: iso8601(now + start),
                    expiry: iso8601(now + expiry),
                    ip: ip.into(),
                    ..ServiceSas::new(sas.permissions, &format!("{resource}{elsewhere}"))
                };
                self.account.service_sas(&sas)
            }
        };
        if sas.flaw == Flaw::Widened {
            query.iter_mut().filter(|(name, _)| name == "sp").for_each(|(_, value)| *value = "racwdl".into());
        }
        let mut request = request.header("x-ms-client-request-id", "step").header("x-ms-version", VERSION);
        request.query.extend(query);
        wire::send(&self.host, &request).await
    }

    /// The tag that the place had last.
    pub fn tag(&self, place: Place) -> Option<&str> {
        self.tags.get(&place).map(|(now, _)| now.as_str())
    }

    pub fn forget(&mut self, place: Place) {
        let gone = |other: &Place| match place {
            Place::Blob(..) | Place::Account => *other == place,
            Place::Container(container) => other.container() == Some(container),
        };
        self.snapshots.retain(|other, _| !gone(other));
        self.leases.retain(|other, _| !gone(other));
        self.markers.clear();
    }

    fn text(&self, value: &Value) -> String {
        match value {
            Value::Plain(text) => text.clone(),
            Value::Tag(before, place, after) => format!("{before}{}{after}", self.tag(*place).unwrap_or("\"0x0\"")),
            Value::TagBefore(place) => self.tags.get(place).map_or("\"0x0\"", |(_, before)| before.as_str()).to_owned(),
            Value::BareTag(place) => self.tag(*place).unwrap_or("0x0").trim_matches('"').to_owned(),
            Value::Modified(place) => {
                self.modified.get(place).map_or("Wed, 25 Nov 2020 15:27:24 GMT", String::as_str).to_owned()
            }
            Value::Lease(place) => self.leases.get(place).map_or(NOBODY, String::as_str).to_owned(),
            Value::Snapshot(place, nth) => {
                let taken = self.snapshots.get(place).map_or(&[][..], Vec::as_slice);
                let found = taken.len().checked_sub(nth + 1).and_then(|at| taken.get(at));
                found.map_or("2020-01-01T00:00:00.0000000Z", String::as_str).to_owned()
            }
            Value::Marker(container) => self.markers.get(container).cloned().unwrap_or_default(),
            Value::Address(place, snapshot) => {
                let path = Request::new(&self.account, "GET", &self.path(*place)).path;
                let snapshot = snapshot.map(|nth| encoded(&self.text(&Value::Snapshot(*place, nth))));
                let query = snapshot.map_or(String::new(), |snapshot| format!("?snapshot={snapshot}"));
                format!("http://{}{path}{query}", self.host)
            }
            Value::Namespace(rest) => format!("{}-{rest}", self.namespace),
        }
    }

    fn remember(&mut self, step: &Step, answer: &Answer) {
        if !answer.is_success() {
            return;
        }
        let of_snapshot = step.query.iter().any(|(name, _)| *name == "snapshot");
        let place = step.place;
        // A snapshot with metadata of its own has a tag and a time of its own.
        let of_snapshot = of_snapshot || step.kind == "Snapshot Blob";
        if let Some(tag) = answer.find("etag").filter(|_| !of_snapshot) {
            let before = self
                .tags
                .get(&place)
                .map_or("\"0x0\"".to_owned(), |(now, before)| if now == tag { before.clone() } else { now.clone() });
            self.tags.insert(place, (tag.to_owned(), before));
        }
        if let Some(modified) = answer.find("last-modified").filter(|_| !of_snapshot) {
            self.modified.insert(place, modified.to_owned());
        }
        if let Some(lease) = answer.find("x-ms-lease-id") {
            self.leases.insert(place, lease.to_owned());
        }
        if let Some(snapshot) = answer.find("x-ms-snapshot") {
            self.snapshots.entry(place).or_default().push(snapshot.to_owned());
        }
        if step.kind == "List Blobs"
            && let Some(container) = place.container()
        {
            match answer.field("NextMarker").filter(|marker| !marker.is_empty()) {
                // With a delimiter the next page's marker may be meant for that delimiter alone.
                Some(marker) if !step.odd.contains("a delimiter") || step.odd.contains("page after page") => {
                    self.markers.insert(container, marker)
                }
                _ => self.markers.remove(&container),
            };
        }
        if step.kind == "Delete Container" {
            self.forget(place);
        }
    }

    /// Takes away all of a place, whatever holds it.
    pub async fn clear(&mut self, place: Place) {
        let plain = |method: &'static str| Step::new("clear", method, place);
        let container = matches!(place, Place::Container(_));
        let lease = if container { plain("PUT").q("restype", "container") } else { plain("PUT") };
        let lease = lease.q("comp", "lease").h("x-ms-lease-action", "break").h("x-ms-lease-break-period", "0");
        let mut steps = vec![lease];
        if container {
            steps.push(plain("DELETE").q("restype", "container"));
        } else {
            steps.push(plain("PUT").h("x-ms-blob-type", "BlockBlob"));
            steps.push(plain("PUT").q("comp", "blocklist").body("<BlockList></BlockList>"));
            steps.push(plain("DELETE").h("x-ms-delete-snapshots", "include"));
        }
        for step in steps {
            self.send(self.request(&step)).await;
        }
        self.forget(place);
    }
}
