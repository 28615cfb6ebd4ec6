"""Blobs: everything that azure-storage-blob asks of them in its default settings, against the gateway.

Environment and arguments: see azure_common.py. Exits with 0 when all holds.
"""

import hashlib
import io
import random
import tempfile
import threading
import unicodedata

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContentSettings, StandardBlobTier

from azure_common import KIB, MIB, among, beyond_azurite, connect, equal, in_time, now, refused, tour

CONTAINER = "tour-imagerie"
rng = random.Random(20261123)
service = connect()
container = service.get_container_client(CONTAINER)


def blob(name, **options):
    return container.get_blob_client(name, **options)


def put(name, body, **options):
    return container.upload_blob(name, body, overwrite=True, **options)


def read(name, **options):
    return container.download_blob(name, **options).readall()


def begin():
    equal(container.exists(), False, "no container at first")
    refused("properties of no container", "ContainerNotFound", 404, container.get_container_properties)
    refused("list of no container", "ContainerNotFound", 404, lambda: list(container.list_blobs()))
    refused("put to no container", "ContainerNotFound", 404, put, "k", b"x")
    refused("get from no container", "ContainerNotFound", 404, read, "k")
    container.create_container()
    equal(container.exists(), True, "a container that was created")
    refused("container that exists", "ContainerAlreadyExists", 409, container.create_container)


def sizes():
    """Around the borders of segments, chunks, the client's blocks, and its limit for a single request."""
    segment, chunk = 64 * KIB, 8 * MIB
    around = [base + off for base in (segment, 2 * segment, 4 * MIB, chunk) for off in (-1, 0, 1)]
    for size in [0, 1, 2, 9, *around, 2 * chunk + 1, 64 * MIB + 12_345]:
        body = rng.randbytes(size)
        answer = put(f"sizes/{size}", body).get_blob_properties()
        equal(answer.size, size, f"size of {size} bytes")
        equal(answer.blob_type, "BlockBlob", f"type of {size} bytes")
        if size <= 64 * MIB:
            digest = answer.content_settings.content_md5
            equal(bytes(digest), hashlib.md5(body).digest(), f"MD5 of {size} bytes in one request")
        stream = container.download_blob(f"sizes/{size}", max_concurrency=4)
        equal(stream.size, size, f"size of a download of {size} bytes")
        equal(stream.readall() == body, True, f"content of {size} bytes")
    for entry in container.list_blobs(name_starts_with="sizes/"):
        equal(entry.size, int(entry.name.split("/")[1]), f"listed size of {entry.name}")


def transfers():
    """In parallel blocks of an odd size, from bytes, files, and streams without an end in sight; back in as many ways."""
    odd = connect(max_single_put_size=64 * KIB, max_block_size=100_003, max_single_get_size=MIB, max_chunk_get_size=333_337)
    odd = odd.get_container_client(CONTAINER)
    for size in (64 * KIB, 64 * KIB + 1, 100_003, 3 * MIB + 77):
        body = rng.randbytes(size)
        odd.upload_blob("transfers/bytes", body, overwrite=True, max_concurrency=6)
        equal(read("transfers/bytes") == body, True, f"{size} bytes in odd blocks")
        equal(odd.download_blob("transfers/bytes", max_concurrency=6).readall() == body, True, f"{size} bytes in odd ranges")
    halves = (body[i : i + 50_000] for i in range(0, len(body), 50_000))
    odd.upload_blob("transfers/iterator", halves, overwrite=True)
    equal(read("transfers/iterator") == body, True, "from an iterator")
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.seek(0)
        odd.upload_blob("transfers/file", file, overwrite=True, max_concurrency=4)
    with tempfile.TemporaryFile() as file:
        odd.download_blob("transfers/file", max_concurrency=4).readinto(file)
        file.seek(0)
        equal(file.read() == body, True, "into a file")
    equal(b"".join(odd.download_blob("transfers/file").chunks()) == body, True, "in pieces")
    stream = odd.download_blob("transfers/file")
    equal(stream.read(1000) + stream.read() == body, True, "read in two steps")
    text = "Échographie: 100 %\n" * 99
    put("transfers/text", text, encoding="utf-8")
    equal(container.download_blob("transfers/text", encoding="utf-8").readall(), text, "text")

    faults = []

    def one(index):
        try:
            mine = random.Random(index).randbytes(70_000 + index)
            put(f"transfers/at-once/{index}", mine)
            equal(read(f"transfers/at-once/{index}") == mine, True, f"blob {index} at once")
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal(faults, [], "sixteen clients at once")


