"""Everything around blobs that azure-storage-blob can ask for: leases, block lists, append blobs, copies, batches, lists,
containers, shared access signatures, checks of what travels, and what is refused, against the gateway.

Environment and arguments: see azure_common.py. Exits with 0 when all holds.
"""

import base64
import random
import urllib.parse
from types import SimpleNamespace

from azure.core import MatchConditions
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import (
    AccessPolicy, AccountSasPermissions, BlobBlock, BlobClient, BlobLeaseClient, BlobSasPermissions, BlobServiceClient,
    ContainerClient, ContainerSasPermissions, CustomerProvidedEncryptionKey, ResourceTypes, generate_account_sas,
    generate_blob_sas, generate_container_sas,
)

from azure_common import ACCOUNT, AZURITE, ENDPOINT, KEY, MIB, SETTINGS, beyond_azurite, connect, encoded, equal, in_time, refused, tour

CONTAINER = "tour-service"
rng = random.Random(20261124)
service = connect()
container = service.get_container_client(CONTAINER)


def blob(name, **options):
    return container.get_blob_client(name, **options)


def put(name, body, **options):
    return container.upload_blob(name, body, overwrite=True, **options)


def read(name, **options):
    return container.download_blob(name, **options).readall()


def begin():
    container.create_container(metadata={"service": "imagerie"})


def leases():
    client = blob("leases/blob")
    put("leases/blob", b"body")
    lease = client.acquire_lease(15)
    equal(client.get_blob_properties().lease.state, "leased", "state")
    equal(client.get_blob_properties().lease.status, "locked", "status")
    refused("leased twice", "LeaseAlreadyPresent", 409, client.acquire_lease, 15)
    refused("write without the lease", "LeaseIdMissing", 412, client.upload_blob, b"x", overwrite=True)
    refused("delete without the lease", "LeaseIdMissing", 412, client.delete_blob)
    refused("metadata without the lease", "LeaseIdMissing", 412, client.set_blob_metadata, {"a": "b"})
    wrong = BlobLeaseClient(client, lease_id="00000000-0000-4000-8000-000000000000")
    refused("write with another lease", "LeaseIdMismatchWithBlobOperation", 412, client.upload_blob, b"x", overwrite=True, lease=wrong)
    refused("renewal of another lease", "LeaseIdMismatchWithLeaseOperation", 409, wrong.renew)
    equal(read("leases/blob"), b"body", "a read needs no lease")
    client.upload_blob(b"leased", overwrite=True, lease=lease)
    equal(client.get_blob_properties(lease=lease).lease.state, "leased", "leased after a write")
    lease.renew()
    before, another = lease.id, "11111111-1111-4111-8111-111111111111"
    lease.change(another)
    equal((lease.id, lease.id != before), (another, True), "a changed lease")
    lease.release()
    equal(client.get_blob_properties().lease.state, "available", "released")
    # The SDK itself forgets the id.
    gone = BlobLeaseClient(client, lease_id=another)
    refused("write with a released lease", ("LeaseNotPresentWithBlobOperation", "LeaseLost"), 412, client.upload_blob, b"x", overwrite=True, lease=gone)
    endless = client.acquire_lease(-1)
    equal(client.get_blob_properties().lease.duration, "infinite", "duration")
    equal(endless.break_lease(), 0, "an endless lease breaks at once")
    equal(client.get_blob_properties().lease.state, "broken", "broken")
    client.upload_blob(b"free", overwrite=True)
    broken = client.acquire_lease(60)
    equal(broken.break_lease(lease_break_period=30) <= 30, True, "a lease that breaks slowly")
    equal(client.get_blob_properties().lease.state, "breaking", "breaking")
    broken.release()
    refused("lease of 5 s", ("InvalidHeaderValue",), 400, client.acquire_lease, 5)
    refused("lease of no blob", "BlobNotFound", 404, blob("leases/none").acquire_lease, 15)
    client.delete_blob()

    other = service.create_container("tour-lease")
    held = other.acquire_lease(15)
    refused("delete of a leased container", "LeaseIdMissing", 412, other.delete_container)
    other.upload_blob("free", b"a container's lease keeps nobody from its blobs")
    equal(other.get_container_properties().lease.state, "leased", "a container's lease")
    other.delete_container(lease=held)


