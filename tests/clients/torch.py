"""What s3torchconnectorclient does, the client of mountpoint for Amazon S3, on AWS's common runtime: parallel parts and ranges.

Environment: ECLUSE_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Plain HTTP: the runtime trusts the system's authorities only.
"""

import os

import boto3
from s3torchconnectorclient import S3Exception
from s3torchconnectorclient._mountpoint_s3_client import MountpointS3Client

ENDPOINT = os.environ["ECLUSE_ENDPOINT"]
BUCKET = "torch"

boto3.client("s3", endpoint_url=ENDPOINT, region_name="ca-central-1").create_bucket(Bucket=BUCKET)
client = MountpointS3Client(
    region="ca-central-1", user_agent_prefix="tour", endpoint=ENDPOINT, force_path_style=True, part_size=5 * 1024 * 1024
)
for size in (0, 1, 65_537, 5 * 1024 * 1024 + 1, 23_000_000):
    key, content = f"poids/é {size}", os.urandom(size)
    stream = client.put_object(BUCKET, key)
    stream.write(content)
    stream.close()
    assert b"".join(client.get_object(BUCKET, key)) == content, f"{size} bytes"
    head = client.head_object(BUCKET, key)
    assert head.size == size, head
# The runtime puts a copy's source into a path as it is: of names with spaces and accents it makes no copies anywhere.
stream = client.put_object(BUCKET, "source")
stream.write(b"source")
stream.close()
client.copy_object(BUCKET, "source", BUCKET, "copied")
assert client.head_object(BUCKET, "copied").size == 6
keys = [found.key for page in client.list_objects(BUCKET, prefix="poids/") for found in page.object_info]
assert len(keys) == 5, keys
for key in keys + ["source", "copied"]:
    client.delete_object(BUCKET, key)
try:
    b"".join(client.get_object(BUCKET, "copied"))
    raise SystemExit("a deleted object was read")
except S3Exception:
    pass
print("torch.py: fine")
