#!/usr/bin/env python3
"""Makes the vectors of Azure's signatures, with Microsoft's own client and with none of the code they test.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install azure-storage-blob==12.31.1
    /tmp/vectors/bin/python tests/vectors/make_azure_vectors.py           # writes azure/signatures.json
    /tmp/vectors/bin/python tests/vectors/make_azure_vectors.py --check   # compares with it

`made_by: "sdk"`: azure-storage-blob signed it, a whole request or a token. `made_by: "documentation"`: signed here, after the
pages "Authorize with Shared Key", "Create an account SAS", "Create a service SAS" and "Create a user delegation SAS", for
what the SDK no longer sends: Lite, the Date header, old versions. The account key is the bytes 0 to 63, and is not in the
file. Everything is fixed: names, times, request ids.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys
import uuid
from urllib.parse import quote, unquote, urlsplit

import azure.storage.blob as blob
from azure.core import MatchConditions
from azure.core.pipeline.transport import HttpTransport
from azure.storage.blob._shared import policies
from azure.storage.blob._shared.models import UserDelegationKey

PATH = pathlib.Path(__file__).parent / "azure" / "signatures.json"
KEY = bytes(range(64))
KEY64 = base64.b64encode(KEY).decode()
ACCOUNT = "pacs"
NOW = "2026-06-01T12:00:00Z"
DATE = "Mon, 01 Jun 2026 12:00:00 GMT"
START, EXPIRY = "2026-06-01T11:00:00Z", "2026-06-08T12:00:00Z"
PATH_STYLE, HOST_STYLE = f"http://127.0.0.1:10000/{ACCOUNT}", f"https://{ACCOUNT}.blob.example.org"
PATH_SECONDARY, HOST_SECONDARY = (f"http://127.0.0.1:10000/{ACCOUNT}-secondary", f"https://{ACCOUNT}-secondary.blob.example.org")


# What the SDK says of itself and of the machine.
UNSIGNED = {"user-agent", "accept"}


def sign(text, key=KEY):
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


# --- requests that the SDK signs ------------------------------------------------------------------------------------


class Recorded(Exception):
    pass


class Recorder(HttpTransport):
    """Keeps the request and sends nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def send(self, request, **_):
        self.request = request
        raise Recorded


def target(url):
    parts = urlsplit(url)
    host, path = parts.hostname, parts.path.lstrip("/")
    host_style = not host[0].isdigit()
    account, rest = (host.split(".")[0], path) if host_style else (path.partition("/")[0], path.partition("/")[2])
    container, _, name = rest.partition("/")
    return {
        "account": account.removesuffix("-secondary"),
        "secondary": account.endswith("-secondary"),
        "host_style": host_style,
        "container": unquote(container) or None,
        "blob": unquote(name) or None,
    }


def request(name, made_by, method, url, headers):
    parts = urlsplit(url)
    return {
        "name": name,
        "made_by": made_by,
        "method": method,
        "path": parts.path or "/",
        "query": parts.query,
        "target": target(url),
        "headers": sorted([k.lower(), v] for k, v in headers.items() if v is not None and k.lower() not in UNSIGNED),
    }


def recorded(name, endpoint, call):
    transport = Recorder()
    service = blob.BlobServiceClient(endpoint, credential={"account_name": ACCOUNT, "account_key": KEY64}, transport=transport, retry_total=0)
    try:
        call(service)
    except Recorded:
        pass
    sent = transport.request
    return request(name, "sdk", sent.method, sent.url, sent.headers)


class Clock:
    """Stands in for the module `uuid` of the SDK."""

    UUID = uuid.UUID

    @staticmethod
    def uuid1():
        return uuid.UUID(int=7)


