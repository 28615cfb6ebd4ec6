"""Everything that boto3 asks of an S3 server in its default settings, against the gateway.

Environment: ECLUSE_ENDPOINT, ECLUSE_CA, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Exits with 0 when all holds.
"""

import base64
import hashlib
import io
import os
import random
import ssl
import sys
import tempfile
import time
import traceback
import unicodedata
import urllib.error
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["ECLUSE_ENDPOINT"]
CA = os.environ["ECLUSE_CA"]
KIB, MIB = 1024, 1024 * 1024
BUCKET = "tour-imagerie"
rng = random.Random(20261123)


def client(**settings):
    return boto3.client(
        "s3", endpoint_url=ENDPOINT, verify=CA, region_name="ca-central-1", config=Config(**settings) if settings else None
    )


s3 = client()


def equal(got, wanted, what):
    if got != wanted:
        if isinstance(got, bytes) and len(got) > 200:
            got = f"{len(got)} bytes"
        if isinstance(wanted, bytes) and len(wanted) > 200:
            wanted = f"{len(wanted)} bytes"
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(what, code, status, call, **arguments):
    """The call fails with this error code (one of several, for those that HEAD cannot tell) and this status."""
    try:
        call(**arguments)
    except ClientError as error:
        got = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        codes = code if isinstance(code, tuple) else (code,)
        statuses = status if isinstance(status, tuple) else (status,)
        if got[0] not in codes or got[1] not in statuses:
            raise AssertionError(f"{what}: got {got}, wanted {code} {status}") from None
        return
    raise AssertionError(f"{what}: succeeded, wanted {code} {status}")


def read(key, **arguments):
    answer = s3.get_object(Bucket=BUCKET, Key=key, **arguments)
    return answer["Body"].read()


def put(key, body, **arguments):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **arguments)


def empty(bucket):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])


def buckets():
    equal(s3.list_buckets()["Buckets"], [], "no buckets at first")
    refused("head of no bucket", ("404", "NoSuchBucket"), 404, s3.head_bucket, Bucket=BUCKET)
    refused("list of no bucket", "NoSuchBucket", 404, s3.list_objects_v2, Bucket=BUCKET)
    refused("put to no bucket", "NoSuchBucket", 404, s3.put_object, Bucket=BUCKET, Key="k", Body=b"x")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ca-central-1"})
    s3.create_bucket(Bucket="tour-second", CreateBucketConfiguration={"LocationConstraint": "ca-central-1"})
    refused(
        "bucket that exists",
        ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"),
        409,
        s3.create_bucket,
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": "ca-central-1"},
    )
    equal(sorted(b["Name"] for b in s3.list_buckets()["Buckets"]), [BUCKET, "tour-second"], "buckets")
    s3.head_bucket(Bucket=BUCKET)
    s3.get_bucket_location(Bucket=BUCKET)
    s3.put_object(Bucket="tour-second", Key="k", Body=b"x")
    refused("delete of a full bucket", "BucketNotEmpty", 409, s3.delete_bucket, Bucket="tour-second")
    s3.delete_object(Bucket="tour-second", Key="k")
    s3.delete_bucket(Bucket="tour-second")
    refused("delete of no bucket", "NoSuchBucket", 404, s3.delete_bucket, Bucket="tour-second")
    equal([b["Name"] for b in s3.list_buckets()["Buckets"]], [BUCKET], "buckets after delete")


def sizes():
    for size in [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1]:
        body = rng.randbytes(size)
        answer = put(f"sizes/{size}", body)
        md5 = f'"{hashlib.md5(body).hexdigest()}"'
        equal(answer["ETag"], md5, f"ETag of {size} bytes")
        equal(read(f"sizes/{size}") == body, True, f"content of {size} bytes")
        head = s3.head_object(Bucket=BUCKET, Key=f"sizes/{size}")
        equal((head["ContentLength"], head["ETag"]), (size, md5), f"head of {size} bytes")
        entry = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"sizes/{size}")["Contents"][0]
        equal((entry["Size"], entry["ETag"]), (size, md5), f"list entry of {size} bytes")
        equal(entry["LastModified"].replace(microsecond=0), head["LastModified"], f"times of {size} bytes")


