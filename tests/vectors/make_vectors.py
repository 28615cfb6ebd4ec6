#!/usr/bin/env python3
"""Makes the vectors of docs/format.md, format 1, without any of the code they test.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install cryptography
    /tmp/vectors/bin/python tests/vectors/make_vectors.py           # writes format-1.json
    /tmp/vectors/bin/python tests/vectors/make_vectors.py --check   # compares with it

Deterministic: keys and plaintexts come from SHA-256 of labels. Large chunks are not stored: a vector says how its
sealed bytes come about (`segments`, `header`, then `edits` of the bytes fetched) and gives their SHA-256, so that a
test rebuilds them and knows that it has the very bytes that were sealed here.
"""

import hashlib
import hmac
import json
import pathlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEGMENT, CHUNK, TAG, HEADER = 64 * 1024, 8 * 1024 * 1024, 16, 40
PATH = pathlib.Path(__file__).with_name("format-1.json")


def fixed(label, length=32):
    return hashlib.sha256(b"vector " + label.encode()).digest()[:length]


def plaintext(length):
    """SHA-256(u64be(0)) ‖ SHA-256(u64be(1)) ‖ ..., cut."""
    blocks = (hashlib.sha256(n.to_bytes(8, "big")).digest() for n in range(-(-length // 32)))
    return b"".join(blocks)[:length]


def sha(data):
    return hashlib.sha256(data).hexdigest()


# --- the format, from the document ------------------------------------------------------------------------------


def lp(text):
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def derive(key, salt, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)


def chunk_key(place):
    info = b"\x01" + lp(place["tenant"]) + bytes.fromhex(place["part"]) + place["index"].to_bytes(4, "big")
    okm = derive(bytes.fromhex(place["part_key"]), b"ecluse/1", info, 64)
    return okm[:32], okm[32:]


def header_of(commitment):
    return b"ECLU\x01\x01\x00\x00" + commitment


def nonce(number, last):
    return number.to_bytes(4, "big") + bytes(7) + bytes([last])


def padme(length):
    exponent = length.bit_length() - 1
    zeros = exponent - exponent.bit_length()
    return (length + (1 << zeros) - 1) >> zeros << zeros


def padded(length):
    rest = length % CHUNK
    return length if rest == 0 else length - rest + padme(max(rest, 1024))


def layout(plain):
    """(from, to, number, last) of each segment."""
    starts = range(0, plain, SEGMENT)
    return [[s, min(s + SEGMENT, plain), n, s + SEGMENT >= plain] for n, s in enumerate(starts)]


def sealed_range(plain, start, end):
    first, last = start // SEGMENT, (end - 1) // SEGMENT
    begin = 0 if first == 0 else HEADER + first * (SEGMENT + TAG)
    return begin, min(HEADER + (last + 1) * (SEGMENT + TAG), HEADER + plain + TAG * len(layout(plain)))


def seal(place, plain, segments=None, header=None):
    aes, commitment = chunk_key(place)
    header = header_of(commitment) if header is None else header
    body = b"".join(AESGCM(aes).encrypt(nonce(n, last), plain[a:b], header)
                    for a, b, n, last in segments or layout(len(plain)))
    return header + body


def wrap(key, label, context, secret, salt, iv):
    return salt + iv + AESGCM(derive(key, salt, label, 32)).encrypt(iv, secret, context)


# --- chunk vectors ------------------------------------------------------------------------------------------------

PLACE = {"part_key": fixed("part key").hex(), "tenant": "chum", "part": fixed("part", 16).hex(), "index": 0}


def edit(data, edits):
    data = bytearray(data)
    for kind, *args in edits:
        if kind == "xor":
            data[args[0]] ^= args[1]
        elif kind == "cut":
            del data[args[0]:]
        elif kind == "remove":
            del data[args[0]:args[1]]
        elif kind == "append":
            data += bytes.fromhex(args[0])
        elif kind == "repeat":  # what lies at [a, b) comes once more, at the end
            data += data[args[0]:args[1]]
        elif kind == "exchange":  # a, b, length
            a, b, n = args
            data[a:a + n], data[b:b + n] = data[b:b + n], data[a:a + n]
        else:
            raise ValueError(kind)
    return bytes(data)


def released(plain_length, wanted, plain, good_segments):
    """Plaintext that may leave before the error: that of the first `good_segments` segments of the read."""
    first = wanted[0] // SEGMENT
    return plain[wanted[0]:max(wanted[0], min(wanted[1], (first + good_segments) * SEGMENT, plain_length))]


def vector(name, length, good=None, wanted=None, padding="none", edits=(), segments=None, header=None, sealed_at=None,
           opened_at=None):
    """`good`: None when all must open; else how many segments of the read open before the error."""
    sealed_at = {**PLACE, **(sealed_at or {})}
    plain_length = length if padding == "none" else padded(length)
    plain = plaintext(length) + bytes(plain_length - length)
    wanted = wanted or [0, plain_length]
    chunk = seal(sealed_at, plain, segments, header)
    begin, end = sealed_range(plain_length, *wanted)
    fetched = edit(chunk[begin:end] if segments is None and header is None else chunk, edits)
    out = released(plain_length, wanted, plain, 1 << 20 if good is None else good)
    entry = {"name": name, "sealed_at": sealed_at, "opened_at": {**sealed_at, **(opened_at or {})}, "length": length,
             "padding": padding, "plain_length": plain_length, "wanted": wanted}
    if segments is not None:
        entry["segments"] = segments
    if header is not None:
        entry["header"] = header.hex()
    if edits:
        entry["edits"] = [list(e) for e in edits]
    entry |= {"fetched_length": len(fetched), "fetched_sha256": sha(fetched)}
    if len(fetched) <= 1200:
        entry["fetched"] = fetched.hex()
    entry |= {"expect": "opens" if good is None else "NotAuthentic", "released_length": len(out),
              "released_sha256": sha(out)}
    return entry


def chunks():
    s, sealed = SEGMENT, SEGMENT + TAG
    yield from (vector(f"{n} bytes, no padding", n) for n in (1, 15, 16, 17, s - 1, s, s + 1, 2 * s - 1, 2 * s, 3 * s + 7))
    yield from (vector(f"{n} bytes, padded", n, padding="padme") for n in (1, 1023, 1024, 1025, 65_000, s + 1, 200_000))
    yield vector("a full chunk", CHUNK)
    yield vector("a chunk one byte short of full is padded to full", CHUNK - 1, padding="padme")
    yield vector("another index", 100, sealed_at={"index": 4_294_967_295})
    yield vector("another tenant", 100, sealed_at={"tenant": "ciusss-de-l_estrie.2"})
    big = 3 * s + 7
    for name, wanted in {
        "first byte": [0, 1], "last byte": [big - 1, big], "across the first boundary": [s - 1, s + 1],
        "exactly the second segment": [s, 2 * s], "one byte of the second": [s + 9, s + 10],
        "the last, short segment": [3 * s, big], "from the second to the end": [s, big],
    }.items():
        yield vector(f"ranged: {name}", big, wanted=wanted)

    for at, what in ((0, "magic"), (4, "format"), (5, "suite"), (6, "reserved"), (7, "reserved, second"),
                     (8, "commitment"), (39, "commitment, end")):
        yield vector(f"header: {what} changed", 100, good=0, edits=[("xor", at, 1)])
    yield vector("header: format 0", 100, good=0, edits=[("xor", 4, 1)])
    yield vector("header: format 2", 100, good=0, edits=[("xor", 4, 3)])
    yield vector("header: suite 255", 100, good=0, edits=[("xor", 5, 254)])
    _, commitment = chunk_key(PLACE)
    for name, header in (("format 2", b"ECLU\x02\x01\x00\x00"), ("suite 2", b"ECLU\x01\x02\x00\x00"),
                         ("reserved bytes not zero", b"ECLU\x01\x01\x00\x01"), ("another magic", b"ECLX\x01\x01\x00\x00")):
        yield vector(f"sealed by us, under the right key, with a header of {name}", 100, good=0, header=header + commitment)
    yield vector("sealed by us, under the right key, with a commitment of zeros", 100, good=0,
                 header=header_of(bytes(32)))
    yield vector("ciphertext: first bit", 100, good=0, edits=[("xor", 40, 128)])
    yield vector("ciphertext: last bit", 100, good=0, edits=[("xor", 139, 1)])
    yield vector("tag: first bit", 100, good=0, edits=[("xor", 140, 128)])
    yield vector("tag: last bit", 100, good=0, edits=[("xor", 155, 1)])
    for n in range(4):
        yield vector(f"bit flipped in segment {n} of 4", big, good=n, edits=[("xor", 40 + n * sealed + 3, 4)])
    yield vector("ranged: bit flipped in the second of two", big, good=1, wanted=[s, 3 * s], edits=[("xor", sealed, 1)])
    yield vector("ranged: bit flipped outside of what is wanted, within its segment", big, good=0, wanted=[s, s + 1],
                 edits=[("xor", sealed - 20, 1)])

    for name, to, good in (
        ("nothing", 0, 0), ("half a header", 20, 0), ("the header alone", 40, 0), ("a byte after the header", 41, 0),
        ("a byte before the first boundary", 40 + sealed - 1, 0), ("the first boundary", 40 + sealed, 1),
        ("a byte after the first boundary", 40 + sealed + 1, 1), ("the second boundary", 40 + 2 * sealed, 2),
        ("the third boundary", 40 + 3 * sealed, 3), ("the last tag", 40 + 3 * sealed + 7, 3),
        ("one byte", 40 + 3 * sealed + 22, 3),
    ):
        yield vector(f"cut: {name}", big, good=good, edits=[("cut", to)])
    yield vector("cut: a chunk of two full segments after the first", 2 * s, good=1, edits=[("cut", 40 + sealed)])
    yield vector("ranged: nothing came", big, good=0, wanted=[s, 2 * s], edits=[("cut", 0)])
    yield vector("extended by one byte", 100, good=0, edits=[("append", "00")])
    yield vector("extended by a segment of its own, again", big, good=3, edits=[("repeat", 40 + 3 * sealed, 40 + 3 * sealed + 23)])
    yield vector("extended by its first segment, again", 2 * s, good=2, edits=[("repeat", 40, 40 + sealed)])
    yield vector("ranged: more came than was asked for", big, good=1, wanted=[s, 2 * s], edits=[("append", "ff")])

    yield vector("first two segments exchanged", big, good=0, edits=[("exchange", 40, 40 + sealed, sealed)])
    yield vector("second and third exchanged", big, good=1, edits=[("exchange", 40 + sealed, 40 + 2 * sealed, sealed)])
    yield vector("ranged: two segments exchanged", big, good=0, wanted=[s, 3 * s], edits=[("exchange", 0, sealed, sealed)])
    yield vector("ranged: another segment of the chunk came", big, good=0, wanted=[s, 2 * s],
                 segments=[[2 * s, 3 * s, 2, False]], edits=[("remove", 0, 40)])
    yield vector("a segment left out", big, good=1, edits=[("remove", 40 + sealed, 40 + 2 * sealed)])

    yield vector("last flag missing on the last", s + 9, good=1, segments=[[0, s, 0, False], [s, s + 9, 1, False]])
    yield vector("last flag set on the first", s + 9, good=0, segments=[[0, s, 0, True], [s, s + 9, 1, True]])
    yield vector("last flag missing on the only one", 100, good=0, segments=[[0, 100, 0, False]])
    yield vector("numbered from 1", 100, good=0, segments=[[0, 100, 1, True]])
    yield vector("two segments with the same number", 2 * s, good=1, segments=[[0, s, 0, False], [s, 2 * s, 0, True]])
    yield vector("segments of half the size", s, good=0, segments=[[0, s // 2, 0, False], [s // 2, s, 1, True]])
    yield vector("an empty last segment", s, good=0, segments=[[0, s, 0, False], [s, s, 1, True]])

    for name, opened in (("chunk of the part", {"index": 1}), ("part", {"part": fixed("other part", 16).hex()}),
                         ("tenant", {"tenant": "chus"}), ("part key", {"part_key": fixed("other key").hex()})):
        yield vector(f"the same bytes for another {name}", 100, good=0, opened_at=opened)
        yield vector(f"ranged: the same bytes for another {name}", big, good=0, wanted=[s, 2 * s], opened_at=opened)


# --- a ciphertext that opens under two keys -------------------------------------------------------------------------


def times(a, b):
    """Product in GF(2^128) with the bit order of GCM (NIST SP 800-38D §6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if b >> bit & 1:
            product ^= a
        a = a >> 1 ^ (0xE1 << 120 if a & 1 else 0)
    return product


def power(a, exponent):
    result = 1 << 127
    while exponent:
        result, a, exponent = times(result, a) if exponent & 1 else result, times(a, a), exponent >> 1
    return result


def aes_block(key, block):
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def gcm_tag(key, iv, header, ciphertext):
    whole = lambda data: data + bytes(-len(data) % 16)
    blocks = whole(header) + whole(ciphertext) + (len(header) * 8).to_bytes(8, "big") + (len(ciphertext) * 8).to_bytes(8, "big")
    h, y = int.from_bytes(aes_block(key, bytes(16)), "big"), 0
    for at in range(0, len(blocks), 16):
        y = times(y ^ int.from_bytes(blocks[at:at + 16], "big"), h)
    return y ^ int.from_bytes(aes_block(key, iv + b"\x00\x00\x00\x01"), "big"), h


def collision():
    """1 KiB and a tag that AES-GCM accepts under the chunk keys of two parts, each with the header of its own key as
    additional data: the last block makes the tags agree. Only the comparison of the stored header tells them apart."""
    first, second = PLACE, {**PLACE, "part_key": fixed("colluding key").hex(), "part": fixed("colluding part", 16).hex()}
    (key_1, commitment_1), (key_2, commitment_2) = chunk_key(first), chunk_key(second)
    keys = ((key_1, header_of(commitment_1)), (key_2, header_of(commitment_2)))
    iv, body = nonce(0, True), plaintext(1024 - 16)
    (tag_1, h_1), (tag_2, h_2) = (gcm_tag(key, iv, header, body + bytes(16)) for key, header in keys)
    block = times(tag_1 ^ tag_2, power(power(h_1, 2) ^ power(h_2, 2), 2**128 - 2))
    ciphertext = body + block.to_bytes(16, "big")
    sealed = ciphertext + gcm_tag(key_1, iv, keys[0][1], ciphertext)[0].to_bytes(16, "big")
    for key, header in keys:
        AESGCM(key).decrypt(iv, sealed, header)  # raises unless it is a true collision
    return {"first": first, "second": second, "plain_length": 1024,
            "under_header_of_first": (keys[0][1] + sealed).hex(), "under_header_of_second": (keys[1][1] + sealed).hex()}


# --- the rest -------------------------------------------------------------------------------------------------------


def changed(data, at, value=1):
    return edit(data, [("xor", at, value)])


def wrapped():
    key, part, secret = fixed("tenant key"), fixed("part", 16), fixed("part key")
    salt, iv = fixed("salt", 16), fixed("nonce", 12)
    context = lambda tenant, id, version: lp(tenant) + id + version.to_bytes(4, "big")
    good = wrap(key, b"ecluse/1/wrap", context("chum", part, 1), secret, salt, iv)
    asked = {"tenant_key": key.hex(), "tenant": "chum", "part": part.hex(), "key_version": 1}
    yield {"name": "opens", **asked, "wrapped": good.hex(), "part_key": secret.hex()}
    for name, other in (("tenant", {"tenant": "chus"}), ("part", {"part": fixed("other part", 16).hex()}),
                        ("key version", {"key_version": 2}), ("tenant key", {"tenant_key": fixed("other").hex()})):
        yield {"name": f"asked for another {name}", **asked, **other, "wrapped": good.hex()}
    for name, data in (
        ("salt changed", changed(good, 0)), ("nonce changed", changed(good, 16)), ("ciphertext changed", changed(good, 28)),
        ("tag changed", changed(good, 75, 128)), ("cut by one byte", good[:-1]), ("one byte more", good + b"\0"),
        ("empty", b""), ("zeros", bytes(76)),
        ("another label", wrap(key, b"ecluse/1/root", context("chum", part, 1), secret, salt, iv)),
        ("no context", wrap(key, b"ecluse/1/wrap", b"", secret, salt, iv)),
        ("a key of 31 bytes", wrap(key, b"ecluse/1/wrap", context("chum", part, 1), secret[:31], salt, iv)),
        ("a key of 33 bytes", wrap(key, b"ecluse/1/wrap", context("chum", part, 1), secret + b"\0", salt, iv)),
        ("the tenant's length not in front", wrap(key, b"ecluse/1/wrap", b"chum" + part + b"\0\0\0\1", secret, salt, iv)),
    ):
        yield {"name": name, **asked, "wrapped": data.hex()}


def custody():
    """A root key file, and what it wraps: a tenant's keys and the canary."""
    import base64
    root = fixed("root key")
    checksum = hashlib.sha256(b"ecluse/1/root-key-checksum" + root).hexdigest()[:8]
    under_root = lambda context, secret, n: wrap(root, b"ecluse/1/root", context, secret, fixed(f"s{n}", 16), fixed(f"n{n}", 12)).hex()
    context = lambda purpose: lp("tenant key") + lp("chum") + lp(purpose) + (1).to_bytes(4, "big")
    return {
        "root_key_file": f"ecluse-root-key-1 {base64.b64encode(root).decode()} {checksum}\n",
        "tenant": "chum",
        "wrap": {"version": 1, "key": fixed("tenant key").hex(), "wrapped": under_root(context("wrap"), fixed("tenant key"), 1)},
        "name": {"version": 1, "key": fixed("naming key").hex(), "wrapped": under_root(context("name"), fixed("naming key"), 2)},
        "canary": under_root(lp("canary"), b"ecluse/1/canary: this opens under one root key only", 3),
        "canary_of_another_root_key": wrap(fixed("another root"), b"ecluse/1/root", lp("canary"),
                                           b"ecluse/1/canary: this opens under one root key only", fixed("s4", 16), fixed("n4", 12)).hex(),
        "canary_that_says_something_else": under_root(lp("canary"), b"hello", 5),
        "canary_of_the_zero_key": wrap(bytes(32), b"ecluse/1/root", lp("canary"),
                                       b"ecluse/1/canary: this opens under one root key only", fixed("s6", 16), fixed("n6", 12)).hex(),
    }


def derivations():
    for place in (PLACE, {**PLACE, "index": 1}, {**PLACE, "index": 2**32 - 1}, {**PLACE, "tenant": "a"},
                  {**PLACE, "tenant": "a" * 64}, {**PLACE, "part": "00" * 16}):
        aes, commitment = chunk_key(place)
        yield {**place, "aes_key": aes.hex(), "header": header_of(commitment).hex()}


def names():
    key = fixed("naming key")
    for part, index in ((fixed("part", 16), 0), (fixed("part", 16), 1), (bytes(16), 2**32 - 1)):
        name = hmac.new(key, part + index.to_bytes(4, "big"), hashlib.sha256).hexdigest()[:40]
        yield {"naming_key": key.hex(), "part": part.hex(), "index": index, "path": f"{name[:2]}/{name[2:]}"}


def notes():
    """Of docs/format.md §11; each is opened under its own id, then, changed or not, under `opened_as`."""
    secret = fixed("catalog secret")
    key = derive(secret, b"ecluse/1/note", b"name", 32)
    host, provider = "gateway-1", "abroad"
    content = fixed("catalog id", 16) + fixed("nonce", 16) + (1_796_066_649_000).to_bytes(8, "big") + lp(provider) + lp(host)

    def note(name, kind, number, opened_as=None, edits=()):
        note_id = kind.to_bytes(8, "big") + number.to_bytes(8, "big")
        salt = fixed(f"note salt {name}")
        header = header_of(salt)
        aes = derive(secret, salt, b"ecluse/1/note" + note_id, 32)
        sealed = header + AESGCM(aes).encrypt(bytes(11) + b"\x01", content + bytes(1024 - len(content)), header)
        path = hmac.new(key, note_id + bytes(4), hashlib.sha256).hexdigest()[:40]
        opened_as = opened_as or [kind, number]
        good = not edits and opened_as == [kind, number]
        return {"name": name, "secret": secret.hex(), "kind": kind, "number": number, "path": f"{path[:2]}/{path[2:]}",
                "opened_as": opened_as, "sealed": edit(sealed, edits).hex(), "opens": good,
                **({"content": content.hex(), "provider": provider, "host": host} if good else {})}

    yield note("marker", 1, 0)
    yield note("epoch", 2, 1)
    yield note("epoch of many", 2, 2**40 + 7)
    yield note("objection", 3, 2)
    yield note("trial", 4, 2**64 - 1)
    yield note("epoch for another", 2, 5, opened_as=[2, 6])
    yield note("epoch as a marker", 2, 0, opened_as=[1, 0])
    yield note("another salt", 1, 0, edits=[("xor", 8, 1)])
    yield note("another format", 1, 0, edits=[("xor", 4, 2)])
    yield note("reserved bytes", 1, 0, edits=[("xor", 6, 1)])
    yield note("another tag", 1, 0, edits=[("xor", 1079, 1)])
    yield note("cut", 1, 0, edits=[("cut", 1079)])
    yield note("extended", 1, 0, edits=[("append", "00")])


def paddings():
    lengths = [0, 1, 1023, 1024, 1025, 1056, 1057, 9999, 65535, 65536, 65537, 100_000, 1_000_000, CHUNK - 1, CHUNK,
               CHUNK + 1, CHUNK + 1025, 3 * CHUNK, 3 * CHUNK + 123_456]
    return [[length, padded(length)] for length in lengths]


def ranges():
    for plain in (1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7, CHUNK):
        edges = sorted({p for p in (0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, plain - 1, plain) if p <= plain})
        for start in edges:
            for end in edges:
                if start < end:
                    yield [plain, start, end, *sealed_range(plain, start, end)]


def dump(value):
    """One vector to a line: differences read well."""
    lines = [f' "{key}": [\n  ' + ",\n  ".join(json.dumps(v) for v in entry) + "\n ]" if isinstance(entry, list)
             else f' "{key}": {json.dumps(entry)}' for key, entry in value.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    text = dump({
        "format": 1, "made_by": "make_vectors.py", "derivations": list(derivations()), "names": list(names()),
        "paddings": paddings(), "ranges": list(ranges()), "chunks": list(chunks()), "collision": collision(),
        "wrapped_keys": list(wrapped()), "custody": custody(),
        "notes": list(notes()),
    })
    if sys.argv[1:] == ["--check"]:
        same = PATH.read_text() == text
        print("format-1.json is as it should be" if same else "format-1.json DIFFERS from what this script makes")
        return 0 if same else 1
    PATH.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