def sdk_requests():
    policies.time = lambda: 1780315200  # NOW
    policies.uuid = Clock
    calls = {
        "list containers": lambda s: next(s.list_containers(include_metadata=True)),
        "account information": lambda s: s.get_account_information(),
        "create a container": lambda s: s.create_container("imaging", metadata={"b": "2", "a": "1"}),
        "list blobs": lambda s: next(s.get_container_client("imaging").walk_blobs("ct/é &+", delimiter="/")),
        "put a blob": lambda s: s.get_blob_client("imaging", "ct/1").upload_blob(b"abc", overwrite=True),
        "put nothing": lambda s: s.get_blob_client("imaging", "ct/1").upload_blob(b""),
        "a name of many kinds": lambda s: s.get_blob_client("imaging", "ct/é a+b%c~(1)'#?").get_blob_properties(),
        "a name with slashes": lambda s: s.get_blob_client("imaging", "/a//b/").get_blob_properties(),
        "put with content headers": lambda s: s.get_blob_client("imaging", "x").upload_blob(
            b"abc",
            overwrite=True,
            content_settings=blob.ContentSettings("text/plain", "gzip", "fr", "inline", "no-cache"),
            tags={"b": "ü 1", "a": "x/y"},
            standard_blob_tier=blob.StandardBlobTier.COOL,
            lease="00000000-0000-0000-0000-000000000001",
        ),
        # Orders in which names of bytes and .NET's differ.
        "metadata": lambda s: s.get_blob_client("imaging", "x").set_blob_metadata(
            {"ab": "1", "a_b": "2", "a1": "3", "aa": "4", "a": " 5", "A2": "6", "_": "7"}
        ),
        "a range": lambda s: s.get_blob_client("imaging", "x").download_blob(3, 10),
        "conditions": lambda s: s.get_blob_client("imaging", "x").get_blob_properties(
            etag='"0x8D"', match_condition=MatchConditions.IfNotModified
        ),
        "put a block": lambda s: s.get_blob_client("imaging", "x").stage_block("AAA+/w==", b"abc"),
        "put a block list": lambda s: s.get_blob_client("imaging", "x").commit_block_list([blob.BlobBlock("AAA=")]),
        "copy": lambda s: s.get_blob_client("imaging", "x").start_copy_from_url("https://pacs.blob.example.org/a/b?sig=x%2F"),
        "set tags": lambda s: s.get_blob_client("imaging", "x").set_blob_tags({"a": "1"}),
        "find by tags": lambda s: next(s.find_blobs_by_tags("\"a\"='1' AND \"b\">'2'")),
        "delete": lambda s: s.get_blob_client("imaging", "x").delete_blob("include"),
        "take a lease": lambda s: s.get_blob_client("imaging", "x").acquire_lease(15, "00000000-0000-0000-0000-000000000001"),
        "append": lambda s: s.get_blob_client("imaging", "x").append_block(b"abc", appendpos_condition=3),
        "service properties": lambda s: s.get_service_properties(),
        "container acl": lambda s: s.get_container_client("imaging").get_container_access_policy(),
        "the root container": lambda s: s.get_blob_client("$root", "x").get_blob_properties(),
    }
    for name, call in calls.items():
        for style, endpoint in [("path", PATH_STYLE), ("host", HOST_STYLE)]:
            yield recorded(f"{name}, {style} style", endpoint, call)
    for style, endpoint in [("path", PATH_SECONDARY), ("host", HOST_SECONDARY)]:
        yield recorded(f"the secondary endpoint, {style} style", endpoint, calls["list blobs"])


# --- requests signed after the documentation ------------------------------------------------------------------------

STANDARD = """content-encoding content-language content-length content-md5 content-type date if-modified-since if-match
if-none-match if-unmodified-since range""".split()


