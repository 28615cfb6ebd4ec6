"""Random requests that botocore's own signer signs, in headers and in the query, as they are and changed in one place.

Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Exits with 0 when all holds.
"""

import hashlib
import http.client
import os
import random
import ssl
import sys
import urllib.parse

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ENDPOINT = urllib.parse.urlsplit(os.environ["ECLUSE_ENDPOINT"])
CREDENTIALS = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
ROUNDS = 300
BUCKET = "signer-essais"
rng = random.Random(20261130)
tls = ssl.create_default_context(cafile=os.environ["ECLUSE_CA"])
connection = http.client.HTTPSConnection(ENDPOINT.hostname, ENDPOINT.port, context=tls, timeout=60)

LETTERS = "abcXYZ019-_.~/ +*'()!$&,;=:@[]{}|\\^`\"<>%#?éà中😀\t"


def text(most):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, most)))


def request():
    method = rng.choice(["GET", "GET", "HEAD", "PUT", "DELETE"])
    key = text(20).strip("/") or "k"
    path = f"/{BUCKET}" if method == "GET" and rng.random() < 0.4 else f"/{BUCKET}/{key}"
    body = rng.randbytes(rng.randint(0, 200)) if method == "PUT" else b""
    query = {}
    if path == f"/{BUCKET}":
        query["list-type"] = "2"
        for name in ["prefix", "delimiter", "start-after"]:
            if rng.random() < 0.5:
                query[name] = text(12)
    elif rng.random() < 0.5:
        query["x-id"] = text(8)
    headers = {"x-amz-meta-" + rng.choice("abc"): text(12).encode("ascii", "ignore").decode().replace("\t", " ")}
    if method != "PUT":
        headers = {}
    if rng.random() < 0.5:
        headers["x-spaced"] = "  a   b  "
    encoded = urllib.parse.quote(path, safe="/~")
    url = f"{ENDPOINT.scheme}://{ENDPOINT.netloc}{encoded}"
    if query:
        url += "?" + "&".join(f"{urllib.parse.quote(n, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for n, v in query.items())
    return AWSRequest(method=method, url=url, headers=headers, data=body)


def send(prepared, body, change=None):
    parts = urllib.parse.urlsplit(prepared.url)
    target = parts.path + ("?" + parts.query if parts.query else "")
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in prepared.headers.items()}
    # Of a presigned URL it was made without the body.
    headers.pop("Content-Length", None)
    method = prepared.method
    if change == "path":
        target = target.replace(BUCKET, BUCKET + "/x", 1)
    elif change == "method":
        method = "DELETE" if method != "DELETE" else "GET"
    elif change == "query":
        target += ("&" if parts.query else "?") + "added=1"
    elif change == "header":
        headers["x-amz-meta-added"] = "1"
    connection.request(method, target, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def sign(made, presigned, region):
    """The signed request, and its body: a presigned URL knows none."""
    body = made.data or b""
    if presigned:
        made.data = b""
        botocore.auth.S3SigV4QueryAuth(CREDENTIALS, "s3", region, expires=300).add_auth(made)
    else:
        made.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
        botocore.auth.S3SigV4Auth(CREDENTIALS, "s3", region).add_auth(made)
    return made.prepare(), body


def main():
    create = sign(AWSRequest(method="PUT", url=f"{ENDPOINT.scheme}://{ENDPOINT.netloc}/{BUCKET}", data=b""), False, "us-east-1")
    status, told = send(*create)
    assert status == 200, (status, told)
    faults, accepted, changed = [], 0, 0
    for number in range(ROUNDS):
        made = request()
        presigned = rng.random() < 0.4
        prepared, body = sign(made, presigned, rng.choice(["us-east-1", "ca-central-1", "RegionOne"]))
        status, told = send(prepared, body)
        if status in (401, 403) or status >= 500:
            faults.append(f"{number}: {prepared.method} {prepared.url} {dict(prepared.headers)}: {status} {told[:300]!r}")
        else:
            accepted += 1
        for change in ["path", "method", "query", "header"]:
            status, told = send(prepared, body, change)
            if status != 403:
                faults.append(f"{number}: changed {change}: {prepared.method} {prepared.url}: {status} {told[:300]!r}")
            changed += 1
    print(f"{accepted} signed requests accepted, {changed} changed ones sent")
    if faults:
        print("\n".join(faults[:20]), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
