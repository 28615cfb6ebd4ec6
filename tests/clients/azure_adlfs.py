"""fsspec with adlfs in its default settings: files, folders, ranges, a big file in blocks, copies, globs, removal.

Environment: see azure_common.py. Exits with 0 when all holds.
"""

import os
import random
import tempfile

# adlfs passes nothing on to its connections: they find the hospital's authority where OpenSSL looks for it, at import.
if "ECLUSE_CA" in os.environ:
    os.environ["SSL_CERT_FILE"] = os.environ["ECLUSE_CA"]

import fsspec

from azure_common import CONNECTION, MIB, equal, tour

ROOT = "tour-adlfs"
rng = random.Random(20261125)
files = fsspec.filesystem("abfs", connection_string=CONNECTION, skip_instance_cache=True)


def begin():
    files.mkdir(ROOT)
    equal(ROOT in [name.rstrip("/") for name in files.ls("")], True, "the container is listed")


def whole():
    for size in (0, 1, 65_537, 9 * MIB + 1):
        body = rng.randbytes(size)
        files.pipe_file(f"{ROOT}/whole/{size}", body)
        equal(files.cat_file(f"{ROOT}/whole/{size}") == body, True, f"{size} bytes")
        equal(files.info(f"{ROOT}/whole/{size}")["size"], size, f"size of {size} bytes")
    equal(files.cat_file(f"{ROOT}/whole/{size}", start=65_530, end=65_545) == body[65_530:65_545], True, "a range")


def opened():
    body = rng.randbytes(12 * MIB + 3)
    with files.open(f"{ROOT}/opened/été 1+1.dcm", "wb", block_size=5 * MIB) as file:
        for begin in range(0, len(body), 1_000_000):
            file.write(body[begin : begin + 1_000_000])
    with files.open(f"{ROOT}/opened/été 1+1.dcm", "rb") as file:
        file.seek(5 * MIB - 3)
        equal(file.read(10) == body[5 * MIB - 3 : 5 * MIB + 7], True, "after a seek")
        file.seek(0)
        equal(file.read() == body, True, "all of it")
    with files.open(f"{ROOT}/opened/text", "w", encoding="utf-8") as file:
        file.write("Échographie\n" * 100)
    with files.open(f"{ROOT}/opened/text", "r", encoding="utf-8") as file:
        equal(file.readlines(), ["Échographie\n"] * 100, "text")


def trees():
    with tempfile.TemporaryDirectory() as here:
        for index in range(6):
            os.makedirs(f"{here}/tree/{index % 2}", exist_ok=True)
            with open(f"{here}/tree/{index % 2}/{index}", "wb") as file:
                file.write(b"x" * index)
        files.put(f"{here}/tree", f"{ROOT}/trees", recursive=True)
        equal(sorted(files.find(f"{ROOT}/trees")), sorted(f"{ROOT}/trees/{index % 2}/{index}" for index in range(6)), "found")
        equal(sorted(name.rstrip("/") for name in files.ls(f"{ROOT}/trees", detail=False)), [f"{ROOT}/trees/0", f"{ROOT}/trees/1"], "listed")
        equal(sorted(files.glob(f"{ROOT}/trees/*/[45]")), [f"{ROOT}/trees/0/4", f"{ROOT}/trees/1/5"], "globbed")
        equal(files.isdir(f"{ROOT}/trees/0"), True, "a folder")
        files.get(f"{ROOT}/trees", f"{here}/back", recursive=True)
        equal(sorted(os.listdir(f"{here}/back/1")), ["1", "3", "5"], "downloaded")
    files.copy(f"{ROOT}/trees/0/4", f"{ROOT}/copied")
    equal(files.cat_file(f"{ROOT}/copied"), b"xxxx", "copied")
    files.mv(f"{ROOT}/copied", f"{ROOT}/moved")
    equal((files.exists(f"{ROOT}/copied"), files.exists(f"{ROOT}/moved")), (False, True), "moved")
    files.rm(f"{ROOT}/trees", recursive=True)
    files.invalidate_cache()
    equal(files.find(f"{ROOT}/trees"), [], "removed")


def end():
    files.rm(ROOT, recursive=True)
    files.invalidate_cache()
    equal(ROOT in [name.rstrip("/") for name in files.ls("")], False, "the container is gone")


if __name__ == "__main__":
    tour([whole, opened, trees], begin, end)