def block_lists():
    client, blocks = blob("blocks/blob"), {name: rng.randbytes(size) for name, size in (("a1", 70_000), ("b2", 1), ("c3", 131_072), ("d4", 9))}
    for name in ("a1", "b2", "c3"):
        client.stage_block(name, blocks[name])
    committed, uncommitted = client.get_block_list("all")
    equal((committed, {entry.id: entry.size for entry in uncommitted}), ([], {"a1": 70_000, "b2": 1, "c3": 131_072}), "before")
    equal(client.exists(), False, "nothing is committed")
    equal([entry.name for entry in container.list_blobs(name_starts_with="blocks/")], [], "not listed")
    listed = [entry.name for entry in container.list_blobs(name_starts_with="blocks/", include=["uncommittedblobs"])]
    equal(listed, ["blocks/blob"], "listed when asked for")
    client.commit_block_list([BlobBlock("c3"), BlobBlock("a1"), BlobBlock("c3")], metadata={"a": "1"})
    equal(read("blocks/blob") == blocks["c3"] + blocks["a1"] + blocks["c3"], True, "a block twice, out of order")
    committed, uncommitted = client.get_block_list("all")
    equal(([entry.id for entry in committed], uncommitted), (["c3", "a1", "c3"], []), "the rest goes at a commit")
    client.stage_block("d4", blocks["d4"])
    client.stage_block("a1", b"another a1")
    # The SDK compares with these words, which are none of its own BlockState's: with that, it sends Latest for all.
    old, new = (SimpleNamespace(value=word) for word in ("committed", "uncommitted"))
    client.commit_block_list([BlobBlock("a1", state=old), BlobBlock("d4", state=new), BlobBlock("c3")])
    equal(read("blocks/blob") == blocks["a1"] + blocks["d4"] + blocks["c3"], True, "committed, uncommitted and latest")
    refused("no such block", "InvalidBlockList", 400, client.commit_block_list, [BlobBlock("zz")])
    client.stage_block("e5", b"left behind")
    refused("a block id of another length", "InvalidBlobOrBlock", 400, client.stage_block, "longer", b"x")
    client.commit_block_list([])
    equal(read("blocks/blob"), b"", "an empty list makes an empty blob")
    put("blocks/source", blocks["c3"])
    client.stage_block("f6", blocks["d4"])
    if beyond_azurite("blocks from a URL"):
        client.stage_block_from_url("g7", blob("blocks/source").url + "?" + signed("blocks/source"), source_offset=100, source_length=1000)
        client.commit_block_list([BlobBlock("g7"), BlobBlock("f6")])
        equal(read("blocks/blob") == blocks["c3"][100:1100] + blocks["d4"], True, "a block from a URL")
    many = [f"{number:05}" for number in range(120)]
    for name in many:
        blob("blocks/many").stage_block(name, name.encode())
    blob("blocks/many").commit_block_list([BlobBlock(name) for name in many])
    equal(read("blocks/many"), "".join(many).encode(), "many blocks")


