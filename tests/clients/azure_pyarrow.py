"""pyarrow's AzureFileSystem, which is Azure's SDK for C++: what is there and what is not, files, folders, ranges, copies, removal.

Environment: see azure_common.py. Exits with 0 when all holds.
"""

import base64
import os
import random
from urllib.parse import urlsplit

# The SDK's curl finds the hospital's authority where OpenSSL looks for it.
if "ECLUSE_CA" in os.environ:
    os.environ["SSL_CERT_FILE"] = os.environ["CURL_CA_BUNDLE"] = os.environ["ECLUSE_CA"]

from pyarrow import fs

from azure_common import ACCOUNT, ENDPOINT, KEY, MIB, equal, tour

ROOT = "tour-pyarrow"
OTHER_KEY = base64.b64encode(b"a key of nobody").decode()
rng = random.Random(20261130)


def connect(key=KEY):
    address = urlsplit(ENDPOINT)
    return fs.AzureFileSystem(
        account_name=ACCOUNT,
        account_key=key,
        blob_storage_authority=address.netloc,
        dfs_storage_authority=address.netloc,
        blob_storage_scheme=address.scheme,
        dfs_storage_scheme=address.scheme,
    )


files = connect()


def kind(path):
    return files.get_file_info(path).type


def begin():
    files.create_dir(ROOT)
    equal(kind(ROOT), fs.FileType.Directory, "the container is there")


def absent():
    """Each is a refused HEAD, and asks whether the account is hierarchical."""
    equal(kind(f"{ROOT}/none"), fs.FileType.NotFound, "no blob")
    equal(kind(f"{ROOT}/none/deep"), fs.FileType.NotFound, "no blob in no folder")
    equal(kind(f"{ROOT}-none"), fs.FileType.NotFound, "no container")
    equal(kind(f"{ROOT}-none/blob"), fs.FileType.NotFound, "no blob in no container")
    for what, call in (
        ("no blob to open", lambda: files.open_input_file(f"{ROOT}/none")),
        ("a wrong key", lambda: connect(OTHER_KEY).get_file_info(f"{ROOT}/none")),
    ):
        try:
            call()
        except OSError:
            continue
        raise AssertionError(f"{what}: succeeded")


def whole():
    for size in (0, 1, 65_537, 9 * MIB + 1):
        body = rng.randbytes(size)
        with files.open_output_stream(f"{ROOT}/whole/{size}", metadata={"Content-Type": "application/dicom"}) as stream:
            stream.write(body)
        equal(files.get_file_info(f"{ROOT}/whole/{size}").size, size, f"size of {size} bytes")
        with files.open_input_file(f"{ROOT}/whole/{size}") as file:
            equal(file.read() == body, True, f"{size} bytes")
            if size > 65_545:
                equal(file.read_at(15, 65_530) == body[65_530:65_545], True, "a range")
    equal(kind(f"{ROOT}/whole"), fs.FileType.Directory, "the folder that its files make")


def listed():
    found = files.get_file_info(fs.FileSelector(ROOT, recursive=True))
    names = {info.path: info.type for info in found}
    equal(names.get(f"{ROOT}/whole/1"), fs.FileType.File, f"a file among {sorted(names)}")


def copied():
    files.copy_file(f"{ROOT}/whole/65537", f"{ROOT}/copied")
    equal(files.get_file_info(f"{ROOT}/copied").size, 65_537, "size of the copy")


def removed():
    files.delete_file(f"{ROOT}/copied")
    equal(kind(f"{ROOT}/copied"), fs.FileType.NotFound, "after its removal")
    files.delete_dir(f"{ROOT}/whole")
    equal(kind(f"{ROOT}/whole/1"), fs.FileType.NotFound, "a file of a removed folder")
    equal(kind(f"{ROOT}/whole"), fs.FileType.NotFound, "a removed folder")


def end():
    files.delete_dir(ROOT)
    equal(kind(ROOT), fs.FileType.NotFound, "the container after its removal")


if __name__ == "__main__":
    tour([absent, whole, listed, copied, removed], begin, end)