def ranges():
    size = 300_007
    body = rng.randbytes(size)
    put("ranges/blob", body)
    segment = 64 * KIB
    spans = [(0, 1), (0, size), (1, 2), (segment - 1, 2), (segment, segment), (segment + 1, 3 * segment), (size - 1, 1),
             (size - 10, 100), (size - 1, size), (4 * segment, None), (size - 1, None)]
    for offset, length in spans:
        wanted = body[offset:] if length is None else body[offset : offset + length]
        got = read("ranges/blob", offset=offset, length=length)
        equal(got == wanted, True, f"range {offset} {length}")
    if beyond_azurite("a range past the end"):
        refused("range past the end", "InvalidRange", 416, read, "ranges/blob", offset=size, length=1)
    equal(read("ranges/blob", offset=segment - 5, length=10, validate_content=True) == body[segment - 5 : segment + 5], True,
          "a range with its MD5")
    put("ranges/empty", b"")
    equal(read("ranges/empty"), b"", "an empty blob, which the SDK first asks a range of")
    equal(read("ranges/empty", max_concurrency=4), b"", "an empty blob in parallel")
    if beyond_azurite("a range of nothing"):
        refused("range of nothing", "InvalidRange", 416, read, "ranges/empty", offset=0, length=1)
    refused("no such blob", "BlobNotFound", 404, read, "ranges/nothing")
    refused("properties of no blob", "BlobNotFound", 404, blob("ranges/nothing").get_blob_properties)
    equal(blob("ranges/nothing").exists(), False, "no such blob")
    equal(blob("ranges/blob").exists(), True, "such a blob")


def headers():
    settings = ContentSettings(content_type="application/dicom", content_encoding="identity", content_language="fr-CA",
                               content_disposition='attachment; filename="irm.dcm"', cache_control="no-store")
    metadata = {"patient": "Tremblay", "Assurance_Maladie": "TREM57010116", "vide_ou_presque": "-"}
    put("headers/all", b"body", content_settings=settings, metadata=metadata)
    got = blob("headers/all").get_blob_properties()
    for name in ("content_type", "content_encoding", "content_language", "content_disposition", "cache_control"):
        equal(got.content_settings[name], settings[name], name)
    # Header names have no case in HTTP/2, and come in lowercase: see docs/compatibility/azure.md.
    small = {name.lower(): value for name, value in metadata.items()}
    equal({name.lower(): value for name, value in got.metadata.items()}, small, "metadata")
    got_down = container.download_blob("headers/all").properties.metadata
    equal({name.lower(): value for name, value in got_down.items()}, small, "metadata of a download")
    equal(bytes(got.content_settings.content_md5), hashlib.md5(b"body").digest(), "MD5")
    equal(got.server_encrypted, True, "server_encrypted")
    equal((got.etag.strip('"') != "", got.last_modified <= in_time(seconds=2)), (True, True), "ETag and time")
    equal(got.creation_time <= got.last_modified, True, "creation before modification")

    # Metadata is replaced as a whole, and nothing else is.
    answer = blob("headers/all").set_blob_metadata({"neuf": "1"})
    after = blob("headers/all").get_blob_properties()
    equal((after.metadata, after.etag), ({"neuf": "1"}, answer["etag"]), "replaced metadata")
    equal(after.etag != got.etag, True, "another ETag after new metadata")
    equal(after.content_settings.content_type, "application/dicom", "content type after new metadata")
    # So are headers: those that are left out go.
    answer = blob("headers/all").set_http_headers(ContentSettings(content_type="text/plain"))
    last = blob("headers/all").get_blob_properties()
    equal((last.content_settings.content_type, last.content_settings.cache_control), ("text/plain", None), "new headers")
    equal((last.metadata, last.etag != after.etag), ({"neuf": "1"}, True), "metadata after new headers")
    equal(last.creation_time, got.creation_time, "creation time after new metadata and headers")
    equal(read("headers/all"), b"body", "body after all that")
    put("headers/all", b"other")
    plain = blob("headers/all").get_blob_properties()
    equal((plain.metadata, plain.content_settings.content_type), ({}, "application/octet-stream"), "overwritten with nothing")
    refused("metadata of no blob", "BlobNotFound", 404, blob("headers/nothing").set_blob_metadata, {"a": "b"})
    refused("headers of no blob", "BlobNotFound", 404, blob("headers/nothing").set_http_headers, settings)
    refused("bad name of metadata", ("InvalidMetadata", "InvalidHeaderValue"), 400,
            blob("headers/all").set_blob_metadata, {"a-b": "x"})
    if beyond_azurite("metadata above 8 KiB in all"):
        refused("too much metadata", "MetadataTooLarge", 400, put, "headers/much", b"", metadata={"a": "x" * 8_300})