def documented(name, method, url, headers, lite=False, path=None, old=False):
    head = dict(headers)
    if "x-ms-date" in head:
        head.pop("date", None)
    if head.get("content-length") == "0" and not old:
        head["content-length"] = ""
    xms = "".join(f"{k}:{head[k]}\n" for k in sorted(head) if k.startswith("x-ms-"))
    parts = urlsplit(url)
    pairs = {}
    for pair in filter(None, parts.query.split("&")):
        key, _, value = pair.partition("=")
        pairs.setdefault(unquote(key).lower(), []).append(unquote(value))
    text = method + "\n"
    names = ["content-md5", "content-type", "date"] if lite else STANDARD
    text += "".join(head.get(n, "") + "\n" for n in names) + xms
    text += f"/{ACCOUNT}{path or parts.path or '/'}"
    if lite:
        text += f"?comp={pairs['comp'][0]}" if "comp" in pairs else ""
    else:
        text += "".join(f"\n{k}:{','.join(sorted(pairs[k]))}" for k in sorted(pairs))
    scheme = "SharedKeyLite" if lite else "SharedKey"
    return request(name, "documentation", method, url, {**headers, "authorization": f"{scheme} {ACCOUNT}:{sign(text)}"})


def documented_requests():
    v = {"x-ms-version": "2021-08-06"}
    dated = {"x-ms-date": DATE, **v}
    u = f"{HOST_STYLE}/imaging/x"
    yield documented("lite", "GET", u, dated, lite=True)
    yield documented("lite with a component", "PUT", f"{u}?comp=metadata&timeout=20",
                     {**dated, "x-ms-meta-a": "1", "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==", "content-type": "text/plain"}, lite=True)
    yield documented("lite with the Date header", "GET", u, {"date": DATE, **v}, lite=True)
    yield documented("the Date header", "GET", u, {"date": DATE, **v})
    yield documented("both dates", "GET", u, {"date": DATE, **dated})
    yield documented("a length of zero", "PUT", u, {**dated, "content-length": "0", "x-ms-blob-type": "BlockBlob"})
    yield documented("a length of zero in an old version", "PUT", u,
                     {"x-ms-date": DATE, "x-ms-version": "2014-02-14", "content-length": "0", "x-ms-blob-type": "BlockBlob"}, old=True)
    yield documented("all standard headers", "GET", u, {
        **dated, "range": "bytes=0-9", "if-match": '"a"', "if-none-match": "*", "if-modified-since": DATE,
        "if-unmodified-since": DATE, "content-type": "a/b", "content-language": "fr", "content-encoding": "gzip",
        "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==", "content-length": "3"})
    yield documented("metadata in the order of bytes", "PUT", f"{u}?comp=metadata",
                     {**dated, "x-ms-meta-ab": "1", "x-ms-meta-a_b": "2", "x-ms-meta-a1": "3", "x-ms-meta-aa": "4"})
    yield documented("no path", "GET", f"{HOST_STYLE}?comp=list", dated)
    yield documented("the secondary without its name in the path", "GET", f"{PATH_SECONDARY}/imaging?restype=container", dated,
                     path=f"/{ACCOUNT}/imaging")
    yield documented("as sent, not as it would be encoded", "GET", f"{HOST_STYLE}/imaging/%7Ea%2fb(%C3%A9)", dated)


# --- tokens ---------------------------------------------------------------------------------------------------------


def token(name, made_by, query, url=f"{HOST_STYLE}/imaging/ct/1", headers=None, extra=""):
    full = f"{url}?{query}" + (f"&{extra}" if extra else "")
    return request(name, made_by, "GET", full, {"x-ms-version": "2026-10-06", **(headers or {})})


def delegation_key(version="2026-04-06"):
    """What the gateway hands out to whom the claim "viewer" names: src/front/azure/admission/auth/delegation.rs."""
    fields = ["ecluse/user-delegation/2", "oid-1", "tid-1", START, EXPIRY, "b", version, "viewer"]
    text = b"".join(struct.pack(">Q", len(f)) + f.encode() for f in fields)
    key = UserDelegationKey()
    key.signed_oid, key.signed_tid, key.signed_start, key.signed_expiry = "oid-1", "tid-1", START, EXPIRY
    key.signed_service, key.signed_version = "b", version
    key.value = base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
    return key