def managed_transfers():
    body = rng.randbytes(20 * MIB + 7)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "large.dcm")
        with open(path, "wb") as file:
            file.write(body)
        s3.upload_file(path, BUCKET, "large.dcm", ExtraArgs={"Metadata": {"modality": "MR"}})
        head = s3.head_object(Bucket=BUCKET, Key="large.dcm")
        equal(head["ContentLength"], len(body), "size of a managed upload")
        equal(head["Metadata"], {"modality": "MR"}, "metadata of a managed upload")
        parts = [hashlib.md5(body[i : i + 8 * MIB]).digest() for i in range(0, len(body), 8 * MIB)]
        equal(head["ETag"], f'"{hashlib.md5(b"".join(parts)).hexdigest()}-{len(parts)}"', "multipart ETag")
        back = os.path.join(folder, "back.dcm")
        s3.download_file(BUCKET, "large.dcm", back)
        with open(back, "rb") as file:
            equal(file.read() == body, True, "content of a managed download")
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "stream.dcm", Config=TransferConfig(multipart_chunksize=5 * MIB + 1))
    into = io.BytesIO()
    s3.download_fileobj(BUCKET, "stream.dcm", into)
    equal(into.getvalue() == body, True, "content of a stream")
    # In small pieces, as a reader that streams does.
    stream = s3.get_object(Bucket=BUCKET, Key="large.dcm")["Body"]
    equal(b"".join(stream.iter_chunks(100_000)) == body, True, "content read in pieces")
    s3.copy({"Bucket": BUCKET, "Key": "large.dcm"}, BUCKET, "large-copy.dcm")
    equal(read("large-copy.dcm") == body, True, "content of a managed copy")
    # Ranges across chunks and across parts whose sizes are odd.
    for key in ["large.dcm", "stream.dcm"]:
        for begin, end in [(8 * MIB - 1, 8 * MIB), (5 * MIB, 5 * MIB + 2), (0, len(body) - 1), (65535, 8 * MIB + 65537)]:
            got = read(key, Range=f"bytes={begin}-{end}")
            equal(got == body[begin : end + 1], True, f"{key} bytes {begin}-{end}")