def conditions():
    client = blob("conditions/blob")
    first = put("conditions/blob", b"one").get_blob_properties()
    for what, error, call in (
        ("put", ResourceExistsError, lambda: client.upload_blob(b"two")),
        ("append blob", ResourceExistsError, lambda: client.create_append_blob(match_condition=MatchConditions.IfMissing)),
    ):
        got = refused(f"create only: {what}", "BlobAlreadyExists", 409, call)
        equal(isinstance(got, error), True, f"create only: {what}: {type(got)}")
    client.stage_block("a", b"a")
    got = refused("create only: block list", "BlobAlreadyExists", 409, client.commit_block_list, ["a"],
                  match_condition=MatchConditions.IfMissing)
    client.upload_blob(b"two", overwrite=True, etag=first.etag, match_condition=MatchConditions.IfNotModified)
    equal(read("conditions/blob"), b"two", "written over the version that was read")
    stale = dict(etag=first.etag, match_condition=MatchConditions.IfNotModified)
    wrong = refused("stale ETag: put", "ConditionNotMet", 412, client.upload_blob, b"three", overwrite=True, **stale)
    equal(isinstance(wrong, ResourceModifiedError), True, "the SDK's name for it")
    for what, call in (
        ("get", lambda: client.download_blob(**stale).readall()), ("head", lambda: client.get_blob_properties(**stale)),
        ("metadata", lambda: client.set_blob_metadata({"a": "b"}, **stale)),
        ("headers", lambda: client.set_http_headers(ContentSettings(content_type="a/b"), **stale)),
        ("snapshot", lambda: client.create_snapshot(**stale)), ("delete", lambda: client.delete_blob(**stale)),
        ("lease", lambda: client.acquire_lease(15, **stale)),
    ):
        refused(f"stale ETag: {what}", "ConditionNotMet", 412, call)
    equal(read("conditions/blob"), b"two", "unchanged by all that")

    current = client.get_blob_properties()
    same = dict(etag=current.etag, match_condition=MatchConditions.IfModified)
    refused("not modified: get", "ConditionNotMet", 304, lambda: client.download_blob(**same).readall())
    refused("not modified: head", "ConditionNotMet", 304, client.get_blob_properties, **same)
    refused("not modified: metadata", "ConditionNotMet", 412, client.set_blob_metadata, {"a": "b"}, **same)
    past, future = now().replace(year=now().year - 1), in_time(days=1)
    equal(client.download_blob(if_modified_since=past).readall(), b"two", "modified since a year ago")
    equal(client.download_blob(if_unmodified_since=future).readall(), b"two", "not modified after tomorrow")
    refused("modified since now", "ConditionNotMet", 304, lambda: client.download_blob(if_modified_since=current.last_modified).readall())
    refused("unmodified since a year", "ConditionNotMet", 412, lambda: client.download_blob(if_unmodified_since=past).readall())
    refused("unmodified since a year: put", "ConditionNotMet", 412, client.upload_blob, b"x", overwrite=True, if_unmodified_since=past)
    refused("If-Match of no blob", ("ConditionNotMet", "BlobNotFound"), (404, 412), blob("conditions/none").upload_blob, b"x",
            overwrite=True, **stale)
    blob("conditions/new").upload_blob(b"x", match_condition=MatchConditions.IfMissing)
    client.delete_blob(etag=current.etag, match_condition=MatchConditions.IfNotModified)
    equal(client.exists(), False, "deleted under its ETag")


