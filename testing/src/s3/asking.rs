//! Requests signed by hand and sent to a gateway process: what the light client of the tests does not do.

use std::time::Duration;

use http::Method;

use crate::process::{CLIENT_ID, GatewayProcess};
use crate::s3::sigv4::{Signer, sha256, target};
use crate::told::Told;

/// A client that signs with the gateway's only client entry. It tries once.
#[derive(Clone)]
pub struct Asker {
    http: reqwest::Client,
    /// Its clock may be moved.
    pub signer: Signer,
    endpoint: String,
}

impl Asker {
    pub fn new(gateway: &GatewayProcess) -> Self {
        Self {
            http: crate::client::http(&gateway.authority),
            signer: Signer::new(CLIENT_ID, &gateway.secret),
            endpoint: gateway.endpoint.clone(),
        }
    }

    /// One request. `path` begins with `/BUCKET`.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        more: &[(&str, &str)],
        body: Vec<u8>,
    ) -> reqwest::Result<Told> {
        let host = self.endpoint.trim_start_matches("https://").to_owned();
        let mut headers = vec![("host".to_owned(), host)];
        headers.extend(more.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        self.signer.sign(method.as_str(), path, query, &mut headers, &sha256(&body));
        let mut request = self.http.request(method, format!("{}{}", self.endpoint, target(path, query)));
        for (name, value) in headers.into_iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        Told::of(request.timeout(Duration::from_secs(120)).body(body).send().await?).await
    }

    pub async fn put(&self, path: &str, body: Vec<u8>) -> reqwest::Result<Told> {
        self.ask(Method::PUT, path, &[], &[], body).await
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<Told> {
        self.ask(Method::GET, path, &[], &[], Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> reqwest::Result<Told> {
        self.ask(Method::DELETE, path, &[], &[], Vec::new()).await
    }

    /// Copies within the gateway.
    pub async fn copy(&self, from: &str, to: &str) -> reqwest::Result<Told> {
        self.ask(Method::PUT, to, &[], &[("x-amz-copy-source", from)], Vec::new()).await
    }

    /// Gives an object other metadata: a copy onto itself.
    pub async fn rewrite(&self, path: &str, name: &str, value: &str) -> reqwest::Result<Told> {
        let headers = [("x-amz-copy-source", path), ("x-amz-metadata-directive", "REPLACE"), (name, value)];
        self.ask(Method::PUT, path, &[], &headers, Vec::new()).await
    }

    /// Deletes several keys of a bucket in one request.
    pub async fn delete_all(&self, bucket: &str, keys: &[String]) -> reqwest::Result<Told> {
        let objects: String = keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>").into_bytes();
        let md5 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, <md5::Md5 as md5::Digest>::digest(&body));
        self.ask(Method::POST, &format!("/{bucket}"), &[("delete", "")], &[("content-md5", &md5)], body).await
    }

    /// Begins an upload: its id.
    pub async fn begin(&self, path: &str) -> reqwest::Result<Result<String, Told>> {
        let told = self.ask(Method::POST, path, &[("uploads", "")], &[], Vec::new()).await?;
        Ok(told.field("UploadId").ok_or(told))
    }

    /// A part of an upload, from a body or (`from`) from an object.
    pub async fn part(&self, path: &str, upload: &str, number: &str, body: Vec<u8>) -> reqwest::Result<Told> {
        self.ask(Method::PUT, path, &[("partNumber", number), ("uploadId", upload)], &[], body).await
    }

    pub async fn part_copy(&self, path: &str, upload: &str, number: &str, from: &str) -> reqwest::Result<Told> {
        let query = [("partNumber", number), ("uploadId", upload)];
        self.ask(Method::PUT, path, &query, &[("x-amz-copy-source", from)], Vec::new()).await
    }

    /// Completes an upload of these parts: number and tag.
    pub async fn complete(&self, path: &str, upload: &str, parts: &[(&str, String)]) -> reqwest::Result<Told> {
        let parts: String = parts
            .iter()
            .map(|(number, tag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"))
            .collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes();
        self.ask(Method::POST, path, &[("uploadId", upload)], &[], body).await
    }

    pub async fn abort(&self, path: &str, upload: &str) -> reqwest::Result<Told> {
        self.ask(Method::DELETE, path, &[("uploadId", upload)], &[], Vec::new()).await
    }

    /// Aborts every upload of a bucket, as a lifecycle rule would in time.
    pub async fn abort_all(&self, bucket: &str) {
        let listed = self.ask(Method::GET, &format!("/{bucket}"), &[("uploads", "")], &[], Vec::new()).await;
        let listed = listed.expect("a list of uploads");
        assert_eq!(listed.status, 200, "{}", listed.text());
        for upload in listed.text().split("<Upload>").skip(1) {
            let field = |name: &str| upload.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next());
            let (key, id) = (field("Key").expect("a key"), field("UploadId").expect("an id"));
            let told = self.abort(&format!("/{bucket}/{key}"), id).await.expect("an answer");
            assert_eq!(told.status, 204, "{}", told.text());
        }
    }
}