def sdk_tokens():
    account = dict(account_name=ACCOUNT, account_key=KEY64, expiry=EXPIRY)
    yield token("account", "sdk", blob.generate_account_sas(resource_types="sco", permission="rwdlacx", **account))
    yield token("account with everything", "sdk", blob.generate_account_sas(
        resource_types="o", permission="rwdxylacuptfi", start=START, ip="10.0.0.1-10.0.0.9", protocol="https", services="bfqt", **account))
    one = dict(container_name="imaging", permission="r", **account)
    yield token("blob", "sdk", blob.generate_blob_sas(blob_name="ct/1", **one))
    yield token("blob with everything", "sdk", blob.generate_blob_sas(
        blob_name="ct/1", start=START, ip="10.0.0.7", protocol="https,http", cache_control="no-cache",
        content_disposition='attachment; filename="é.dcm"', content_encoding="identity", content_language="fr-CA",
        content_type="application/dicom", **one))
    yield token("blob in path style", "sdk", blob.generate_blob_sas(blob_name="ct/1", **one), f"{PATH_STYLE}/imaging/ct/1")
    yield token("blob of the secondary", "sdk", blob.generate_blob_sas(blob_name="ct/1", **one), f"{HOST_SECONDARY}/imaging/ct/1")
    yield token("blob with a name of many kinds", "sdk", blob.generate_blob_sas(blob_name="é a+b%/c", **one),
                f"{HOST_STYLE}/imaging/{quote('é a+b%/c')}")
    moment = "2026-05-01T00:00:00.1234567Z"
    yield token("snapshot", "sdk", blob.generate_blob_sas(blob_name="ct/1", snapshot=moment, **one), extra=f"snapshot={quote(moment)}")
    yield token("container", "sdk", blob.generate_container_sas(**one))
    yield token("container, listed", "sdk", blob.generate_container_sas(**{**one, "permission": "rl"}), f"{HOST_STYLE}/imaging",
                extra="restype=container&comp=list")
    stored = dict(account_name=ACCOUNT, account_key=KEY64, container_name="imaging", policy_id="readers")
    yield token("container by a stored policy", "sdk", blob.generate_container_sas(**stored))
    yield token("blob by a stored policy", "sdk", blob.generate_blob_sas(blob_name="ct/1", **stored))
    delegated = dict(account_name=ACCOUNT, user_delegation_key=delegation_key(), container_name="imaging", permission="racwd", expiry=EXPIRY)
    yield token("delegated blob", "sdk", blob.generate_blob_sas(blob_name="ct/1", **delegated))
    yield token("delegated container", "sdk", blob.generate_container_sas(start=START, ip="10.0.0.7", protocol="https", **delegated))
    yield token("delegated with agents", "sdk", blob.generate_blob_sas(
        blob_name="ct/1", preauthorized_agent_object_id="agent-1", correlation_id="correlation-1", content_type="a/b", **delegated))
    yield token("delegated with headers and parameters", "sdk", blob.generate_blob_sas(
        blob_name="ct/1", request_headers={"x-ms-lease-id": "1", "x-ms-meta-a": "b c"}, request_query_params={"timeout": "20", "comp": "metadata"},
        **delegated), headers={"x-ms-lease-id": "1", "x-ms-meta-a": "b c"}, extra="timeout=20&comp=metadata")


def documented_token(version, resource, names, fields, key=KEY):
    """`names`: parameters in the order in which they are signed; "@" is the resource, "+" an empty line."""
    values = {"sv": version, **fields}
    lines = [resource if n == "@" else "" if n == "+" else values.get(n, "") for n in names.split()]
    values["sig"] = sign("\n".join(lines), key)
    return "&".join(f"{k}={quote(v, safe='')}" for k, v in values.items())


