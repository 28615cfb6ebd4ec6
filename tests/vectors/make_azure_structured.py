#!/usr/bin/env python3
"""Makes the vectors of Azure's structured messages, with Microsoft's own client and with none of the code they test.

    python3 -m venv /tmp/vectors
    /tmp/vectors/bin/pip install azure-storage-blob==12.31.1 azure-storage-extensions==0.1.0
    /tmp/vectors/bin/python tests/vectors/make_azure_structured.py           # writes azure/structured.json
    /tmp/vectors/bin/python tests/vectors/make_azure_structured.py --check   # compares with it

Each message is what `StructuredMessageEncodeStream` of the SDK reads out, and what its `StructuredMessageDecoder` reads back.
Plaintexts are fixed: byte n is n * 131 + 17, modulo 251.
"""

import io
import json
import pathlib
import sys

from azure.storage.blob._shared.streams import (
    StructuredMessageDecoder,
    StructuredMessageEncodeStream,
    StructuredMessageProperties,
)

PATH = pathlib.Path(__file__).parent / "azure" / "structured.json"
WHOLE = 4 * 1024 * 1024
# Name, length of the plaintext, size of a segment.
CASES = [
    ("nothing", 0, WHOLE),
    ("one byte", 1, WHOLE),
    ("one segment, part of it", 300, WHOLE),
    ("exactly one segment", 64, 64),
    ("two segments", 65, 64),
    ("exactly two segments", 32, 16),
    ("segments of one byte", 5, 1),
    ("three hundred segments", 600, 2),
]


def plaintext(length: int) -> bytes:
    return bytes((n * 131 + 17) % 251 for n in range(length))


def case(name: str, length: int, segment: int) -> dict:
    plain = plaintext(length)
    stream = StructuredMessageEncodeStream(
        io.BytesIO(plain), length, StructuredMessageProperties.CRC64, segment_size=segment
    )
    message = stream.read()
    assert len(message) == len(stream)
    assert StructuredMessageDecoder(iter([message]), len(message)).read() == plain
    return {"name": name, "segment_bytes": segment, "plaintext": plain.hex(), "message": message.hex()}


def main() -> int:
    text = json.dumps({"sdk": "azure-storage-blob 12.31.1", "messages": [case(*one) for one in CASES]}, indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        same = PATH.read_text(encoding="utf-8") == text
        print("the vectors are as made" if same else "the vectors differ")
        return 0 if same else 1
    PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
