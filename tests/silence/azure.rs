//! Requests through the Azure front along every path, with what names something and what is secret in each of its places.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ecluse::front::azure::AzureSettings;
use time::Duration;

use testing::azure::shared_key::{
    AccountSas, DelegationKey, Request, ServiceSas, VERSION, batch_part, encoded, iso8601,
};
use testing::azure::wire::Answer;
use testing::azure::world::AzureWorld;
use testing::issuer::Issuer;

/// Nothing of these may be told: of containers, blobs, metadata, tags, headers, policies, sources, searches.
pub const NAMES: [&str; 12] = [
    "cardiologie",
    "gauthier-luc",
    "echo.dcm",
    "patient-morin",
    "pelletier",
    "bergeron",
    "urgence-cloutier",
    "desjardins",
    "fortin-source",
    "girard-inconnu",
    "rapport-leclerc",
    "poirier",
];
const CONTAINER: &str = "/cardiologie";
const BLOB: &str = "/cardiologie/gauthier-luc/echo.dcm";
const LOG: &str = "/cardiologie/gauthier-luc/journal";
pub const BODY: &[u8] = b"poirier: stimulateur";
/// A host that may be read from, where nobody listens.
const SOURCE: &str = "127.0.0.1:9";

/// The front, its issuer, and the secrets that were sent so far.
pub struct Azure {
    pub world: AzureWorld,
    issuer: Issuer,
    pub secrets: Vec<String>,
}

impl Azure {
    pub async fn start() -> Self {
        let issuer = Issuer::new();
        let settings = AzureSettings {
            copy_sources: vec![SOURCE.into()],
            bearer: Some(issuer.bearer("pacs")),
            ..AzureSettings::default()
        };
        Self { world: AzureWorld::with(settings).await, issuer, secrets: Vec::new() }
    }

    fn ask(&self, method: &str, path: &str) -> Request {
        self.world.request(method, path).header("x-ms-client-request-id", "dossier-bergeron")
    }

