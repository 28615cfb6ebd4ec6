"""Writes blobs along every write path that the Azure front knows, from a manifest that the test made.

Usage: azure_blind_writes.py MANIFEST; environment as in azure_common.py. The manifest is JSON: a list of
{"path", "bucket", "key", "file", "part_bytes", "metadata", "content_type"}; "path" names a function below.
"""

import hashlib
import json
import sys
import urllib.parse

from azure.storage.blob import BlobBlock, BlobClient, ContentSettings, generate_blob_sas

from azure_common import ACCOUNT, ENDPOINT, KEY, SETTINGS, connect, in_time

service = connect()


def blob(entry, suffix=""):
    return service.get_blob_client(entry["bucket"], entry["key"] + suffix)


def described(entry):
    return {"metadata": entry["metadata"], "content_settings": ContentSettings(content_type=entry["content_type"])}


def signed(entry, suffix="", permission="r"):
    return generate_blob_sas(ACCOUNT, entry["bucket"], entry["key"] + suffix, account_key=KEY, permission=permission, expiry=in_time(hours=1))


def put(entry, body):
    """Put Blob, as the SDK does it."""
    blob(entry).upload_blob(body, overwrite=True, **described(entry))


def put_md5(entry, body):
    """Put Blob with its MD5, in transit and kept."""
    settings = ContentSettings(content_type=entry["content_type"], content_md5=bytearray(hashlib.md5(body).digest()))
    blob(entry).upload_blob(body, metadata=entry["metadata"], content_settings=settings, validate_content="md5")


def put_crc64(entry, body):
    """Put Blob with a CRC64, in a structured body where the SDK makes one."""
    blob(entry).upload_blob(body, validate_content="crc64", **described(entry))


def put_tags(entry, body):
    """Put Blob with tags, which are as secret as metadata."""
    blob(entry).upload_blob(body, tags={"patient": entry["metadata"]["patient"]}, **described(entry))
    blob(entry).set_blob_tags({"patient": entry["metadata"]["patient"], "assurance": entry["metadata"]["assurance_maladie"]})


def put_sas(entry, body):
    """Put Blob by a shared access signature."""
    url = f"{ENDPOINT}/{entry['bucket']}/{urllib.parse.quote(entry['key'])}?{signed(entry, permission='cw')}"
    BlobClient.from_blob_url(url, **SETTINGS).upload_blob(body, **described(entry))


def overwrite(entry, body):
    """Twice under the same name, with other content first."""
    blob(entry).upload_blob(body[::-1], overwrite=True, **described(entry))
    blob(entry).upload_blob(body, overwrite=True, **described(entry))


def snapshot(entry, body):
    """Other content first, which a snapshot keeps."""
    blob(entry).upload_blob(body[::-1], **described(entry))
    blob(entry).create_snapshot()
    blob(entry).upload_blob(body, overwrite=True, **described(entry))


def blocks(entry, body):
    """Put Block and Put Block List, with block ids that say something."""
    cut, ids = entry["part_bytes"], []
    for number, begin in enumerate(range(0, len(body), cut)):
        ids.append(f"{entry['metadata']['patient']}-{number:04}")
        blob(entry).stage_block(ids[-1], body[begin : begin + cut], validate_content="md5" if number % 2 else "crc64")
    blob(entry).commit_block_list([BlobBlock(name) for name in ids], **described(entry))


def parallel(entry, body):
    """The SDK's own blocks."""
    cut = entry["part_bytes"]
    client = connect(max_single_put_size=cut, max_block_size=cut).get_blob_client(entry["bucket"], entry["key"])
    client.upload_blob(body, max_concurrency=4, **described(entry))


def uncommitted(entry, body):
    """Blocks that stay behind, and then a blob over them."""
    blob(entry).stage_block("left", body[::-1])
    blob(entry).upload_blob(body, overwrite=True, **described(entry))


def block_from_url(entry, body):
    """Put Block From URL: ranges of another blob."""
    blob(entry, ".source").upload_blob(body)
    url, cut, ids = f"{blob(entry, '.source').url}?{signed(entry, '.source')}", entry["part_bytes"], []
    for number, begin in enumerate(range(0, len(body), cut)):
        ids.append(f"{number:04}")
        blob(entry).stage_block_from_url(ids[-1], url, source_offset=begin, source_length=min(cut, len(body) - begin))
    blob(entry).commit_block_list([BlobBlock(name) for name in ids], **described(entry))


def copy(entry, body):
    """Copy Blob, with new metadata."""
    blob(entry, ".source").upload_blob(body, content_settings=ContentSettings(content_type=entry["content_type"]))
    blob(entry).start_copy_from_url(blob(entry, ".source").url, metadata=entry["metadata"])
    blob(entry, ".source").delete_blob()


def from_url(entry, body):
    """Put Blob From URL."""
    blob(entry, ".source").upload_blob(body)
    blob(entry).upload_blob_from_url(f"{blob(entry, '.source').url}?{signed(entry, '.source')}", overwrite=True, **described(entry))


def append(entry, body):
    """Append blocks, each a write of its own."""
    client, cut = blob(entry), entry["part_bytes"]
    client.create_append_blob(**described(entry))
    for number, begin in enumerate(range(0, len(body), cut)):
        client.append_block(body[begin : begin + cut], validate_content="crc64" if number % 2 else "md5")


def described_later(entry, body):
    """Metadata and headers in requests of their own, under a lease."""
    blob(entry).upload_blob(body)
    lease = blob(entry).acquire_lease(60)
    blob(entry).set_blob_metadata(entry["metadata"], lease=lease)
    digest = bytearray(hashlib.md5(body).digest())
    blob(entry).set_http_headers(ContentSettings(content_type=entry["content_type"], content_md5=digest), lease=lease)
    lease.release()


PATHS = {
    path.__name__: path
    for path in (
        put, put_md5, put_crc64, put_tags, put_sas, overwrite, snapshot, blocks, parallel, uncommitted, block_from_url, copy,
        from_url, append, described_later,
    )
}


def main():
    with open(sys.argv[1]) as file:
        manifest = json.load(file)
    left = [name for name in PATHS if name not in {entry["path"] for entry in manifest}]
    assert not left, f"not in the manifest: {left}"
    for bucket in sorted({entry["bucket"] for entry in manifest}):
        service.create_container(bucket, metadata={"hopital": "Tremblay-Lavoie"})
    for entry in manifest:
        with open(entry["file"], "rb") as file:
            body = file.read()
        PATHS[entry["path"]](entry, body)
        stream = blob(entry).download_blob()
        assert stream.readall() == body, f"{entry['path']}: other content came back"
        assert stream.properties.metadata == entry["metadata"], f"{entry['path']}: {stream.properties.metadata}"
        got = stream.properties.content_settings.content_type
        assert got == entry["content_type"], f"{entry['path']}: {got}"
        print(entry["path"], "fine", flush=True)


if __name__ == "__main__":
    main()