def append_blobs():
    client = blob("append/log")
    client.create_append_blob(metadata={"journal": "1"})
    equal(client.get_blob_properties().blob_type, "AppendBlob", "type")
    wanted = b""
    for index in range(60):
        line = f"{index}: admission\n".encode() * (1 + index % 7)
        answer = client.append_block(line)
        equal(int(answer["blob_append_offset"]), len(wanted), f"offset of {index}")
        wanted += line
    equal(answer["blob_committed_block_count"], 60, "count of blocks")
    equal(read("append/log"), wanted, "appended")
    refused("append at another place", "AppendPositionConditionNotMet", 412, client.append_block, b"x", appendpos_condition=3)
    client.append_block(b"end", appendpos_condition=len(wanted))
    refused("append past a size", "MaxBlobSizeConditionNotMet", 412, client.append_block, b"xxx", maxsize_condition=len(wanted) + 4)
    big = rng.randbytes(4 * MIB)
    client.append_block(big, validate_content=True)
    equal(read("append/log") == wanted + b"end" + big, True, "a big block")
    equal(read("append/log", offset=len(wanted), length=10), b"end" + big[:7], "a range of it")
    refused("block to an append blob", "InvalidBlobType", 409, client.stage_block, "a", b"x")
    put("append/block", b"x")
    refused("append to a block blob", "InvalidBlobType", 409, blob("append/block").append_block, b"x")
    refused("append to none", "BlobNotFound", 404, blob("append/none").append_block, b"x")
    container.upload_blob("append/stream", b"one ", blob_type="AppendBlob")
    container.upload_blob("append/stream", b"two", blob_type="AppendBlob", overwrite=False)
    equal(read("append/stream"), b"one two", "upload appends")
    if beyond_azurite("seal"):
        equal(client.seal_append_blob()["blob_sealed"], True, "sealed")
        refused("append to what is sealed", "BlobIsSealed", 409, client.append_block, b"x")
        equal(client.get_blob_properties().is_append_blob_sealed, True, "sealed in its properties")


def signed(name, permission="r", **options):
    return generate_blob_sas(ACCOUNT, CONTAINER, name, account_key=KEY, permission=BlobSasPermissions.from_string(permission),
                             expiry=in_time(hours=1), **options)


def copies():
    body = rng.randbytes(3 * MIB + 5)
    put("copies/source", body, metadata={"patient": "Roy"}, tags={"site": "nord"})
    source, target = blob("copies/source"), blob("copies/target é")
    answer = target.start_copy_from_url(source.url)
    equal(answer["copy_status"], "success", "status")
    got = target.get_blob_properties()
    equal((got.metadata, got.size, got.copy.status, got.copy.id), ({"patient": "Roy"}, len(body), "success", answer["copy_id"]), "a copy")
    equal(read("copies/target é") == body, True, "its content")
    blob("copies/changed").start_copy_from_url(source.url, metadata={"autre": "1"})
    equal(blob("copies/changed").get_blob_properties().metadata, {"autre": "1"}, "new metadata")
    at_once = blob("copies/sync").start_copy_from_url(source.url + "?" + signed("copies/source"), requires_sync=True)
    equal(at_once["copy_status"], "success", "at once, by SAS")
    equal(read("copies/sync") == body, True, "its content")
    refused("copy of nothing", ("BlobNotFound", "CannotVerifyCopySource"), 404, blob("copies/x").start_copy_from_url, blob("copies/none").url)
    refused("abort of a copy that is done", "NoPendingCopyOperation", 409, target.abort_copy, answer["copy_id"])
    stale = dict(source_etag='"0x8D000000000000"', source_match_condition=MatchConditions.IfNotModified)
    if beyond_azurite("conditions on the source"):
        refused("a source that changed", ("SourceConditionNotMet", "CannotVerifyCopySource"), 412, blob("copies/x").start_copy_from_url, source.url, **stale)
    if beyond_azurite("Put Blob From URL"):
        blob("copies/from-url").upload_blob_from_url(source.url + "?" + signed("copies/source"), overwrite=True)
        equal(read("copies/from-url") == body, True, "Put Blob From URL")
        refused("a source elsewhere", ("CannotVerifyCopySource", "InvalidHeaderValue"), (400, 403, 404, 409),
                blob("copies/x").start_copy_from_url, "https://example.org/blob")


