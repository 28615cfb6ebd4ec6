"""What a browser does with the gateway: pages of two origins, one that the rules allow and one that they do not, read and write by
links that somebody with a key made: presigned URLs of S3, shared access signatures of Azure. Whether an answer may be read, and a
request be sent, is Chromium's own decision.

Environment: ECLUSE_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ECLUSE_AZURE_ENDPOINT, AZURE_STORAGE_ACCOUNT,
AZURE_STORAGE_KEY, ECLUSE_CA, ECLUSE_BROWSER: the program. Works below the current directory. The browser ends with this script.
"""

import base64
import hashlib
import http.server
import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import boto3
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, CorsRule, generate_blob_sas
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CA = os.environ["ECLUSE_CA"]
BUCKET, KEY = "viewer", "coupe é 1+1.dcm"
CONTENT = bytes(range(256)) * 300
WRITTEN = b"written by a page"
# A browser that starts on a busy machine, and twelve small requests.
DEADLINE_SECONDS = 120

# What a page does: it asks, and tells its own server what it was allowed to see.
PAGE = """<!doctype html><title>viewer</title><script type="module">
async function ask(url, options) {
  try {
    const answer = await fetch(url, options);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return { status: answer.status, bytes: bytes.length, sum: bytes.reduce((sum, byte) => sum + byte, 0),
             etag: answer.headers.get("etag"), hidden: answer.headers.get("accept-ranges") };
  } catch (error) {
    return { error: error.name };
  }
}
const told = {};
for (const { name, url, options } of ASKED) told[name] = await ask(url, options);
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
</script>"""


def s3(origin):
    """The links of S3, once the bucket has rules."""
    client = boto3.client(
        "s3", endpoint_url=os.environ["ECLUSE_ENDPOINT"], region_name="ca-central-1", verify=CA,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [{
        "AllowedOrigins": [origin], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-meta-*", "content-type"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60,
    }]})

    def link(operation, key, **more):
        return client.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": key, **more}, ExpiresIn=600)

    def read_back(key):
        found = client.get_object(Bucket=BUCKET, Key=key)
        return found["Body"].read(), found["Metadata"]

    def is_there(key):
        return client.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] > 0

    put = lambda key: link("put_object", key, Metadata={"study": "7"})
    return link("get_object", KEY), put, {"x-amz-meta-study": "7"}, read_back, is_there


def azure(origin):
    """The links of Azure, once the account has rules. The object and the bucket are those that S3 made."""
    account, key = os.environ["AZURE_STORAGE_ACCOUNT"], os.environ["AZURE_STORAGE_KEY"]
    service = BlobServiceClient(
        os.environ["ECLUSE_AZURE_ENDPOINT"], credential={"account_name": account, "account_key": key}, connection_verify=CA
    )
    service.set_service_properties(cors=[CorsRule(
        [origin], ["GET", "PUT"], allowed_headers=["x-ms-*", "content-type"], exposed_headers=["ETag"], max_age_in_seconds=60
    )])
    end = datetime.now(timezone.utc) + timedelta(minutes=10)

    def link(name, **may):
        blob = service.get_blob_client(BUCKET, name)
        return blob.url + "?" + generate_blob_sas(
            account, BUCKET, name, account_key=key, permission=BlobSasPermissions(**may), expiry=end
        )

    def read_back(name):
        blob = service.get_blob_client(BUCKET, name)
        return blob.download_blob().readall(), blob.get_blob_properties().metadata

    put = lambda name: link(name, create=True, write=True)
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-meta-study": "7"}
    return link(KEY, read=True), put, headers, read_back, lambda name: service.get_blob_client(BUCKET, name).exists()


