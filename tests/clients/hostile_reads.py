"""Reads one object in each way that boto3, aws-cli and Microsoft's client for Python have, while the provider lies. Prints, as JSON, how each read
ended: "failed: ..." or "complete: <SHA-256 of what was received>". What is right is for the test to say.

Usage: hostile_reads.py BUCKET KEY; environment as for the other scripts.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import boto3
from azure_common import connect
from botocore.client import Config

BUCKET, KEY = sys.argv[1:3]
ENDPOINT, CA = os.environ["ECLUSE_ENDPOINT"], os.environ["ECLUSE_CA"]
s3 = boto3.client("s3", endpoint_url=ENDPOINT, verify=CA, region_name="ca-central-1", config=Config(read_timeout=60))


def whole():
    return s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


def pieces():
    return b"".join(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].iter_chunks(65536))


def download_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        s3.download_file(BUCKET, KEY, path)
        with open(path, "rb") as file:
            return file.read()


def azure(**options):
    """One try: the lie stays the same."""
    blob = connect(retry_total=0, read_timeout=60).get_blob_client(BUCKET, KEY)
    return blob.download_blob(**options)


def azure_whole():
    return azure().readall()


def azure_chunks():
    return b"".join(azure().chunks())


def azure_in_parallel():
    return azure(max_concurrency=4).readall()


def azure_validated():
    return azure(validate_content=True).readall()


def aws(*arguments):
    environment = {**os.environ, "AWS_CA_BUNDLE": CA, "AWS_ENDPOINT_URL": ENDPOINT, "AWS_DEFAULT_REGION": "ca-central-1"}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        done = subprocess.run(["aws", *arguments, path], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"aws exits with {done.returncode}: {done.stderr.strip()[-200:]}")
        with open(path, "rb") as file:
            return file.read()


def aws_s3_cp():
    return aws("s3", "cp", "--no-progress", f"s3://{BUCKET}/{KEY}")


def aws_s3api_get_object():
    return aws("s3api", "get-object", "--bucket", BUCKET, "--key", KEY)


def main():
    ends = {}
    ways = (whole, pieces, download_file, aws_s3_cp, aws_s3api_get_object)
    for read in (*ways, azure_whole, azure_chunks, azure_in_parallel, azure_validated):
        try:
            ends[read.__name__] = "complete: " + hashlib.sha256(read()).hexdigest()
        except Exception as error:  # every way to fail is a failure
            ends[read.__name__] = f"failed: {type(error).__name__}: {error}"
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
