"""Writes objects along every write path that S3 knows, from a manifest that the test made.

Usage: blind_writes.py MANIFEST; environment as for the other scripts. The manifest is JSON: a list of
{"path", "bucket", "key", "file", "metadata", "content_type"}; "path" names a function below.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import ssl
import sys
import urllib.parse
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config

ENDPOINT, CA = os.environ["ECLUSE_ENDPOINT"], os.environ["ECLUSE_CA"]
KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
REGION = "ca-central-1"
MIB = 1024 * 1024
CONTEXT = ssl.create_default_context(cafile=CA)


def client(**settings):
    settings.setdefault("signature_version", "s3v4")
    return boto3.client("s3", endpoint_url=ENDPOINT, verify=CA, region_name=REGION, config=Config(**settings))


s3 = client()


def described(entry):
    return {"Metadata": entry["metadata"], "ContentType": entry["content_type"]}


def target(entry):
    return {"Bucket": entry["bucket"], "Key": entry["key"]}


def trailer(entry, body):
    """aws-chunked, unsigned payload, checksum in a trailer: what boto3 does over TLS."""
    s3.put_object(Body=body, **target(entry), **described(entry))


def signed(entry, body):
    """The payload's SHA-256 is signed. With tags, and with others later."""
    signing = client(s3={"payload_signing_enabled": True})
    tags = urllib.parse.urlencode(entry["metadata"])
    signing.put_object(Body=body, Tagging=tags, **target(entry), **described(entry))
    others = [{"Key": name, "Value": value} for name, value in entry["metadata"].items()]
    signing.put_object_tagging(Tagging={"TagSet": others}, **target(entry))


def unsigned(entry, body):
    """UNSIGNED-PAYLOAD and no checksum."""
    old = client(request_checksum_calculation="when_required", s3={"payload_signing_enabled": False})
    old.put_object(Body=body, **target(entry), **described(entry))


def md5(entry, body):
    """With Content-MD5 and a SHA-256 checksum."""
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    s3.put_object(Body=body, ContentMD5=digest, ChecksumAlgorithm="SHA256", **target(entry), **described(entry))


def presigned(entry, body):
    """A presigned PUT."""
    parameters = {**target(entry), **described(entry)}
    url = s3.generate_presigned_url("put_object", Params=parameters, ExpiresIn=300)
    headers = {"Content-Type": entry["content_type"]}
    headers.update({f"x-amz-meta-{name}": value for name, value in entry["metadata"].items()})
    request = urllib.request.Request(url, data=body, method="PUT", headers=headers)
    assert urllib.request.urlopen(request, context=CONTEXT).status == 200


def overwrite(entry, body):
    """Twice under the same name, with other content first."""
    s3.put_object(Body=body[::-1], **target(entry), **described(entry))
    s3.put_object(Body=body, **target(entry), **described(entry))


def multipart(entry, body):
    """Parts of an odd size, through the transfer library."""
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=entry["part_bytes"])
    with open(entry["file"], "rb") as file:
        s3.upload_fileobj(file, entry["bucket"], entry["key"], ExtraArgs=described(entry), Config=config)


def copy(entry, body):
    """Put, then copied with new metadata; the copy is what stays."""
    source = {"Bucket": entry["bucket"], "Key": entry["key"] + ".source"}
    s3.put_object(Body=body, **source)
    s3.copy_object(CopySource=source, MetadataDirective="REPLACE", **target(entry), **described(entry))
    s3.delete_object(**source)


def part_copy(entry, body):
    """An upload whose parts are ranges of another object."""
    source = {"Bucket": entry["bucket"], "Key": entry["key"] + ".source"}
    s3.put_object(Body=body, **source)
    upload = s3.create_multipart_upload(**target(entry), **described(entry))["UploadId"]
    cut, parts = entry["part_bytes"], []
    for number, begin in enumerate(range(0, len(body), cut), 1):
        span = f"bytes={begin}-{min(begin + cut, len(body)) - 1}"
        answer = s3.upload_part_copy(
            PartNumber=number, UploadId=upload, CopySource=source, CopySourceRange=span, **target(entry)
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **target(entry))


def chunk_signed(entry, body):
    """STREAMING-AWS4-HMAC-SHA256-PAYLOAD: each chunk of the body carries a signature chained to the one before."""
    _streaming(entry, body, trailing=False)


def chunk_signed_trailer(entry, body):
    """STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER: the same, with a signed CRC32 in the trailer."""
    _streaming(entry, body, trailing=True)


def _sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _streaming(entry, body, trailing):
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    scope = f"{day}/{REGION}/s3/aws4_request"
    host = ENDPOINT.removeprefix("https://")
    path = "/" + urllib.parse.quote(entry["bucket"] + "/" + entry["key"], safe="/-_.~")
    empty = hashlib.sha256(b"").hexdigest()
    seal = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailing else "")
    chunks = [body[i : i + 65_536] for i in range(0, len(body), 65_536)] + [b""]

    headers = {
        "content-encoding": "aws-chunked",
        "content-type": entry["content_type"],
        "host": host,
        "x-amz-content-sha256": seal,
        "x-amz-date": stamp,
        "x-amz-decoded-content-length": str(len(body)),
    }
    headers.update({f"x-amz-meta-{name}": value for name, value in entry["metadata"].items()})
    if trailing:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32"
    names = sorted(headers)
    canonical = "\n".join(
        ["PUT", path, ""] + [f"{name}:{headers[name]}" for name in names] + ["", ";".join(names), seal]
    )
    key = ("AWS4" + SECRET).encode()
    for step in (day, REGION, "s3", "aws4_request"):
        key = _sign(key, step)
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    previous = _sign(key, to_sign).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={';'.join(names)}, Signature={previous}"
    )
    framed = b""
    for chunk in chunks:
        digest = hashlib.sha256(chunk).hexdigest()
        previous = _sign(key, f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{empty}\n{digest}").hex()
        framed += f"{len(chunk):x};chunk-signature={previous}\r\n".encode()
        framed += chunk + (b"\r\n" if chunk or not trailing else b"")
    if trailing:
        line = "x-amz-checksum-crc32:" + base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        digest = hashlib.sha256((line + "\n").encode()).hexdigest()
        last = _sign(key, f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{previous}\n{digest}").hex()
        framed += f"{line}\r\nx-amz-trailer-signature:{last}\r\n\r\n".encode()
    headers["content-length"] = str(len(framed))
    connection = http.client.HTTPSConnection(host, context=CONTEXT)
    connection.request("PUT", path, body=framed, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (answer.status, text)


PATHS = {
    path.__name__: path
    for path in (
        trailer, signed, unsigned, md5, presigned, overwrite, multipart, copy, part_copy, chunk_signed, chunk_signed_trailer
    )
}


def main():
    with open(sys.argv[1]) as file:
        manifest = json.load(file)
    for bucket in sorted({entry["bucket"] for entry in manifest}):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for entry in manifest:
        with open(entry["file"], "rb") as file:
            body = file.read()
        PATHS[entry["path"]](entry, body)
        answer = s3.get_object(**target(entry))
        assert answer["Body"].read() == body, f"{entry['path']}: other content came back"
        assert answer["Metadata"] == entry["metadata"], f"{entry['path']}: {answer['Metadata']}"
        assert answer["ContentType"] == entry["content_type"], f"{entry['path']}: {answer['ContentType']}"
        print(entry["path"], "fine", flush=True)


if __name__ == "__main__":
    main()
