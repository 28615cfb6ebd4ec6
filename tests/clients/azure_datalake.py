"""Azure's client for Data Lake Storage (ADLS Gen2), pointed at the blob address: each of its operations is refused in the words
of an account without a hierarchical namespace, and none does something else instead.

Environment: see azure_common.py. Exits with 0 when all holds.
"""

from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.filedatalake import DataLakeServiceClient

from azure_common import ACCOUNT, ENDPOINT, KEY, SETTINGS, connect, equal, in_time, refused, tour

ROOT = "tour-datalake"
blobs = connect().get_container_client(ROOT)
lake = DataLakeServiceClient(ENDPOINT, credential=AzureNamedKeyCredential(ACCOUNT, KEY), **SETTINGS)
system = lake.get_file_system_client(ROOT)
KEPT = {"dir": b"a folder's marker", "dir/file": b"in it", "file": b"beside it"}


def no(what, call, *arguments, **options):
    # Of Set Blob Expiry the client does not read the code: it is in the error's text.
    error = refused(what, ("HierarchicalNamespaceNotEnabled", None), 400, call, *arguments, **options)
    equal("HierarchicalNamespaceNotEnabled" in str(error), True, f"{what}: {error} does not say why")


def begin():
    blobs.create_container()
    for name, body in KEPT.items():
        blobs.upload_blob(name, body)


def directories():
    directory = system.get_directory_client("dir")
    no("delete a directory", directory.delete_directory)
    no("rename a directory", directory.rename_directory, f"{ROOT}/other")
    no("make a directory", system.create_directory, "new")
    no("its permissions", directory.get_access_control)
    no("set them", directory.set_access_control, permissions="rwxr-x---")
    no("list a directory", lambda: list(system.get_paths("dir", recursive=True)))


def files():
    file = system.get_file_client("file")
    no("make a file", system.create_file, "new")
    no("append", file.append_data, b"more", 0, 4)
    no("flush", file.flush_data, 9)
    no("upload", file.upload_data, b"other", overwrite=True)
    no("rename", file.rename_file, f"{ROOT}/other")
    no("expire", file.set_file_expiry, "Absolute", expires_on=in_time(days=1))
    no("delete", file.delete_file, recursive=True)


def end():
    found = {blob.name: blobs.download_blob(blob.name).readall() for blob in blobs.list_blobs()}
    equal(found, KEPT, "all is as it was")
    blobs.delete_container()


if __name__ == "__main__":
    tour([directories, files], begin, end)