def ranges():
    size = 3 * 64 * KIB + 17
    body = rng.randbytes(size)
    put("ranged", body)
    edges = [0, 1, 2, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 2 * 64 * KIB, 3 * 64 * KIB - 1, 3 * 64 * KIB, size - 2, size - 1]
    for begin in edges:
        for end in [e for e in edges if e >= begin] + [size, size + 1000]:
            answer = s3.get_object(Bucket=BUCKET, Key="ranged", Range=f"bytes={begin}-{end}")
            last = min(end, size - 1)
            equal(answer["ResponseMetadata"]["HTTPStatusCode"], 206, f"status of {begin}-{end}")
            equal(answer["ContentRange"], f"bytes {begin}-{last}/{size}", f"range of {begin}-{end}")
            equal(answer["Body"].read() == body[begin : last + 1], True, f"bytes {begin}-{end}")
        equal(read("ranged", Range=f"bytes={begin}-") == body[begin:], True, f"bytes {begin}-")
    for suffix in [1, 17, 18, 64 * KIB, size - 1, size, size + 1]:
        equal(read("ranged", Range=f"bytes=-{suffix}") == body[-min(suffix, size) :], True, f"bytes -{suffix}")
    head = s3.head_object(Bucket=BUCKET, Key="ranged", Range="bytes=1-10")
    equal(head["ContentLength"], 10, "length of a ranged head")
    for bad in [f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"]:
        refused(f"range {bad}", "InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="ranged", Range=bad)
    put("ranged-empty", b"")
    refused("range of nothing", "InvalidRange", 416, s3.get_object, Bucket=BUCKET, Key="ranged-empty", Range="bytes=0-0")


def metadata():
    headers = {
        "ContentType": "application/dicom",
        "CacheControl": "private, max-age=60",
        "ContentDisposition": 'attachment; filename="irm.dcm"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "fr-CA",
    }
    own = {"patient": "Tremblay", "study-uid": "1.2.840.113619", "mixed": "Aa Bb"}
    put("described", b"x", Metadata=own, **headers)
    for answer in [s3.head_object(Bucket=BUCKET, Key="described"), s3.get_object(Bucket=BUCKET, Key="described")]:
        for name, value in headers.items():
            equal(answer[name], value, name)
        equal(answer["Metadata"], own, "user metadata")
    put("plain", b"x")
    equal(s3.head_object(Bucket=BUCKET, Key="plain")["Metadata"], {}, "no metadata")
    answer = s3.get_object(
        Bucket=BUCKET, Key="described", ResponseContentType="text/plain", ResponseContentDisposition="inline"
    )
    equal((answer["ContentType"], answer["ContentDisposition"]), ("text/plain", "inline"), "response overrides")


def conditions():
    first = put("conditional", b"first")["ETag"]
    modified = s3.head_object(Bucket=BUCKET, Key="conditional")["LastModified"]
    early, late = modified.replace(year=2001), modified
    get = dict(Bucket=BUCKET, Key="conditional")
    equal(read("conditional", IfMatch=first), b"first", "If-Match")
    refused("If-Match", "PreconditionFailed", 412, s3.get_object, IfMatch='"0123"', **get)
    equal(read("conditional", IfNoneMatch='"0123"'), b"first", "If-None-Match")
    refused("If-None-Match", ("304", "NotModified"), 304, s3.get_object, IfNoneMatch=first, **get)
    refused("head If-None-Match", "304", 304, s3.head_object, IfNoneMatch=first, **get)
    refused("head If-Match", "412", 412, s3.head_object, IfMatch='"0123"', **get)
    equal(read("conditional", IfModifiedSince=early), b"first", "If-Modified-Since")
    refused("If-Modified-Since", ("304", "NotModified"), 304, s3.get_object, IfModifiedSince=late, **get)
    equal(read("conditional", IfUnmodifiedSince=late), b"first", "If-Unmodified-Since")
    refused("If-Unmodified-Since", "PreconditionFailed", 412, s3.get_object, IfUnmodifiedSince=early, **get)
    # Writes.
    refused("create only", "PreconditionFailed", 412, s3.put_object, Body=b"no", IfNoneMatch="*", **get)
    equal(read("conditional"), b"first", "after a refused write")
    put("created-only", b"yes", IfNoneMatch="*")
    second = put("conditional", b"second", IfMatch=first)["ETag"]
    refused("stale write", "PreconditionFailed", 412, s3.put_object, Body=b"no", IfMatch=first, **get)
    equal((read("conditional"), s3.head_object(**get)["ETag"]), (b"second", second), "after a stale write")
    refused(
        "If-Match on nothing", ("NoSuchKey", "PreconditionFailed"), (404, 412), s3.put_object, Bucket=BUCKET, Key="not-there",
        Body=b"no", IfMatch=first,
    )


def copies():
    body = rng.randbytes(200_000)
    etag = put("source", body, ContentType="application/dicom", Metadata={"a": "1"})["ETag"]
    source = {"Bucket": BUCKET, "Key": "source"}
    to = dict(Bucket=BUCKET, CopySource=source)
    equal(s3.copy_object(Key="copy", **to)["CopyObjectResult"]["ETag"], etag, "ETag of a copy")
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    equal((head["ContentType"], head["Metadata"]), ("application/dicom", {"a": "1"}), "copied metadata")
    s3.copy_object(
        Key="copy", MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/plain", **to
    )
    head = s3.head_object(Bucket=BUCKET, Key="copy")
    equal((head["ContentType"], head["Metadata"]), ("text/plain", {"b": "2"}), "replaced metadata")
    # Onto itself: only with something to change.
    refused("copy onto itself", "InvalidRequest", 400, s3.copy_object, Key="source", **to)
    s3.copy_object(Key="source", MetadataDirective="REPLACE", Metadata={"c": "3"}, **to)
    equal(s3.head_object(Bucket=BUCKET, Key="source")["Metadata"], {"c": "3"}, "metadata replaced in place")
    refused("copy If-Match", "PreconditionFailed", 412, s3.copy_object, Key="copy", CopySourceIfMatch='"0123"', **to)
    refused(
        "copy If-None-Match", "PreconditionFailed", 412, s3.copy_object, Key="copy", CopySourceIfNoneMatch=etag, **to
    )
    refused(
        "copy of nothing", "NoSuchKey", 404, s3.copy_object, Bucket=BUCKET, Key="x",
        CopySource={"Bucket": BUCKET, "Key": "nothing"},
    )
    s3.delete_object(Bucket=BUCKET, Key="source")
    equal(read("copy") == body, True, "the copy outlives its source")
    accented = "sources/été 100%+1.txt"
    put(accented, b"accents")
    s3.copy_object(Bucket=BUCKET, Key="copie", CopySource={"Bucket": BUCKET, "Key": accented})
    equal(read("copie"), b"accents", "copy from a name with accents")


def tags():
    def of(key):
        return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]}

    def tag_set(tags):
        return {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}

    etag = put("tags/a", b"a", Tagging="site=nord&examen=IRM+3+T")["ETag"]
    equal(of("tags/a"), {"site": "nord", "examen": "IRM 3 T"}, "tags of a put")
    equal(s3.head_object(Bucket=BUCKET, Key="tags/a")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"], "2", "their number")
    put("tags/b", b"b")
    equal(of("tags/b"), {}, "no tags")
    wanted = {"hélène": "a@chum.example", "vide": ""}
    s3.put_object_tagging(Bucket=BUCKET, Key="tags/a", Tagging=tag_set(wanted))
    equal(of("tags/a"), wanted, "other tags")
    equal(s3.head_object(Bucket=BUCKET, Key="tags/a")["ETag"], etag, "tags change no ETag")
    to = dict(Bucket=BUCKET, Key="tags/copy", CopySource={"Bucket": BUCKET, "Key": "tags/a"})
    s3.copy_object(MetadataDirective="REPLACE", Metadata={"a": "1"}, **to)
    equal(of("tags/copy"), wanted, "copied tags")
    s3.copy_object(TaggingDirective="REPLACE", Tagging="site=sud", **to)
    equal(of("tags/copy"), {"site": "sud"}, "replaced tags")
    refused("tags that a copy would ignore", "InvalidArgument", 400, s3.copy_object, Tagging="site=est", **to)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="tags/parts", Tagging="site=ouest")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="tags/parts", UploadId=upload, PartNumber=1, Body=b"one")["ETag"]
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key="tags/parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    equal(of("tags/parts"), {"site": "ouest"}, "tags of an upload")
    s3.delete_object_tagging(Bucket=BUCKET, Key="tags/a")
    equal(of("tags/a"), {}, "tags taken away")
    refused(
        "eleven tags", "BadRequest", 400, s3.put_object_tagging, Bucket=BUCKET, Key="tags/a",
        Tagging=tag_set({str(number): "1" for number in range(11)}),
    )
    refused("a tag's name", "InvalidTag", 400, s3.put_object_tagging, Bucket=BUCKET, Key="tags/a", Tagging=tag_set({"n" * 129: "1"}))
    refused("tags of nothing", "NoSuchKey", 404, s3.get_object_tagging, Bucket=BUCKET, Key="tags/none")
    refused("no tags of a bucket", "NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)
    for wanted in [{"service": "radiologie", "hélène": "a@chum.example", "vide": ""}, {str(n): "é" * 256 for n in range(50)}]:
        s3.put_bucket_tagging(Bucket=BUCKET, Tagging=tag_set(wanted))
        found = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]}
        equal(found, wanted, "tags of a bucket")
    refused("51 tags", "BadRequest", 400, s3.put_bucket_tagging, Bucket=BUCKET, Tagging=tag_set({str(n): "" for n in range(51)}))
    refused("a tag of AWS's own", "InvalidTag", 400, s3.put_bucket_tagging, Bucket=BUCKET, Tagging=tag_set({"aws:cost": "1"}))
    s3.delete_bucket_tagging(Bucket=BUCKET)
    refused("tags of a bucket taken away", "NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=BUCKET)


NAMES = [
    "names/espace deux.txt",
    "names//double//slash",
    "names/100%.txt",
    "names/%41.txt",
    "names/plus+plus",
    "names/" + unicodedata.normalize("NFC", "Éloïse Côté") + ".txt",
    "names/" + unicodedata.normalize("NFD", "Éloïse Côté") + ".txt",
    "names/日本語",
    "names/🩻.dcm",
    "names/tr?ick&y=#;:@,$!'()*~",
    "names/<xml>\"&amp;",
    "names/trailing/",
    "names/ leading",
    "names/" + "l" * 900,
]


def names():
    for name in NAMES:
        put(name, name.encode())
    for name in NAMES:
        equal(read(name), name.encode(), f"content of {name!r}")
        equal(s3.head_object(Bucket=BUCKET, Key=name)["ContentLength"], len(name.encode()), f"head of {name!r}")
    wanted = sorted(NAMES, key=lambda name: name.encode())
    v2 = [e["Key"] for e in s3.list_objects_v2(Bucket=BUCKET, Prefix="names/")["Contents"]]
    equal(v2, wanted, "names in list v2")
    v1 = [e["Key"] for e in s3.list_objects(Bucket=BUCKET, Prefix="names/")["Contents"]]
    equal(v1, wanted, "names in list v1")
    # Page by page, with names that need encoding as the marker.
    paged = [
        entry["Key"]
        for page in s3.get_paginator("list_objects").paginate(Bucket=BUCKET, Prefix="names/", PaginationConfig={"PageSize": 1})
        for entry in page.get("Contents", [])
    ]
    equal(paged, wanted, "names in pages of one")
    refused("name of 1,025 bytes", ("KeyTooLongError", "KeyTooLong"), 400, s3.put_object, Bucket=BUCKET, Key="k" * 1025, Body=b"")
    put("k" * 1024, b"longest")
    equal(read("k" * 1024), b"longest", "name of 1,024 bytes")


def listing():
    keys = [f"list/{year}/{month:02}/{n}" for year in (2024, 2025) for month in range(1, 5) for n in range(3)] + ["list/root"]
    for key in keys:
        put(key, b"x")
    wanted = sorted(keys)
    for page_size in (1, 2, 7, 1000):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="list/", PaginationConfig={"PageSize": page_size}
        )
        equal([e["Key"] for p in pages for e in p.get("Contents", [])], wanted, f"list v2, pages of {page_size}")
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": page_size}
        )
        found, rolled = [], []
        for page in pages:
            equal(page["KeyCount"], len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])), "KeyCount")
            found += [e["Key"] for e in page.get("Contents", [])]
            rolled += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        equal((found, rolled), (["list/root"], ["list/2024/", "list/2025/"]), f"rolled up, pages of {page_size}")
        pages = s3.get_paginator("list_objects").paginate(
            Bucket=BUCKET, Prefix="list/2024/", Delimiter="/", PaginationConfig={"PageSize": page_size}
        )
        rolled = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
        equal(rolled, [f"list/2024/{m:02}/" for m in range(1, 5)], f"list v1 rolled up, pages of {page_size}")
    after = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", StartAfter="list/2025/04/1")
    equal([e["Key"] for e in after["Contents"]], ["list/2025/04/2", "list/root"], "StartAfter")
    none = s3.list_objects_v2(Bucket=BUCKET, Prefix="nothing/")
    equal((none["KeyCount"], none["IsTruncated"]), (0, False), "empty list")
    zero = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)
    equal((zero["KeyCount"], zero["IsTruncated"]), (0, False), "MaxKeys 0")
    odd = s3.list_objects_v2(Bucket=BUCKET, Prefix="list/2024/0", Delimiter="1/")
    equal(odd["CommonPrefixes"][0]["Prefix"], "list/2024/01/", "delimiter of two characters")


