"""What the Azure scripts in Python share: who they are, what they assert with, how a tour runs.

Environment: ECLUSE_AZURE_ENDPOINT (with the account in its path), AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, and ECLUSE_CA
over TLS. `--azurite` leaves out what Azurite, against which these scripts are calibrated, does not do; the names of stops
as arguments run these only.
"""

import base64
import datetime
import os
import sys
import time
import traceback

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

ENDPOINT = os.environ["ECLUSE_AZURE_ENDPOINT"]
ACCOUNT, KEY = os.environ["AZURE_STORAGE_ACCOUNT"], os.environ["AZURE_STORAGE_KEY"]
CA = os.environ.get("ECLUSE_CA")
AZURITE = "--azurite" in sys.argv
KIB, MIB = 1024, 1024 * 1024
SCHEME = ENDPOINT.split(":", 1)[0]
CONNECTION = (
    f"DefaultEndpointsProtocol={SCHEME};AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={ENDPOINT};"
    f"BlobSecondaryEndpoint={ENDPOINT}-secondary;"
)
SETTINGS = {"connection_verify": CA} if CA else {}


def connect(**settings):
    """As an application connects that moved here: with another connection string, and the hospital's authority."""
    return BlobServiceClient.from_connection_string(CONNECTION, **SETTINGS, **settings)


def beyond_azurite(what):
    """Whether to ask for what Azurite does not do."""
    if AZURITE:
        print(f"  not asked of Azurite: {what}", flush=True)
    return not AZURITE


def short(value):
    return f"{len(value)} bytes" if isinstance(value, (bytes, bytearray)) and len(value) > 200 else repr(value)


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {short(got)}, wanted {short(wanted)}")


def among(got, wanted, what):
    if got not in wanted:
        raise AssertionError(f"{what}: got {short(got)}, wanted one of {wanted!r}")


def refused(what, code, status, call, *arguments, **options):
    """The call fails with this error code (or one of several) and this status."""
    try:
        call(*arguments, **options)
    except HttpResponseError as error:
        got = (getattr(error, "error_code", None), error.status_code)
        codes = code if isinstance(code, tuple) else (code,)
        statuses = status if isinstance(status, tuple) else (status,)
        # An answer to HEAD has no body, but a code all the same.
        if getattr(got[0], "value", got[0]) not in codes or got[1] not in statuses:
            raise AssertionError(f"{what}: got {got}, wanted {code} {status}: {str(error)[:300]}") from None
        return error
    raise AssertionError(f"{what}: succeeded, wanted {code} {status}")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def in_time(**span):
    return now() + datetime.timedelta(**span)




def encoded(text):
    return base64.b64encode(text.encode()).decode()


def tour(stops, first, last):
    """Runs the stops, or those named on the command line, after `first` and before `last`."""
    only = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    failures = 0
    for stop in [first, *stops, last]:
        if only and stop.__name__ not in only and stop not in (first, last):
            continue
        begin = time.monotonic()
        try:
            stop()
            print(f"{stop.__name__}: fine ({time.monotonic() - begin:.1f} s)", flush=True)
        except Exception as error:  # the other stops say more about the same fault
            failures += 1
            frames = traceback.extract_tb(error.__traceback__)
            line = next((frame.lineno for frame in frames if frame.name == stop.__name__), 0)
            print(f"{stop.__name__}: line {line}: {type(error).__name__}: {str(error)[:600]}", flush=True)
            if stop is first:
                break
    sys.exit(1 if failures else 0)