def tags():
    sides = {"site": "nord", "examen": "IRM 3 T", "annee": "2026"}
    put("tags/a", b"a", tags=sides)
    put("tags/b", b"b", tags={"site": "sud", "annee": "2025"})
    put("tags/c", b"c")
    equal(blob("tags/a").get_blob_tags(), sides, "tags of a put")
    equal(blob("tags/c").get_blob_tags(), {}, "no tags")
    before = blob("tags/c").get_blob_properties()
    blob("tags/c").set_blob_tags({"site": "nord", "a/b:c+d-e_f.g=h": "1 2"})
    after = blob("tags/c").get_blob_properties()
    equal((after.etag, after.last_modified, after.tag_count), (before.etag, before.last_modified, 2), "tags change no ETag")
    equal(blob("tags/c").get_blob_tags(), {"site": "nord", "a/b:c+d-e_f.g=h": "1 2"}, "tags that were set")
    listed = {entry.name: entry.tags for entry in container.list_blobs(name_starts_with="tags/", include=["tags"])}
    equal(listed["tags/a"], sides, "listed tags")
    many = {str(index): "x" for index in range(11)}
    refused("eleven tags", ("TagsTooLarge", "InvalidTag", "InvalidTags", "InvalidXmlDocument", "TooManyTags"), 400, blob("tags/c").set_blob_tags, many)
    refused("tags of no blob", "BlobNotFound", 404, blob("tags/none").get_blob_tags)

    def found(expression, where):
        return sorted(entry.name for entry in where.find_blobs_by_tags(expression))

    equal(found("\"site\"='nord'", container), ["tags/a", "tags/c"], "found in the container")
    equal(found("\"site\"='nord' AND \"annee\">='2026'", container), ["tags/a"], "two tags")
    equal(found(f"@container='{CONTAINER}' AND \"site\"='sud'", service), ["tags/b"], "found in the account")
    equal(found("\"annee\">'2024' AND \"annee\"<='2025'", service), ["tags/b"], "a range of values")
    equal(found("\"site\"='ouest'", service), [], "nothing found")
    hit = next(iter(service.find_blobs_by_tags("\"examen\"='IRM 3 T'")))
    equal((hit.container_name, hit.tags), (CONTAINER, {"examen": "IRM 3 T"}), "the tags that were asked for")

    if beyond_azurite("conditions on tags"):
        equal(read("tags/a", if_tags_match_condition="\"site\"='nord'"), b"a", "a condition on tags that holds")
        refused("a condition on tags", "ConditionNotMet", 412, lambda: read("tags/a", if_tags_match_condition="\"site\"='sud'"))
        refused("a condition on tags: put", "ConditionNotMet", 412, put, "tags/a", b"x", if_tags_match_condition="\"site\"='sud'")
        refused("a condition on tags: delete", "ConditionNotMet", 412, blob("tags/a").delete_blob, if_tags_match_condition="\"site\"='sud'")
    blob("tags/a").set_blob_tags({})
    equal(blob("tags/a").get_blob_tags(), {}, "tags taken away")
    put("tags/b", b"b")
    equal(blob("tags/b").get_blob_tags(), {}, "overwritten with none")


def tiers():
    put("tiers/blob", b"body")
    got = blob("tiers/blob").get_blob_properties()
    equal((got.blob_tier, got.blob_tier_inferred), ("Hot", True), "the account's tier")
    blob("tiers/blob").set_standard_blob_tier("Cool")
    got = blob("tiers/blob").get_blob_properties()
    equal((got.blob_tier, bool(got.blob_tier_inferred)), ("Cool", False), "a tier that was set")
    equal([entry.blob_tier for entry in container.list_blobs(name_starts_with="tiers/blob")], ["Cool"], "listed tier")
    put("tiers/put", b"body", standard_blob_tier=StandardBlobTier.COOL)
    equal(blob("tiers/put").get_blob_properties().blob_tier, "Cool", "tier of a put")
    equal(read("tiers/put"), b"body", "what is cool can be read")
    blob("tiers/put").set_standard_blob_tier("Hot")
    refused("no such tier", ("InvalidHeaderValue", "InvalidBlobTier", "AccessTierNotSupportedForBlobType"), 400, blob("tiers/blob").set_standard_blob_tier, "Tepid")
    refused("tier of no blob", "BlobNotFound", 404, blob("tiers/none").set_standard_blob_tier, "Hot")