def deletes():
    for key in ["gone/1", "gone/2", "gone/é & <3>"]:
        put(key, b"x")
    s3.delete_object(Bucket=BUCKET, Key="gone/never-was")
    answer = s3.delete_objects(
        Bucket=BUCKET,
        Delete={"Objects": [{"Key": "gone/1"}, {"Key": "gone/é & <3>"}, {"Key": "gone/never-was"}]},
    )
    equal(sorted(d["Key"] for d in answer["Deleted"]), ["gone/1", "gone/never-was", "gone/é & <3>"], "deleted")
    equal(answer.get("Errors", []), [], "errors of a multi-delete")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "gone/2"}], "Quiet": True})
    equal(answer.get("Deleted", []), [], "a quiet multi-delete says nothing")
    equal(s3.list_objects_v2(Bucket=BUCKET, Prefix="gone/")["KeyCount"], 0, "after the multi-delete")
    refused("get after delete", "NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="gone/1")
    refused("head after delete", "404", 404, s3.head_object, Bucket=BUCKET, Key="gone/1")


def presigned():
    context = ssl.create_default_context(cafile=CA)
    body = rng.randbytes(70_000)
    signer = client(signature_version="s3v4")

    def ask(url, **arguments):
        return urllib.request.urlopen(urllib.request.Request(url, **arguments), context=context)

    key = "presigned/é +1%.bin"
    url = signer.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=300)
    equal(ask(url, data=body, method="PUT").status, 200, "presigned PUT")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=300)
    equal(ask(url).read() == body, True, "presigned GET")
    answer = ask(url, headers={"Range": "bytes=65530-65540"})
    equal((answer.status, answer.read()), (206, body[65530:65541]), "presigned GET of a range")

    def denied(url, what):
        try:
            ask(url)
        except urllib.error.HTTPError as error:
            equal(error.code, 403, what)
            return
        raise AssertionError(f"{what}: succeeded")

    denied(url[:-1] + ("0" if url[-1] != "0" else "1"), "a changed signature")
    denied(url.split("?")[0], "no signature")
    short = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=1)
    time.sleep(2.5)
    denied(short, "an expired URL")
    stranger = boto3.client(
        "s3", endpoint_url=ENDPOINT, verify=CA, region_name="ca-central-1", aws_access_key_id="nobody",
        aws_secret_access_key="x" * 40,
    )
    refused("unknown client", "SignatureDoesNotMatch", 403, stranger.list_buckets)
    thief = boto3.client(
        "s3", endpoint_url=ENDPOINT, verify=CA, region_name="ca-central-1", aws_secret_access_key="x" * 40,
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    )
    refused("wrong secret", "SignatureDoesNotMatch", 403, thief.list_buckets)


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def checksums():
    body = rng.randbytes(100_003)
    known = {
        "CRC32": crc32(body),
        "SHA1": base64.b64encode(hashlib.sha1(body).digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    for algorithm, value in known.items():
        answer = put(f"sum/{algorithm}", body, ChecksumAlgorithm=algorithm)
        equal(answer[f"Checksum{algorithm}"], value, f"{algorithm} of a put")
        head = s3.head_object(Bucket=BUCKET, Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
        equal(head[f"Checksum{algorithm}"], value, f"{algorithm} of a head")
        got = s3.get_object(Bucket=BUCKET, Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
        equal(got["Body"].read() == body, True, f"content with {algorithm}")
    # CRC32C and CRC64NVME need the AWS runtime to be computed here; the values of "123456789" are published.
    check = {"CRC32C": (0xE3069283).to_bytes(4, "big"), "CRC64NVME": (0xAE8B14860A799888).to_bytes(8, "big")}
    for algorithm, value in check.items():
        value = base64.b64encode(value).decode()
        answer = put(f"sum/{algorithm}", b"123456789", **{f"Checksum{algorithm}": value})
        equal(answer[f"Checksum{algorithm}"], value, f"{algorithm} of a put")
        head = s3.head_object(Bucket=BUCKET, Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
        equal(head[f"Checksum{algorithm}"], value, f"{algorithm} of a head")
    wrong = {
        "ChecksumCRC32": crc32(b"other"),
        "ChecksumCRC32C": base64.b64encode(b"1234").decode(),
        "ChecksumCRC64NVME": base64.b64encode(b"12345678").decode(),
        "ChecksumSHA1": base64.b64encode(b"1" * 20).decode(),
        "ChecksumSHA256": base64.b64encode(b"1" * 32).decode(),
    }
    for name, value in wrong.items():
        refused(f"wrong {name}", ("BadDigest", "XAmzContentChecksumMismatch"), 400, s3.put_object, Bucket=BUCKET,
                Key="sum/wrong", Body=body, **{name: value})
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    put("sum/md5", body, ContentMD5=md5)
    refused("wrong Content-MD5", "BadDigest", 400, s3.put_object, Bucket=BUCKET, Key="sum/wrong", Body=b"x", ContentMD5=md5)
    refused("malformed Content-MD5", "InvalidDigest", 400, s3.put_object, Bucket=BUCKET, Key="sum/wrong", Body=b"x", ContentMD5="abc")
    refused("nothing was stored", "404", 404, s3.head_object, Bucket=BUCKET, Key="sum/wrong")
    # Older clients send a signed payload and no checksum at all.
    old = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    old.put_object(Bucket=BUCKET, Key="sum/old", Body=body)
    equal(old.get_object(Bucket=BUCKET, Key="sum/old")["Body"].read() == body, True, "an older client's object")
    signed = client(s3={"payload_signing_enabled": True})
    signed.put_object(Bucket=BUCKET, Key="sum/signed", Body=body)
    equal(read("sum/signed") == body, True, "a signed payload")
    path_style = client(s3={"addressing_style": "path"})
    equal(path_style.get_object(Bucket=BUCKET, Key="sum/signed")["Body"].read() == body, True, "path style")


def multipart():
    target = dict(Bucket=BUCKET, Key="multi/odd é.bin")
    sizes = {1: 5 * MIB + 13, 2: 5 * MIB, 3: 6 * MIB + 1, 7: 777}
    bodies = {number: rng.randbytes(size) for number, size in sizes.items()}
    upload = s3.create_multipart_upload(ContentType="application/dicom", Metadata={"a": "b"}, **target)["UploadId"]
    part = dict(UploadId=upload, **target)
    tags = {}
    s3.upload_part(PartNumber=2, Body=b"to be overwritten", **part)
    for number in (7, 3, 1, 2):
        tags[number] = s3.upload_part(PartNumber=number, Body=bodies[number], **part)["ETag"]
        equal(tags[number], f'"{hashlib.md5(bodies[number]).hexdigest()}"', f"ETag of part {number}")
    parts = s3.list_parts(**part)["Parts"]
    equal([(p["PartNumber"], p["Size"], p["ETag"]) for p in parts], [(n, sizes[n], tags[n]) for n in sorted(tags)], "parts")
    page = s3.list_parts(MaxParts=2, PartNumberMarker=1, **part)
    equal(([p["PartNumber"] for p in page["Parts"]], page["IsTruncated"]), ([2, 3], True), "a page of parts")
    uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    equal([(u["Key"], u["UploadId"]) for u in uploads], [(target["Key"], upload)], "uploads")
    refused("not visible yet", "404", 404, s3.head_object, **target)
    order = lambda numbers: {"Parts": [{"PartNumber": n, "ETag": tags[n]} for n in numbers]}
    complete = s3.complete_multipart_upload
    refused("wrong order", "InvalidPartOrder", 400, complete, MultipartUpload=order([3, 1]), **part)
    missing = {"Parts": [{"PartNumber": 4, "ETag": tags[1]}]}
    refused("missing part", "InvalidPart", 400, complete, MultipartUpload=missing, **part)
    wrong = {"Parts": [{"PartNumber": 1, "ETag": tags[2]}]}
    refused("wrong ETag", "InvalidPart", 400, complete, MultipartUpload=wrong, **part)
    refused("small part in the middle", "EntityTooSmall", 400, _small_middle)
    etag = complete(MultipartUpload=order([1, 2, 3, 7]), **part)["ETag"]
    whole = b"".join(bodies[n] for n in (1, 2, 3, 7))
    digests = b"".join(hashlib.md5(bodies[n]).digest() for n in (1, 2, 3, 7))
    equal(etag, f'"{hashlib.md5(digests).hexdigest()}-4"', "ETag of the whole")
    head = s3.head_object(**target)
    equal((head["ContentLength"], head["ETag"], head["ContentType"], head["Metadata"]),
          (len(whole), etag, "application/dicom", {"a": "b"}), "head of the whole")
    equal(read(target["Key"]) == whole, True, "the whole")
    border = sizes[1]
    for begin, end in [(border - 1, border), (border, border), (0, border - 1), (border + sizes[2] - 5, len(whole) - 1)]:
        equal(read(target["Key"], Range=f"bytes={begin}-{end}") == whole[begin : end + 1], True, f"{begin}-{end} of parts")
    refused("upload is over", "NoSuchUpload", 404, s3.list_parts, **part)

    # Abort.
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multi/aborted")["UploadId"]
    part = dict(Bucket=BUCKET, Key="multi/aborted", UploadId=upload)
    s3.upload_part(PartNumber=1, Body=b"x" * 100, **part)
    s3.abort_multipart_upload(**part)
    refused("part after abort", "NoSuchUpload", 404, s3.upload_part, PartNumber=2, Body=b"x", **part)
    refused("complete after abort", "NoSuchUpload", 404, complete,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tags[1]}]}, **part)
    equal(s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []), [], "no uploads left")

    # Parts copied from an object, and ranges of it.
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multi/copied")["UploadId"]
    part = dict(Bucket=BUCKET, Key="multi/copied", UploadId=upload)
    source = {"Bucket": BUCKET, "Key": target["Key"]}
    spans = [(border - 1000, border + 5 * MIB - 1), (0, 5 * MIB), (len(whole) - 900, len(whole) - 1)]
    done = []
    for number, (begin, end) in enumerate(spans, 1):
        answer = s3.upload_part_copy(PartNumber=number, CopySource=source, CopySourceRange=f"bytes={begin}-{end}", **part)
        done.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    refused("range past the end", ("InvalidRange", "InvalidArgument", "InvalidRequest"), (400, 416), s3.upload_part_copy,
            PartNumber=9, CopySource=source, CopySourceRange=f"bytes={len(whole)}-{len(whole) + 9}", **part)
    complete(MultipartUpload={"Parts": done}, **part)
    wanted = b"".join(whole[begin : end + 1] for begin, end in spans)
    equal(read("multi/copied") == wanted, True, "an object of copied parts")

    # Checksums of a multipart upload.
    for algorithm in ("CRC32", "SHA256"):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multi/sums", ChecksumAlgorithm=algorithm)["UploadId"]
        part = dict(Bucket=BUCKET, Key="multi/sums", UploadId=upload)
        done = []
        for number, size in ((1, 5 * MIB), (2, 99)):
            body = rng.randbytes(size)
            answer = s3.upload_part(PartNumber=number, Body=body, ChecksumAlgorithm=algorithm, **part)
            name = f"Checksum{algorithm}"
            done.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
        answer = complete(MultipartUpload={"Parts": done}, **part)
        equal(algorithm in "".join(answer), True, f"{algorithm} of a completed upload")


def _small_middle():
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multi/small")["UploadId"]
    part = dict(Bucket=BUCKET, Key="multi/small", UploadId=upload)
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(PartNumber=n, Body=b"small", **part)["ETag"]} for n in (1, 2)
    ]
    try:
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **part)
    finally:
        s3.abort_multipart_upload(**part)


