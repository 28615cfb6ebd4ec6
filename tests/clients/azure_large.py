"""One blob of 1 GiB, up and down in parallel blocks, without ever holding it.

Environment: see azure_common.py; ECLUSE_LARGE_MIB is another size. Exits with 0 when all holds.
"""

import io
import os
import random
import time

from azure_common import MIB, connect, equal

SIZE = int(os.environ.get("ECLUSE_LARGE_MIB", "1024")) * MIB + 12_345
BLOCK = random.Random(20261126).randbytes(MIB)


def piece(index):
    """Each MiB differs from the others, and begins with its number."""
    turn = index * 7_919 % MIB
    return index.to_bytes(8, "big") + BLOCK[turn:] + BLOCK[: max(turn - 8, 0)]


def content(begin, end):
    first, last = begin // MIB, (end + MIB - 1) // MIB
    whole = b"".join(piece(index)[:MIB].ljust(MIB, b".") for index in range(first, last))
    return whole[begin - first * MIB : end - first * MIB]


class Source(io.RawIOBase):
    """Reads like a file."""

    def __init__(self):
        self.at = 0

    def readable(self):
        return True

    def read(self, size=-1):
        end = SIZE if size is None or size < 0 else min(SIZE, self.at + size)
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


def main():
    container = connect(max_block_size=8 * MIB, max_chunk_get_size=8 * MIB).get_container_client("tour-large")
    container.create_container()
    begin = time.monotonic()
    container.upload_blob("large", Source(), length=SIZE, max_concurrency=4)
    middle = time.monotonic()
    equal(container.get_blob_client("large").get_blob_properties().size, SIZE, "size")
    stream, sink = container.download_blob("large"), Sink()
    for chunk in stream.chunks():
        sink.write(chunk)
    equal(sink.at, SIZE, "bytes that came")
    end = time.monotonic()
    last = container.download_blob("large", offset=SIZE - 100, max_concurrency=4).readall()
    equal(last, content(SIZE - 100, SIZE), "the end of it")
    container.delete_blob("large")
    container.delete_container()
    print(f"{SIZE} bytes: up in {middle - begin:.1f} s, down in {end - middle:.1f} s")


if __name__ == "__main__":
    main()