    fn put(&self, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8]) -> Request {
        self.ask("PUT", path).queries(query).headers(headers).body(body)
    }

    /// Signs, and remembers the signature.
    async fn send(&mut self, request: Request) -> Answer {
        let signed = self.world.pacs.sign(request);
        self.hide(&signed);
        self.world.raw(&signed).await
    }

    fn hide(&mut self, request: &Request) {
        for name in ["authorization", "x-ms-copy-source-authorization"] {
            // As it is signed or borne: behind the scheme and the account.
            let secret = request.value(name).rsplit([' ', ':']).next().unwrap_or_default();
            self.secrets.extend(Some(secret.to_owned()).filter(|secret| !secret.is_empty()));
        }
    }

    /// With a signature in the address.
    async fn with_sas(&mut self, mut request: Request, sas: &[(String, String)]) -> Answer {
        self.hide_sas(sas);
        request.query.extend(sas.iter().cloned());
        self.world.raw(&request.header("x-ms-version", VERSION)).await
    }

    fn hide_sas(&mut self, sas: &[(String, String)]) {
        let (_, signature) = sas.iter().find(|(name, _)| name == "sig").unwrap();
        self.secrets.extend([signature.clone(), encoded(signature)]);
    }

    fn address(&mut self, path: &str, sas: &[(String, String)]) -> String {
        self.hide_sas(sas);
        let query: Vec<String> = sas.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("http://{}{}?{}", self.world.host, self.world.request("GET", path).path, query.join("&"))
    }

    /// What succeeds: every write path, reads, lists and searches, by key, by signature and by token.
    pub async fn traffic(&mut self) {
        let described: &[(&str, &str)] = &[
            ("x-ms-blob-type", "BlockBlob"),
            ("x-ms-meta-nom", "patient-morin"),
            ("x-ms-tags", "medecin=pelletier"),
            ("x-ms-blob-content-disposition", "attachment; filename=rapport-leclerc"),
        ];
        let acl = "<SignedIdentifiers><SignedIdentifier><Id>desjardins</Id><AccessPolicy><Permission>r</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>";
        let block = BASE64_STANDARD.encode("urgence-cloutier-1");
        let (set, list) = (
            "<Tags><TagSet><Tag><Key>service</Key><Value>urgence-cloutier</Value></Tag></TagSet></Tags>",
            format!("<BlockList><Latest>{block}</Latest></BlockList>"),
        );
        let of_container = |comp: &'static str| [("restype", "container"), ("comp", comp)];
        for request in [
            self.put(CONTAINER, &[("restype", "container")], &[("x-ms-meta-chef", "bergeron")], b""),
            self.put(CONTAINER, &of_container("acl"), &[], acl.as_bytes()),
            self.put(BLOB, &[], described, BODY),
            self.put(BLOB, &[("comp", "metadata")], &[("x-ms-meta-nom", "patient-morin")], b""),
            self.put(BLOB, &[("comp", "properties")], &[("x-ms-blob-content-type", "cardio/poirier")], b""),
            self.put(BLOB, &[("comp", "tags")], &[], set.as_bytes()),
            self.put(BLOB, &[("comp", "snapshot")], &[("x-ms-meta-nom", "pelletier")], b""),
            self.put(&format!("{BLOB}.2"), &[("comp", "block"), ("blockid", &block)], &[], BODY),
            self.put(&format!("{BLOB}.2"), &[("comp", "blocklist")], &[], list.as_bytes()),
            self.put(LOG, &[], &[("x-ms-blob-type", "AppendBlob")], b""),
            self.put(LOG, &[("comp", "appendblock")], &[], BODY),
            self.ask("GET", BLOB).header("x-ms-range", "bytes=0-6").header("x-ms-range-get-content-md5", "true"),
            self.ask("GET", BLOB).header("x-ms-structured-body", "XSM/1.0; properties=crc64"),
            self.ask("HEAD", BLOB),
            self.ask("GET", BLOB).query("comp", "tags"),
            self.ask("GET", BLOB).queries(&[("comp", "blocklist"), ("blocklisttype", "all")]),
            self.ask("GET", CONTAINER)
                .queries(&of_container("list"))
                .queries(&[("prefix", "gauthier-luc"), ("include", "metadata,tags,snapshots")]),
            self.ask("GET", "/").queries(&[("comp", "blobs"), ("where", "service='urgence-cloutier'")]),
        ] {
            let answer = self.send(request).await;
            assert!(answer.is_success(), "{} {}", answer.status, answer.text());
        }
        self.by_signature_and_token().await;
        let copy = format!("http://{}{}", self.world.host, self.world.request("GET", BLOB).path);
        let here: &[(&str, &str)] = &[("x-ms-copy-source", &copy), ("x-ms-requires-sync", "true")];
        self.send(self.put(&format!("{BLOB}.3"), &[], here, b"")).await.ok(202);
        let parts = [format!("{BLOB}.2"), format!("{BLOB}.4")]
            .map(|path| self.world.pacs.sign(self.world.request("DELETE", &path).header("content-length", "0")));
        parts.iter().for_each(|part| self.hide(part));
        let body = format!("{}{}--b--\r\n", batch_part(0, &parts[0]), batch_part(1, &parts[1]));
        let batch = self.ask("POST", "/").query("comp", "batch");
        let batch = batch.header("content-type", "multipart/mixed; boundary=b").body(body);
        self.send(batch).await.ok(202);
        let acquire = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "15")];
        self.send(self.put(BLOB, &[("comp", "lease")], &acquire, b"")).await.ok(201);
    }

    async fn by_signature_and_token(&mut self) {
        let pacs = self.world.pacs.clone();
        let mut service = ServiceSas::new("r", BLOB.trim_start_matches('/'));
        service.response[1].1 = "attachment; filename=rapport-leclerc".into();
        let service = pacs.service_sas(&service);
        self.with_sas(self.ask("GET", BLOB), &service).await.ok(200);
        let account = pacs.account_sas(&AccountSas::new("rwlc", "sco"));
        self.with_sas(self.ask("GET", BLOB), &account).await.ok(200);
        let source = self.address(BLOB, &account);
        let from: &[(&str, &str)] = &[("x-ms-copy-source", &source), ("x-ms-blob-type", "BlockBlob")];
        self.with_sas(self.put(&format!("{BLOB}.4"), &[], from, b""), &account).await.ok(201);

        let token = self.issuer.token();
        self.secrets.extend([token.clone(), token.rsplit('.').next().unwrap().to_owned()]);
        let bearer = format!("Bearer {token}");
        let borne = |request: Request| request.header("x-ms-version", VERSION).header("authorization", &bearer);
        self.world.raw(&borne(self.ask("GET", BLOB))).await.ok(200);
        let expiry = iso8601(pacs.now() + Duration::HOUR);
        let wanted = format!("<KeyInfo><Start></Start><Expiry>{expiry}</Expiry></KeyInfo>");
        let ask = self.ask("POST", "/").queries(&[("restype", "service"), ("comp", "userdelegationkey")]).body(wanted);
        let answer = self.world.raw(&borne(ask)).await.ok(200);
        let key = DelegationKey::read(|name| answer.field(name));
        self.secrets.push(key.value.clone());
        let delegated = key.sas("pacs", "r", BLOB.trim_start_matches('/'));
        self.with_sas(self.ask("GET", BLOB), &delegated).await.ok(200);
        let source = format!("http://{}{}", self.world.host, self.world.request("GET", BLOB).path);
        let from = self.put(&format!("{BLOB}.5"), &[], &[("x-ms-blob-type", "BlockBlob")], b"");
        let from = from.header("x-ms-copy-source", &source).header("x-ms-copy-source-authorization", &bearer);
        self.send(from).await.ok(201);
    }

    /// What fails, at each depth.
    pub async fn failures(&mut self) {
        let pacs = self.world.pacs.clone();
        let forged = pacs.with_other_key().sign(self.ask("GET", BLOB));
        self.hide(&forged);
        self.world.raw(&forged).await.expect(403, "AuthenticationFailed");
        let resource = BLOB.trim_start_matches('/');
        let expired = ServiceSas { expiry: "2020-01-01T00:00:00Z".into(), ..ServiceSas::new("r", resource) };
        self.with_sas(self.ask("GET", BLOB), &pacs.service_sas(&expired)).await.expect(403, "AuthenticationFailed");
        let mut changed = pacs.service_sas(&ServiceSas::new("r", resource));
        changed.push(("rscd".into(), "girard-inconnu".into()));
        self.with_sas(self.ask("GET", BLOB), &changed).await.expect(403, "AuthenticationFailed");
        let token = format!("{}x", self.issuer.token());
        self.secrets.push(token.clone());
        let borne = self.ask("GET", BLOB).header("x-ms-version", VERSION);
        let answer = self.world.raw(&borne.header("authorization", &format!("Bearer {token}"))).await;
        assert_eq!(answer.status, 401, "{}", answer.text());

        // A signature of another server, in the address of a source that cannot be read or may not be.
        let secret = "c2lnbmF0dXJlIG9mIGFub3RoZXIgc2VydmVy";
        self.secrets.push(secret.into());
        for host in [SOURCE, "storage.example"] {
            let source = format!("http://{host}/fortin-source/girard-inconnu?sv=2025-11-05&sp=r&sig={secret}");
            let from: &[(&str, &str)] = &[("x-ms-copy-source", &source), ("x-ms-blob-type", "BlockBlob")];
            let token = [("x-ms-copy-source-authorization", "Bearer bm90LWEtdG9rZW4tb2YtdXM")];
            let answer = self.send(self.put(BLOB, &[], from, b"").headers(&token)).await;
            assert_eq!(answer.code(), "CannotVerifyCopySource", "{}", answer.text());
        }
        let wrong = [("x-ms-blob-type", "BlockBlob"), ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
        for (request, code) in [
            (self.ask("GET", "/cardiologie/girard-inconnu"), "BlobNotFound"),
            (self.ask("GET", "/girard-inconnu/x"), "ContainerNotFound"),
            (self.put("/cardiologie/girard-inconnu", &[], &wrong, BODY), "Md5Mismatch"),
            (self.put(BLOB, &[], &[("x-ms-blob-type", "BlockBlob")], BODY), "LeaseIdMissing"),
            (self.put(BLOB, &[("comp", "tags")], &[], b"<Tags><girard-inconnu/></Tags>"), "InvalidXmlDocument"),
            (self.put(BLOB, &[("comp", "blocklist")], &[], b"<BlockList><Latest>girard-inconnu"), "InvalidXmlDocument"),
            (
                self.ask("GET", "/").queries(&[("comp", "blobs"), ("where", "girard-inconnu")]),
                "InvalidQueryParameterValue",
            ),
            (self.ask("GET", BLOB).query("comp", "girard-inconnu"), "InvalidQueryParameterValue"),
            (
                self.put(LOG, &[("comp", "appendblock")], &[("x-ms-blob-condition-appendpos", "7")], BODY),
                "AppendPositionConditionNotMet",
            ),
        ] {
            let target = request.target();
            let answer = self.send(request).await;
            assert_eq!(answer.code(), code, "{target} {}", answer.text());
        }
        let viewer = Request::new(&self.world.viewer, "GET", BLOB);
        let signed = self.world.viewer.sign(viewer);
        self.hide(&signed);
        self.world.raw(&signed).await.expect(403, "AuthorizationPermissionMismatch");
    }

    /// A read of what the provider changed.
    pub async fn broken(&mut self) {
        self.send(self.ask("GET", BLOB)).await.expect(500, "InternalError");
        let digest =
            self.ask("GET", BLOB).header("x-ms-range", "bytes=0-6").header("x-ms-range-get-content-md5", "true");
        self.send(digest).await.expect(500, "InternalError");
    }
}