def batches():
    for index in range(9):
        put(f"batch/{index} é", b"x")
    answers = list(container.delete_blobs(*[f"batch/{index} é" for index in range(5)], "batch/none", raise_on_any_failure=False))
    equal([answer.status_code for answer in answers], [202] * 5 + [404], "deleted in one request")
    equal(len(list(container.list_blobs(name_starts_with="batch/"))), 4, "four are left")
    answers = list(container.set_standard_blob_tier_blobs("Cool", "batch/5 é", "batch/6 é"))
    equal([answer.status_code for answer in answers], [200, 200], "tiers in one request")
    equal(blob("batch/5 é").get_blob_properties().blob_tier, "Cool", "a tier set in a batch")
    container.delete_blobs(*[entry.name for entry in container.list_blobs(name_starts_with="batch/")])
    equal(list(container.list_blobs(name_starts_with="batch/")), [], "none are left")


def lists():
    names = sorted([f"lists/{a}/{b}" for a in ("x", "y", "é") for b in range(7)] + ["lists/top", "lists/x", "lists/xx"],
                   key=lambda name: name.encode())
    for name in names:
        put(name, b"x" * len(name), metadata={"nom": "oui"})
    equal([entry.name for entry in container.list_blobs(name_starts_with="lists/")], names, "flat")
    equal(list(container.list_blob_names(name_starts_with="lists/")), names, "names alone")
    pages = container.list_blobs(name_starts_with="lists/", results_per_page=5).by_page()
    sizes = [[entry.name for entry in page] for page in pages]
    equal(([len(page) for page in sizes], sum(sizes, [])), ([5, 5, 5, 5, 4], names), "in pages of five")
    pages = container.list_blobs(name_starts_with="lists/", results_per_page=5).by_page()
    next(pages)
    again = container.list_blobs(name_starts_with="lists/", results_per_page=5).by_page(pages.continuation_token)
    equal([entry.name for page in again for entry in page], names[5:], "from a marker")
    walked = [entry.name for entry in container.walk_blobs(name_starts_with="lists/")]
    equal(sorted(walked), sorted(["lists/x/", "lists/y/", "lists/é/", "lists/top", "lists/x", "lists/xx"]), "by hierarchy")
    equal([entry.name for entry in container.walk_blobs(name_starts_with="lists/y/")], [f"lists/y/{b}" for b in range(7)], "below a prefix")
    one = next(iter(container.list_blobs(name_starts_with="lists/top", include=["metadata"])))
    full = blob("lists/top").get_blob_properties()
    equal((one.metadata, one.etag, one.last_modified, one.content_settings.content_type),
          ({"nom": "oui"}, full.etag.strip('"'), full.last_modified, full.content_settings.content_type), "a listed entry")
    equal(bytes(one.content_settings.content_md5), bytes(full.content_settings.content_md5), "a listed MD5")
    equal(next(iter(container.list_blobs(name_starts_with="lists/top"))).metadata in (None, {}), True, "no metadata unless asked for")
    for number in range(3):
        service.create_container(f"tour-many-{number}", metadata={"n": str(number)})
    listed = [(entry.name, entry.metadata) for entry in service.list_containers("tour-many-", include_metadata=True, results_per_page=2)]
    equal(listed, [(f"tour-many-{number}", {"n": str(number)}) for number in range(3)], "containers")
    for number in range(3):
        service.delete_container(f"tour-many-{number}")


def containers():
    got = container.get_container_properties()
    equal((got.metadata, got.name, got.public_access), ({"service": "imagerie"}, CONTAINER, None), "properties")
    container.set_container_metadata({"autre": "oui"})
    equal(container.get_container_properties().metadata, {"autre": "oui"}, "metadata replaced")
    equal(container.get_container_access_policy(), {"public_access": None, "signed_identifiers": []}, "no policies")
    for name in ("Majuscule", "a", "two--dashes", "-x", "x" * 64, "é-accent"):
        refused(f"container {name}", ("InvalidResourceName", "OutOfRangeInput", "InvalidUri"), 400, service.create_container, name)
    equal(service.get_account_information()["account_kind"], "StorageV2", "account")
    service.get_service_properties()
    if beyond_azurite("no public access"):
        refused("public container", "PublicAccessNotPermitted", 409, service.create_container, "tour-public", public_access="blob")