def errors():
    refused("no such key", "NoSuchKey", 404, s3.get_object, Bucket=BUCKET, Key="nothing")
    refused("bad bucket name", ("InvalidBucketName",), 400, s3.create_bucket, Bucket="Bad_Name.-x",
            CreateBucketConfiguration={"LocationConstraint": "ca-central-1"})
    refused("no such upload", "NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=BUCKET, Key="k", UploadId="nothing")
    # What is not built answers 501, never success.
    refused("not implemented", "NotImplemented", 501, s3.put_bucket_versioning, Bucket=BUCKET,
            VersioningConfiguration={"Status": "Enabled"})
    refused("other ACLs", "AccessControlListNotSupported", 400, s3.put_object_acl, Bucket=BUCKET, Key="plain", ACL="public-read")
    refused("not implemented", "NotImplemented", 501, s3.put_bucket_policy, Bucket=BUCKET, Policy="{}")
    refused("encryption keys of the client", "NotImplemented", 501, s3.put_object, Bucket=BUCKET, Key="ssec",
            Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)


TOUR = [buckets, sizes, managed_transfers, ranges, metadata, conditions, copies, tags, names, listing, deletes, presigned,
        checksums, multipart, errors]


def main():
    failures = 0
    only = sys.argv[1:]
    for stop in TOUR:
        if only and stop.__name__ not in only and stop is not buckets:
            continue
        begin = time.monotonic()
        try:
            stop()
            print(f"{stop.__name__}: fine ({time.monotonic() - begin:.1f} s)", flush=True)
        except Exception as error:  # the other stops say more about the same fault
            failures += 1
            line = traceback.extract_tb(error.__traceback__)[1].lineno if error.__traceback__.tb_next else 0
            print(f"{stop.__name__}: line {line}: {type(error).__name__}: {error}", flush=True)
            if stop is buckets:
                break
    empty(BUCKET)
    s3.delete_bucket(Bucket=BUCKET)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