def serve(pages, told):
    """An origin of its own on loopback: it has a page, and hears what the page was told."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.server.server_port, "").encode()
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(page) if self.path == "/" else 0))
            self.end_headers()
            if self.path == "/":
                self.wfile.write(page)

        def do_POST(self):
            told.put((self.server.server_port, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def pins():
    """The keys that the browser is to trust besides the system's authorities: the gateway's, as it shows it."""
    for name in ("ECLUSE_ENDPOINT", "ECLUSE_AZURE_ENDPOINT"):
        place = urlsplit(os.environ[name])
        # Not without looking: the certificate is of the test's own authority.
        shown = ssl.get_server_certificate((place.hostname, place.port), ca_certs=CA)
        key = x509.load_pem_x509_certificate(shown.encode()).public_key()
        yield base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


def browse(urls, told):
    """Opens each page in a browser of its own, and gives what each was told."""
    results = {}
    for number, url in enumerate(urls):
        command = [
            os.environ["ECLUSE_BROWSER"], "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--no-proxy-server", "--remote-debugging-port=0",
            f"--ignore-certificate-errors-spki-list={','.join(sorted(set(pins())))}",
            f"--user-data-dir={os.getcwd()}/profile{number}", url,
        ]
        with open(f"browser{number}.log", "wb") as log:
            browser = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            port, result = told.get(timeout=DEADLINE_SECONDS)
            results[port] = result
        except queue.Empty:
            with open(f"browser{number}.log", errors="replace") as log:
                sys.exit(f"the page at {url} told nothing in {DEADLINE_SECONDS} s; the browser said:\n{log.read()[-4000:]}")
        finally:
            # It and all that it started.
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
    return results


def main():
    told, pages = queue.Queue(), {}
    allowed, refused = serve(pages, told), serve(pages, told)
    origins = [f"http://127.0.0.1:{server.server_port}" for server in (allowed, refused)]
    fronts = {"s3": s3(origins[0]), "azure": azure(origins[0])}
    for server, who in ((allowed, "allowed"), (refused, "refused")):
        asked = []
        for front, (get, put, headers, _read_back, _is_there) in fronts.items():
            key = f"{front}-{who}"
            body = {"method": "PUT", "headers": headers, "body": WRITTEN.decode()}
            other = {"method": "PUT", "headers": {**headers, "x-other": "1"}, "body": WRITTEN.decode()}
            asked += [
                {"name": f"{front} get", "url": get, "options": {}},
                # A link that was changed: the page may read why, where it may read at all.
                {"name": f"{front} changed", "url": get.replace("viewer", "viewes", 1), "options": {}},
                {"name": f"{front} put", "url": put(key), "options": body},
                {"name": f"{front} header", "url": put(key + "-header"), "options": other},
                {"name": f"{front} delete", "url": get, "options": {"method": "DELETE"}},
            ]
        pages[server.server_port] = PAGE.replace("ASKED", json.dumps(asked))
    results = browse([f"{origin}/" for origin in origins], told)
    seen, unseen = results[allowed.server_port], results[refused.server_port]
    for front, (_get, _put, _headers, read_back, is_there) in fronts.items():
        got = seen[f"{front} get"]
        assert (got["status"], got["bytes"], got["sum"]) == (200, len(CONTENT), sum(CONTENT)), got
        assert got["etag"] and got["hidden"] is None, f"the rules show the page an ETag and no other header: {got}"
        assert seen[f"{front} put"]["status"] in (200, 201), seen
        body, metadata = read_back(f"{front}-allowed")
        assert body == WRITTEN and metadata == {"study": "7"}, (body, metadata)
        # Headers and methods that no rule names are not sent; pages that no rule names see nothing.
        for stopped in ("header", "delete"):
            assert seen[f"{front} {stopped}"] == {"error": "TypeError"}, seen
        for what in ("get", "changed", "put", "header", "delete"):
            assert unseen[f"{front} {what}"] == {"error": "TypeError"}, unseen
        for name in (f"{front}-allowed-header", f"{front}-refused", f"{front}-refused-header"):
            assert not is_there(name), f"{name} was written"
        assert is_there(KEY), "a page deleted"
    assert seen["azure changed"]["status"] == 403, seen
    # What S3 answers is shared by the rules of the bucket that is named, and there is none of that name.
    assert seen["s3 changed"] == {"error": "TypeError"}, seen
    print("browser.py: fine")


main()