def with_sas(token, name):
    return BlobClient.from_blob_url(f"{ENDPOINT}/{CONTAINER}/{urllib.parse.quote(name)}?{token}", **SETTINGS)


def forbidden(what, call, *arguments, **options):
    codes = ("AuthenticationFailed", "AuthorizationPermissionMismatch", "AuthorizationFailure", "AuthorizationResourceTypeMismatch",
             "AuthorizationServiceMismatch", "AuthorizationSourceIPMismatch", "AuthorizationProtocolMismatch", "UnauthorizedBlobOverwrite")
    return refused(what, codes, 403, call, *arguments, **options)


def blob_sas():
    put("sas/é 1+1", b"body")
    reader = with_sas(signed("sas/é 1+1"), "sas/é 1+1")
    equal(reader.download_blob().readall(), b"body", "read by SAS")
    equal(reader.get_blob_properties().size, 4, "properties by SAS")
    forbidden("write by a SAS to read", reader.upload_blob, b"x", overwrite=True)
    forbidden("delete by a SAS to read", reader.delete_blob)
    forbidden("another blob", with_sas(signed("sas/é 1+1"), "sas/other").download_blob)
    forbidden("a changed SAS", with_sas(signed("sas/é 1+1").replace("sp=r", "sp=rw"), "sas/é 1+1").upload_blob, b"x", overwrite=True)
    writer = with_sas(signed("sas/new", "cw"), "sas/new")
    writer.upload_blob(b"by SAS", overwrite=True)
    equal(read("sas/new"), b"by SAS", "written by SAS")
    forbidden("read by a SAS to write", writer.download_blob)
    creator = with_sas(signed("sas/new", "c"), "sas/new")
    forbidden("overwrite by a SAS to create", creator.upload_blob, b"x", overwrite=True)
    with_sas(signed("sas/new", "d"), "sas/new").delete_blob()
    past = generate_blob_sas(ACCOUNT, CONTAINER, "sas/é 1+1", account_key=KEY, permission="r", expiry=in_time(minutes=-20))
    forbidden("expired", with_sas(past, "sas/é 1+1").download_blob)
    later = signed("sas/é 1+1", start=in_time(minutes=40))
    forbidden("not yet valid", with_sas(later, "sas/é 1+1").download_blob)
    if beyond_azurite("a signature for another address"):
        forbidden("from elsewhere", with_sas(signed("sas/é 1+1", ip="203.0.113.9"), "sas/é 1+1").download_blob)
    here = signed("sas/é 1+1", ip="127.0.0.0-127.0.0.9")
    equal(with_sas(here, "sas/é 1+1").download_blob().readall(), b"body", "from here")
    shown = signed("sas/é 1+1", content_type="text/x-hl7", content_disposition="inline", cache_control="no-cache")
    got = with_sas(shown, "sas/é 1+1").download_blob().properties.content_settings
    equal((got.content_type, got.content_disposition, got.cache_control), ("text/x-hl7", "inline", "no-cache"), "headers of a SAS")
    taken = blob("sas/é 1+1").create_snapshot()["snapshot"]
    put("sas/é 1+1", b"later")
    token = signed("sas/é 1+1", snapshot=taken)
    url = f"{ENDPOINT}/{CONTAINER}/{urllib.parse.quote('sas/é 1+1')}?snapshot={urllib.parse.quote(taken)}&{token}"
    equal(BlobClient.from_blob_url(url, **SETTINGS).download_blob().readall(), b"body", "a snapshot by SAS")