RS = " rscc rscd rsce rscl rsct"
SERVICE = [
    ("2012-02-12", "sp st se @ si sv", "", {}),
    ("2013-08-15", "sp st se @ si sv" + RS, "", {"rsct": "a/b"}),
    ("2014-02-14", "sp st se @ si sv" + RS, "", {"rscd": "inline"}),
    ("2015-02-21", "sp st se @ si sv" + RS, "/blob", {}),
    ("2015-04-05", "sp st se @ si sip spr sv" + RS, "/blob", {"sip": "10.0.0.7", "spr": "https"}),
    ("2018-03-28", "sp st se @ si sip spr sv" + RS, "/blob", {"rscl": "fr"}),
    ("2018-11-09", "sp st se @ si sip spr sv sr +" + RS, "/blob", {"spr": "https,http"}),
    ("2020-10-02", "sp st se @ si sip spr sv sr +" + RS, "/blob", {}),
    ("2020-12-06", "sp st se @ si sip spr sv sr + ses" + RS, "/blob", {"rsct": "a/b"}),
    ("2024-11-04", "sp st se @ si sip spr sv sr + ses" + RS, "/blob", {}),
]
DELEGATED = [
    ("2018-11-09", "sp st se @ skoid sktid skt ske sks skv sip spr sv sr +" + RS),
    ("2020-02-10", "sp st se @ skoid sktid skt ske sks skv saoid suoid scid sip spr sv sr +" + RS),
    ("2020-12-06", "sp st se @ skoid sktid skt ske sks skv saoid suoid scid sip spr sv sr + ses" + RS),
    ("2025-07-05", "sp st se @ skoid sktid skt ske sks skv saoid suoid scid skdutid sduoid sip spr sv sr + ses" + RS),
    ("2026-04-06", "sp st se @ skoid sktid skt ske sks skv saoid suoid scid skdutid sduoid sip spr sv sr + ses + +" + RS),
]


def documented_tokens():
    for version, names, prefix, more in SERVICE:
        for resource, path in [("b", f"/{ACCOUNT}/imaging/ct/1"), ("c", f"/{ACCOUNT}/imaging")]:
            fields = {"sp": "r", "se": EXPIRY, "sr": resource, **more}
            yield token(f"{version} {resource}", "documentation", documented_token(version, prefix + path, names, fields))
    for version, names in DELEGATED:
        key = delegation_key("2018-11-09")
        fields = {"sp": "r", "st": START, "se": EXPIRY, "sr": "b", "skoid": key.signed_oid, "sktid": key.signed_tid,
                  "skt": key.signed_start, "ske": key.signed_expiry, "sks": "b", "skv": "2018-11-09"}
        yield token(f"{version} delegated", "documentation", documented_token(
            version, f"/blob/{ACCOUNT}/imaging/ct/1", names, fields, base64.b64decode(key.value)))
    for version, names in [("2015-04-05", ""), ("2020-10-02", ""), ("2020-12-06", " ses"), ("2026-10-06", " ses")]:
        fields = {"ss": "b", "srt": "co", "sp": "rl", "se": "2026-06-02", "sip": "10.0.0.7"}
        yield token(f"{version} account", "documentation", documented_token(
            version, ACCOUNT, "@ sp ss srt st se sip spr sv" + names + " +", fields))
    moment = "2026-05-01T00:00:00.1234567Z"
    lines = "sp st se @ si sip spr sv sr versionid ses" + RS
    fields = {"sp": "r", "se": EXPIRY, "sr": "bv", "versionid": moment}
    yield token("version", "documentation", documented_token("2021-12-02", f"/blob/{ACCOUNT}/imaging/ct/1", lines, fields))


def main():
    vectors = {
        "now": NOW,
        "account": ACCOUNT,
        "account_key": "the bytes 0 to 63",
        "remote": "10.0.0.7",
        "policy": {"id": "readers", "start": START, "expiry": EXPIRY, "permissions": "rl"},
        "shared_key": [*sdk_requests(), *documented_requests()],
        "sas": [*sdk_tokens(), *documented_tokens()],
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in vectors.items() if not isinstance(value, list)]
    for name, value in vectors.items():
        if isinstance(value, list):
            lines.append(f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if "--check" in sys.argv:
        sys.exit(0 if PATH.read_text() == text else "azure/signatures.json is not what this script makes")
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text)


if __name__ == "__main__":
    main()
