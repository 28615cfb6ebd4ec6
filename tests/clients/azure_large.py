"""Blobs from 0 B to 1 GiB, up and down in parallel blocks, without ever holding one.

Environment: see azure_common.py; ECLUSE_LARGE_MIB is another size of the largest. Exits with 0 when all holds.
"""

import io
import os
import random
import time

from azure_common import MIB, connect, equal

LARGEST = int(os.environ.get("ECLUSE_LARGE_MIB", "1024")) * MIB + 12_345
BLOCK = 8 * MIB
NOISE = random.Random(20261126).randbytes(MIB)


def piece(index):
    """Each MiB differs from the others, and begins with its number."""
    turn = index * 7_919 % MIB
    return index.to_bytes(8, "big") + NOISE[turn:] + NOISE[: max(turn - 8, 0)]


def content(begin, end):
    first, last = begin // MIB, (end + MIB - 1) // MIB
    whole = b"".join(piece(index)[:MIB].ljust(MIB, b".") for index in range(first, last))
    return whole[begin - first * MIB : end - first * MIB]


class Source(io.RawIOBase):
    """Reads like a file."""

    def __init__(self, size):
        self.at, self.size = 0, size

    def readable(self):
        return True

    def read(self, size=-1):
        end = self.size if size is None or size < 0 else min(self.size, self.at + size)
        begin, self.at = self.at, end
        return content(begin, end) if begin < end else b""


class Sink(io.RawIOBase):
    """Compares what comes, where it comes."""

    def __init__(self):
        self.at = 0

    def writable(self):
        return True

    def write(self, data):
        equal(bytes(data) == content(self.at, self.at + len(data)), True, f"{len(data)} bytes at {self.at}")
        self.at += len(data)
        return len(data)


def move(container, size):
    name, begin = f"large/{size}", time.monotonic()
    container.upload_blob(name, Source(size), length=size, max_concurrency=4)
    middle = time.monotonic()
    blob = container.get_blob_client(name)
    equal(blob.get_blob_properties().size, size, "size")
    # What fits in one request has no blocks.
    equal(len(blob.get_block_list("committed")[0]), -(-size // BLOCK) if size > 1 else 0, f"blocks of {size} bytes")
    stream, sink = blob.download_blob(max_concurrency=4), Sink()
    for chunk in stream.chunks():
        sink.write(chunk)
    equal(sink.at, size, "bytes that came")
    end = time.monotonic()
    tail = min(size, 100)
    if tail:
        last = blob.download_blob(offset=size - tail, max_concurrency=4).readall()
        equal(last, content(size - tail, size), "the end of it")
    blob.delete_blob()
    print(f"{size} bytes: up in {middle - begin:.1f} s, down in {end - middle:.1f} s", flush=True)


def main():
    service = connect(max_single_put_size=1, max_block_size=BLOCK, max_single_get_size=BLOCK, max_chunk_get_size=BLOCK)
    container = service.get_container_client("tour-large")
    container.create_container()
    for size in (0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7, LARGEST):
        move(container, size)
    container.delete_container()


if __name__ == "__main__":
    main()