def container_sas():
    put("sas/in", b"in")

    def at(**options):
        token = generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, **options)
        return ContainerClient.from_container_url(f"{ENDPOINT}/{CONTAINER}?{token}", **SETTINGS)

    whole = at(permission=ContainerSasPermissions(read=True, list=True, write=True, delete=True, create=True), expiry=in_time(hours=1))
    equal("sas/in" in [entry.name for entry in whole.list_blobs()], True, "list by SAS")
    whole.upload_blob("sas/by", b"by", overwrite=True)
    equal(whole.download_blob("sas/by").readall(), b"by", "read by SAS")
    whole.delete_blob("sas/by")
    forbidden("list by a SAS to read", lambda: list(at(permission="r", expiry=in_time(hours=1)).list_blobs()))
    forbidden("delete a container by its SAS", whole.delete_container)

    policies = {
        "lecteurs": AccessPolicy(permission="rl", start=in_time(minutes=-30), expiry=in_time(hours=1)),
        "echu": AccessPolicy(permission="rl", start=in_time(hours=-2), expiry=in_time(hours=-1)),
        "sans-fin": AccessPolicy(permission="r"),
    }
    container.set_container_access_policy(policies)
    got = container.get_container_access_policy()["signed_identifiers"]
    equal(sorted((entry.id, entry.access_policy.permission) for entry in got), [("echu", "rl"), ("lecteurs", "rl"), ("sans-fin", "r")], "policies")
    equal(at(policy_id="lecteurs").download_blob("sas/in").readall(), b"in", "by a stored policy")
    equal(at(policy_id="sans-fin", expiry=in_time(hours=1)).download_blob("sas/in").readall(), b"in", "a policy that leaves the expiry open")
    forbidden("beyond the policy", at(policy_id="lecteurs").upload_blob, "sas/in", b"x", overwrite=True)
    forbidden("an expired policy", at(policy_id="echu").download_blob, "sas/in")
    forbidden("no such policy", at(policy_id="aucun", permission="r", expiry=in_time(hours=1)).download_blob, "sas/in")
    held = at(policy_id="lecteurs")
    container.set_container_access_policy({})
    forbidden("a policy that was taken back", held.download_blob, "sas/in")


def account_sas():
    def at(types, permission, **options):
        options.setdefault("expiry", in_time(hours=1))
        token = generate_account_sas(ACCOUNT, KEY, resource_types=ResourceTypes.from_string(types), permission=permission, **options)
        return BlobServiceClient(ENDPOINT, credential=token, **SETTINGS)

    everything = at("sco", AccountSasPermissions(read=True, write=True, delete=True, list=True, add=True, create=True))
    equal(CONTAINER in [entry.name for entry in everything.list_containers()], True, "containers by SAS")
    there = everything.get_container_client(CONTAINER)
    there.upload_blob("sas/account", b"account", overwrite=True)
    equal(there.download_blob("sas/account").readall(), b"account", "read")
    equal("sas/account" in [entry.name for entry in there.list_blobs()], True, "listed")
    forbidden("containers without s", lambda: list(at("o", "rl").list_containers()))
    forbidden("blobs without o", at("sc", "rl").get_container_client(CONTAINER).download_blob, "sas/account")
    forbidden("delete without d", at("sco", "rl").get_container_client(CONTAINER).delete_blob, "sas/account")
    forbidden("expired", lambda: list(at("s", "l", expiry=in_time(minutes=-20)).list_containers()))
    there.delete_blob("sas/account")


