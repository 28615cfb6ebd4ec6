//! Azure Blob requests signed by hand and sent to a gateway process, over TLS: the other front's [`Asker`](crate::s3::asking).

use std::time::Duration;

use http::Method;

use crate::azure::shared_key::{Account, Request};
use crate::process::{CLIENT_ID, GatewayProcess};
use crate::told::Told;

/// A client that signs with the gateway's first client entry. It tries once.
#[derive(Clone)]
pub struct AzureAsker {
    http: reqwest::Client,
    pub account: Account,
    /// `https://127.0.0.1:PORT`
    pub endpoint: String,
}

impl AzureAsker {
    pub fn new(gateway: &GatewayProcess) -> Self {
        let endpoint = gateway.azure_endpoint();
        let (endpoint, account) = endpoint.rsplit_once('/').expect("the account in its path");
        assert_eq!(account, CLIENT_ID);
        Self {
            http: crate::client::http(&gateway.authority),
            account: Account::new(account, &gateway.secret),
            endpoint: endpoint.to_owned(),
        }
    }

    /// A request, not signed yet. `path` is decoded and begins with `/CONTAINER`.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.account, method, path)
    }

    pub fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Request {
        self.request("PUT", path).body(body)
    }

    /// The address of a blob as a source of copies.
    pub fn address(&self, path: &str) -> String {
        format!("{}{}", self.endpoint, self.request("GET", path).path)
    }

    /// Signs and sends.
    pub async fn send(&self, request: Request) -> reqwest::Result<Told> {
        Told::of(self.begin(request).await?).await
    }

    /// Signs and sends; the answer's body has not come yet.
    pub async fn begin(&self, request: Request) -> reqwest::Result<reqwest::Response> {
        let signed = self.account.sign(request);
        let method = Method::from_bytes(signed.method.as_bytes()).expect("a method");
        let mut asked = self.http.request(method, format!("{}{}", self.endpoint, signed.target()));
        for (name, value) in &signed.headers {
            asked = asked.header(name, value);
        }
        asked.timeout(Duration::from_secs(120)).body(signed.body).send().await
    }

    /// Makes a container.
    pub async fn create(&self, container: &str) {
        let request = self.put(&format!("/{container}"), "").query("restype", "container");
        let told = self.send(request).await.expect("an answer");
        assert_eq!(told.status, 201, "{}", told.text());
    }

    /// Deletes a container with all that it holds.
    pub async fn drop_container(&self, container: &str) {
        let request = self.request("DELETE", &format!("/{container}")).query("restype", "container");
        let told = self.send(request).await.expect("an answer");
        assert_eq!(told.status, 202, "{}", told.text());
    }
}
