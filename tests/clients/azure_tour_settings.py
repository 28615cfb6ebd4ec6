"""What azure-storage-blob finds where the gateway has an issuer of tokens and keeps what was deleted; and long lists.

Environment and arguments: see azure_common.py; ECLUSE_ISSUER_KEY is the file of azure_issuer.py, ECLUSE_MANY how many
names the long list has. Exits with 0 when all holds.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import BlobClient, BlobServiceClient, generate_blob_sas, generate_container_sas
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import azure_issuer
from azure_common import ACCOUNT, ENDPOINT, KEY, SETTINGS, connect, equal, in_time, now, refused, tour

CONTAINER, MANY, PAGE = "tour-reglages", int(os.environ.get("ECLUSE_MANY", "5003")), 5_000
service = connect()
container = service.get_container_client(CONTAINER)
with open(os.environ["ECLUSE_ISSUER_KEY"], "rb") as file:
    PEM = file.read()


class Issued:
    """A credential, as azure-identity has them."""

    def __init__(self, pem=PEM, **claims):
        self.token = azure_issuer.token(pem, **claims)

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3_600)


def bearer(**claims):
    return BlobServiceClient(ENDPOINT, credential=Issued(**claims), **SETTINGS)


def begin():
    container.create_container()


def tokens():
    client = bearer().get_container_client(CONTAINER)
    client.upload_blob("tokens/é 1", b"by token", metadata={"a": "b"})
    equal(client.download_blob("tokens/é 1").readall(), b"by token", "written and read by token")
    equal([entry.name for entry in client.list_blobs(name_starts_with="tokens/")], ["tokens/é 1"], "listed by token")
    equal(CONTAINER in [entry.name for entry in bearer().list_containers()], True, "containers by token")
    equal(container.download_blob("tokens/é 1").readall(), b"by token", "the same by key")
    forger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    past = now().replace(year=now().year - 1)
    unknown, unfit = ("InvalidAuthenticationInfo", 401), ("AuthorizationPermissionMismatch", 403)
    for what, (code, status), claims in (("another's signature", unknown, {"pem": forger}),
                                         ("another issuer", unknown, {"iss": "https://elsewhere.example"}),
                                         ("another audience", unknown, {"aud": "https://management.azure.com/"}),
                                         ("expired", unknown, {"exp": past, "nbf": past}),
                                         ("not yet valid", unknown, {"nbf": in_time(hours=2)}),
                                         ("no such client", unfit, {"azp": "stranger", "sub": "stranger"})):
        error = refused(f"token: {what}", code, status,
                        lambda: bearer(**claims).get_container_client(CONTAINER).download_blob("tokens/é 1"))
        if status == 401:
            equal(isinstance(error, ClientAuthenticationError), True, f"token: {what}: the SDK's name for it")
            challenge = error.response.headers.get("WWW-Authenticate", "")
            equal(f"authorization_uri={azure_issuer.ISSUER}" in challenge.replace('"', ""), True, f"token: {what}: {challenge!r}")


def delegation():
    container.upload_blob("delegation/blob", b"delegated")
    key = bearer().get_user_delegation_key(now(), in_time(hours=1))
    refused("a delegation key by account key", ("AuthenticationFailed", "AuthorizationFailure", "InvalidAuthenticationInfo"), (401, 403),
            service.get_user_delegation_key, now(), in_time(hours=1))

    def reader(permission="r", name="delegation/blob", expiry=None, key=key):
        token = generate_blob_sas(ACCOUNT, CONTAINER, "delegation/blob", user_delegation_key=key, permission=permission,
                                  expiry=expiry or in_time(minutes=30))
        return BlobClient.from_blob_url(f"{ENDPOINT}/{CONTAINER}/{name}?{token}", **SETTINGS)

    equal(reader().download_blob().readall(), b"delegated", "read by user delegation SAS")
    reader("w").upload_blob(b"written", overwrite=True)
    equal(reader().download_blob().readall(), b"written", "written by user delegation SAS")
    outside = ("AuthenticationFailed", "AuthorizationPermissionMismatch")
    refused("another permission", outside, 403, reader().delete_blob)
    refused("another blob", outside, 403, reader(name="tokens/x").download_blob)
    refused("expired", outside, 403, reader(expiry=in_time(minutes=-1)).download_blob)
    key.value = key.value[::-1].replace("=", "") + "="
    refused("another key", outside, 403, reader().download_blob)
    whole = bearer().get_user_delegation_key(now(), in_time(hours=1))
    token = generate_container_sas(ACCOUNT, CONTAINER, user_delegation_key=whole, permission="rl", expiry=in_time(minutes=30))
    there = BlobServiceClient(f"{ENDPOINT}?{token}", **SETTINGS).get_container_client(CONTAINER)
    equal("delegation/blob" in list(there.list_blob_names()), True, "listed by user delegation SAS")


def undelete():
    blob = container.get_blob_client("undelete/blob")
    blob.upload_blob(b"precious", metadata={"a": "b"})
    blob.delete_blob()
    equal(blob.exists(), False, "deleted")
    equal(list(container.list_blob_names(name_starts_with="undelete/")), [], "not listed unless asked for")
    listed = [(entry.name, entry.deleted) for entry in container.list_blobs(name_starts_with="undelete/", include=["deleted"])]
    equal(listed, [("undelete/blob", True)], "listed as deleted")
    blob.undelete_blob()
    equal((blob.download_blob().readall(), blob.get_blob_properties().metadata), (b"precious", {"a": "b"}), "brought back")
    refused("undelete of no blob", "BlobNotFound", 404, container.get_blob_client("undelete/none").undelete_blob)


def restore_container():
    name = CONTAINER + "-gone"
    gone = service.create_container(name, metadata={"a": "b"})
    gone.upload_blob("blob", b"precious")
    gone.delete_container()
    equal(gone.exists(), False, "deleted")
    names = [entry.name for entry in service.list_containers(name_starts_with=name)]
    equal(names, [], "not listed unless asked for")
    listed = list(service.list_containers(name_starts_with=name, include_deleted=True))
    equal([(entry.name, entry.deleted) for entry in listed], [(name, True)], "listed as deleted")
    service.undelete_container(name, listed[0].version)
    equal(gone.download_blob("blob").readall(), b"precious", "brought back with its blob")
    equal(gone.get_container_properties().metadata, {"a": "b"}, "and its metadata")
    gone.delete_container()


def account():
    # The SDK asks the secondary place: it keeps the path and puts another host before it.
    there = BlobServiceClient(ENDPOINT + "-secondary", {"account_name": ACCOUNT, "account_key": KEY},
                              secondary_hostname=ENDPOINT.split("/")[2], **SETTINGS)
    equal(there.get_service_stats()["geo_replication"]["status"] in ("live", "unavailable", "bootstrap"), True, "stats")
    kept = service.get_service_properties()["delete_retention_policy"]
    equal((kept.enabled, kept.days), (True, 7), "how long what was deleted is kept")


def many():
    """More names than one page of Azure holds."""
    names = [f"many/{index:05}" for index in range(MANY)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: container.upload_blob(name, b""), names))
    pages = [[entry.name for entry in page] for page in container.list_blobs(name_starts_with="many/").by_page()]
    # A page ends by bytes as well as by count.
    equal(all(1 <= len(page) <= PAGE for page in pages), True, "pages")
    equal(len(pages) <= 1 + MANY // 4_000, True, "pages of ordinary names hold thousands")
    equal(sum(pages, []), names, "names of all pages")
    equal(len(list(container.walk_blobs(name_starts_with="many/", results_per_page=1_000))), MANY, "by hierarchy")
    for begin in range(0, MANY, 256):
        container.delete_blobs(*names[begin : begin + 256])
    equal(list(container.list_blob_names(name_starts_with="many/")), [], "deleted in batches")


def end():
    for name in list(container.list_blob_names()):
        container.delete_blob(name)
    container.delete_container()


if __name__ == "__main__":
    tour([tokens, delegation, undelete, restore_container, account, many], begin, end)