def checked():
    """What travels is checked where the client asks for it: MD5, CRC64, and structured bodies."""
    body = rng.randbytes(5 * MIB + 3)
    for kind in ("md5", "crc64") if beyond_azurite("CRC64") else ("md5",):
        put(f"checked/{kind}", body, validate_content=kind)
        equal(read(f"checked/{kind}") == body, True, f"content after {kind}")
        equal(read(f"checked/{kind}", validate_content=kind) == body, True, f"content with {kind}")
        small = connect(max_single_put_size=MIB, max_block_size=MIB, max_single_get_size=MIB, max_chunk_get_size=MIB)
        small.get_blob_client(CONTAINER, f"checked/{kind}-blocks").upload_blob(body, overwrite=True, validate_content=kind, max_concurrency=3)
        got = small.get_blob_client(CONTAINER, f"checked/{kind}-blocks").download_blob(validate_content=kind, max_concurrency=3)
        equal(got.readall() == body, True, f"blocks with {kind}")
        client = blob(f"checked/{kind}-append")
        client.create_append_blob()
        client.append_block(body[:100_000], validate_content=kind)
        equal(read(f"checked/{kind}-append") == body[:100_000], True, f"appended with {kind}")
    wrong = base64.b64encode(b"\0" * 16).decode()
    refused("a wrong MD5", "InvalidOperation" if AZURITE else "Md5Mismatch", 400, put, "checked/wrong", b"body", headers={"Content-MD5": wrong})
    equal(blob("checked/wrong").exists(), False, "nothing is left of it")
    if beyond_azurite("a wrong CRC64"):
        refused("a wrong CRC64", "Crc64Mismatch", 400, put, "checked/wrong", b"body", headers={"x-ms-content-crc64": base64.b64encode(b"\0" * 8).decode()})


def refusals():
    put("refused/blob", b"body")
    bad = BlobServiceClient(ENDPOINT, credential={"account_name": ACCOUNT, "account_key": encoded("x" * 32)}, **SETTINGS)
    error = refused("a wrong key", "AuthorizationFailure" if AZURITE else "AuthenticationFailed", 403, lambda: list(bad.list_containers()))
    equal(AZURITE or isinstance(error, ClientAuthenticationError), True, "the SDK's name for it")
    anonymous = BlobServiceClient(ENDPOINT, **SETTINGS).get_blob_client(CONTAINER, "refused/blob")
    if beyond_azurite("no anonymous access"):
        refused("anonymous", ("NoAuthenticationInformation", "PublicAccessNotPermitted", "ResourceNotFound"), (401, 403, 404, 409), anonymous.download_blob)
        key = CustomerProvidedEncryptionKey(encoded("k" * 32), base64.b64encode(b"h" * 32).decode())
        for what, call in (("put", lambda: blob("refused/cpk").upload_blob(b"x", cpk=key)), ("get", lambda: blob("refused/blob").download_blob(cpk=key))):
            try:
                refused(f"a customer's own key: {what}", ("UnsupportedHeader", "FeatureNotSupported", "NotImplemented"), (400, 409, 501), call)
            except ValueError as error:  # the SDK refuses it itself over plain HTTP
                print(f"  {error}")
        equal(blob("refused/cpk").exists(), False, "nothing is left of it")
        refused("a page blob", ("FeatureNotSupported", "NotImplemented", "BlobTypeNotSupported", "UnsupportedHeader", "InvalidHeaderValue"),
                (400, 409, 501), blob("refused/page").create_page_blob, 512)
        refused("query", ("FeatureNotSupported", "NotImplemented", "UnsupportedQueryParameter"), (400, 501), lambda: blob("refused/blob").query_blob("SELECT * FROM BlobStorage").readall())
        # Here the SDK leaves the error's code aside.
        refused("immutability", (None, "UnsupportedHeader", "FeatureNotSupported", "NotImplemented", "UnsupportedQueryParameter"), (400, 409, 501),
                blob("refused/blob").set_legal_hold, True)
    equal(read("refused/blob"), b"body", "unchanged")


def end():
    for entry in list(container.list_blobs(include=["uncommittedblobs"])):
        container.delete_blob(entry.name, delete_snapshots="include") if entry.blob_type and blob(entry.name).exists() else None
    container.delete_container()
    equal(container.exists(), False, "deleted")


if __name__ == "__main__":
    tour([leases, block_lists, append_blobs, copies, batches, lists, containers, blob_sas, container_sas, account_sas, checked, refusals],
         begin, end)