def snapshots():
    put("snapshots/blob", b"first", metadata={"version": "1"})
    taken = blob("snapshots/blob").create_snapshot()["snapshot"]
    put("snapshots/blob", b"second", metadata={"version": "2"})
    other = blob("snapshots/blob").create_snapshot(metadata={"version": "photo"})["snapshot"]
    equal(taken < other, True, "snapshots follow one another")
    old = blob("snapshots/blob", snapshot=taken)
    equal((old.download_blob().readall(), read("snapshots/blob")), (b"first", b"second"), "a snapshot keeps what was")
    equal(old.get_blob_properties().metadata, {"version": "1"}, "metadata of a snapshot")
    equal(blob("snapshots/blob", snapshot=other).get_blob_properties().metadata, {"version": "photo"}, "metadata given to a snapshot")
    equal(old.download_blob(offset=1, length=3).readall(), b"irs", "range of a snapshot")
    listed = [(entry.snapshot, entry.size) for entry in container.list_blobs(name_starts_with="snapshots/", include=["snapshots"])]
    if beyond_azurite("snapshots before their blob, oldest first"):
        equal(listed, [(taken, 5), (other, 6), (None, 6)], "snapshots listed before their blob")
    equal(set(listed), {(taken, 5), (other, 6), (None, 6)}, "snapshots listed")
    equal(len(list(container.list_blobs(name_starts_with="snapshots/"))), 1, "not listed unless asked for")
    blob("snapshots/promoted").start_copy_from_url(old.url)
    equal(read("snapshots/promoted"), b"first", "a copy of a snapshot")
    refused("no such snapshot", ("BlobNotFound", "InvalidQueryParameterValue"), (400, 404),
            blob("snapshots/blob", snapshot="2020-01-01T00:00:00.0000000Z").download_blob)
    refused("delete with snapshots", "SnapshotsPresent", 409, blob("snapshots/blob").delete_blob)
    old.delete_blob()
    refused("deleted snapshot", "BlobNotFound", 404, old.download_blob)
    blob("snapshots/blob").delete_blob(delete_snapshots="only")
    equal([entry.snapshot for entry in container.list_blobs(name_starts_with="snapshots/blob", include=["snapshots"])], [None], "only the blob is left")
    blob("snapshots/blob").create_snapshot()
    blob("snapshots/blob").delete_blob(delete_snapshots="include")
    equal(list(container.list_blobs(name_starts_with="snapshots/blob", include=["snapshots"])), [], "nothing is left")
    refused("snapshot of no blob", "BlobNotFound", 404, blob("snapshots/none").create_snapshot)


def names():
    listed = ["a b", "a+b", "100%", "50%41", "é" * 20, unicodedata.normalize("NFD", "é"), "日本/語", "a?b#c&d=e", "quote'\"<&>",
              "a//b", "trailing/", "semi;colon", "UPPER", "upper", "~tilde!", "(paren)[br]{cu}", "x" * 1024, "😀"]
    for index, name in enumerate(listed):
        put("names/" + name if len(name) < 1000 else name, str(index).encode())
    for index, name in enumerate(listed):
        name = "names/" + name if len(name) < 1000 else name
        equal(read(name), str(index).encode(), f"name {name[:40]!r}")
    got = [entry.name for entry in container.list_blobs(name_starts_with="names/")]
    wanted = sorted("names/" + name for name in listed if len(name) < 1000)
    if beyond_azurite("names in the order of their bytes"):
        equal(got, sorted(wanted, key=lambda name: name.encode()), "names in order")
    equal(sorted(got), wanted, "names")
    for name in listed:
        container.delete_blob("names/" + name if len(name) < 1000 else name)
    equal(list(container.list_blobs(name_starts_with="names/")), [], "names deleted")
    refused("name of 1,025", ("OutOfRangeInput", "InvalidUri", "InvalidResourceName", "BlobNameTooLong"), 400, put, "x" * 1025, b"") if beyond_azurite(
        "a name that is too long") else None


def end():
    left = [entry.name for entry in container.list_blobs()]
    for name in left:
        container.delete_blob(name, delete_snapshots="include")
    equal(list(container.list_blobs()), [], "emptied")
    container.delete_container()
    # On Azure a name is not free for a while after its container went; `exists` tells whatever the service says.
    equal(container.exists(), False, "deleted")


if __name__ == "__main__":
    tour([sizes, transfers, ranges, headers, conditions, tags, tiers, snapshots, names], begin, end)
