//! The chunk format, from outside: vectors of an independent script, boundaries, fragmentation, and a hostile provider.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use ecluse::gateway::Note;
use ecluse::model::{NoteId, PartId, TenantId};
use ecluse::seal::layout::{CHUNK_BYTES, HEADER_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, TAG_BYTES, sealed_length};
use ecluse::seal::{
    AwsLc, ChunkKey, ChunkPlace, ChunkRead, Opener, Padding, RustCrypto, SealError, SealedChunk, SealedTotals, Sealer,
    SegmentCipher, chunk_name, layout, note_name, open_note, segment_nonce,
};
use ecluse::secret::{CatalogSecret, NamingKey, PartKey};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

const S: u64 = SEGMENT_BYTES as u64;
const PART: PartId = PartId([9; 16]);

static_assertions::assert_not_impl_any!(
    ChunkKey: std::fmt::Debug, Clone, std::fmt::Display, PartialEq, serde::Serialize
);
static_assertions::assert_not_impl_any!(Sealer: std::fmt::Debug, Clone, serde::Serialize);
static_assertions::assert_not_impl_any!(Opener: std::fmt::Debug, Clone, serde::Serialize);
static_assertions::assert_impl_all!(Sealer: Send);
static_assertions::assert_impl_all!(Opener: Send);

fn key() -> PartKey {
    PartKey::from_slice(&[3; 32]).unwrap()
}

fn tenant() -> TenantId {
    TenantId::parse("chum").unwrap()
}

/// SHA-256(u64be(0)) ‖ SHA-256(u64be(1)) ‖ ..., cut: as in `make_vectors.py`.
fn plaintext(length: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length.div_ceil(32)).flat_map(|n| Sha256::digest(n.to_be_bytes())).collect();
    bytes.truncate(length as usize);
    bytes
}

fn seal<C: SegmentCipher>(plain: &[u8], padding: Padding, fragment: usize) -> (Vec<SealedChunk>, SealedTotals) {
    let mut sealer = Sealer::<C>::with_cipher(&key(), &tenant(), PART, padding, None).unwrap();
    let mut chunks = Vec::new();
    for piece in plain.chunks(fragment.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            chunks.extend(sealer.push(&mut piece).unwrap());
        }
    }
    let (last, totals) = sealer.finish().unwrap();
    chunks.extend(last);
    (chunks, totals)
}

fn opener<C: SegmentCipher>(index: u32, read: &ChunkRead) -> Opener<C> {
    let tenant = tenant();
    Opener::with_cipher(&key(), &ChunkPlace { tenant: &tenant, part: PART, index }, read.clone()).unwrap()
}

/// Pushes in pieces that begin and end where `cuts` says; gives what came out, and how it ended.
fn run<C: SegmentCipher>(
    mut opener: Opener<C>,
    pieces: impl Iterator<Item = Bytes>,
) -> (Vec<u8>, Result<(), SealError>) {
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(cause) = opener.push(piece) {
            assert!(opener.pop().is_none(), "after an error not even what had been checked comes out");
            assert!(opener.push(Bytes::new()).is_err(), "a failed opener takes nothing more");
            opener.resume();
            assert!(opener.push(Bytes::new()).is_err(), "resuming does not revive a failed opener");
            assert!(opener.finish().is_err(), "a failed opener does not finish well");
            return (out, Err(cause));
        }
        while let Some(bytes) = opener.pop() {
            out.extend_from_slice(&bytes);
        }
    }
    (out, opener.finish())
}

fn fragments(bytes: &[u8], size: usize) -> impl Iterator<Item = Bytes> {
    bytes.chunks(size.max(1)).map(Bytes::copy_from_slice)
}

/// Opens `wanted` of a chunk from just the bytes of its sealed range.
fn open<C: SegmentCipher>(chunk: &SealedChunk, plain_length: u64, wanted: Range<u64>, fragment: usize) -> Vec<u8> {
    let read = ChunkRead { plain_length, wanted };
    let range = read.sealed_range();
    let sealed = &chunk.bytes[range.start as usize..range.end as usize];
    let (out, end) = run(opener::<C>(chunk.index, &read), fragments(sealed, fragment));
    end.unwrap();
    out
}

fn refused(sealed: &[u8], read: &ChunkRead, allowed: &[u8]) {
    for fragment in [sealed.len().max(1), SEALED_SEGMENT_BYTES, 1_000] {
        let (out, end) = run(opener::<AwsLc>(0, read), fragments(sealed, fragment));
        assert_eq!(end, Err(SealError::NotAuthentic));
        assert!(allowed.starts_with(&out), "only what was sealed comes out");
    }
}

#[test]
fn every_length_near_a_boundary_comes_back_from_either_implementation_sealed_by_the_other() {
    let lengths = [0, 1, 15, 16, 17, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, 5 * S];
    for length in lengths {
        let plain = plaintext(length);
        for padding in [Padding::None, Padding::Padme] {
            let (chunks, totals) = seal::<AwsLc>(&plain, padding, 10_007);
            assert_eq!(chunks, seal::<RustCrypto>(&plain, padding, 65_537).0, "both seal the same bytes");
            let padded = padding.padded_length(length);
            assert_eq!(totals, SealedTotals { length, padded_length: padded, chunks: u32::from(length > 0) });
            let Some(chunk) = chunks.first() else { continue };
            assert_eq!(chunk.bytes.len() as u64, sealed_length(padded));
            assert_eq!(open::<AwsLc>(chunk, padded, 0..length, 70_001), plain);
            assert_eq!(open::<RustCrypto>(chunk, padded, 0..length, usize::MAX), plain);
            let mut with_padding = plain.clone();
            with_padding.resize(padded as usize, 0);
            assert_eq!(open::<AwsLc>(chunk, padded, 0..padded, 333), with_padding, "padding is zeros");
        }
    }
}

#[test]
fn a_part_has_as_many_chunks_as_it_fills_and_only_the_last_is_padded() {
    for length in [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES] {
        let plain = plaintext(length);
        let (chunks, totals) = seal::<AwsLc>(&plain, Padding::Padme, 1_000_003);
        assert_eq!(chunks.len() as u32, layout::chunk_count(totals.padded_length));
        assert_eq!(totals.chunks as u64, length.div_ceil(CHUNK_BYTES));
        assert_eq!(totals.padded_length, Padding::Padme.padded_length(length));
        let mut whole = Vec::new();
        for (number, chunk) in chunks.iter().enumerate() {
            assert_eq!(chunk.index as usize, number);
            let plain_length = layout::chunk_plain_length(totals.padded_length, chunk.index);
            assert_eq!(chunk.bytes.len() as u64, sealed_length(plain_length));
            whole.extend(open::<AwsLc>(chunk, plain_length, 0..plain_length, 100_000));
        }
        whole.truncate(length as usize);
        assert!(whole == plain, "{length}");
    }
}

#[test]
fn every_range_between_boundaries_is_the_same_slice_of_the_plaintext() {
    let length = 3 * S + 7;
    let plain = plaintext(length);
    let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
    let edges = [0, 1, S - 1, S, S + 1, 2 * S - 1, 2 * S, 3 * S - 1, 3 * S, 3 * S + 1, length - 1, length];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end > start) {
            let slice = &plain[start as usize..end as usize];
            assert!(open::<AwsLc>(&chunks[0], length, start..end, usize::MAX) == slice, "{start}..{end}");
            assert!(open::<RustCrypto>(&chunks[0], length, start..end, 30_011) == slice, "{start}..{end}");
        }
    }
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "it must be refused")]
fn a_read_outside_of_the_chunk_is_refused() {
    let tenant = tenant();
    let place = ChunkPlace { tenant: &tenant, part: PART, index: 0 };
    for (plain_length, wanted) in [(0, 0..0), (9, 0..0), (9, 3..2), (9, 8..10), (CHUNK_BYTES + 1, 0..1)] {
        let refused = Opener::new(&key(), &place, ChunkRead { plain_length, wanted }).err();
        assert_eq!(refused, Some(SealError::OutOfRange));
    }
}

#[test]
fn a_transfer_that_broke_resumes_at_the_last_whole_segment() {
    let length = 3 * S + 7;
    let plain = plaintext(length);
    let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
    let sealed = &chunks[0].bytes;
    let second = HEADER_BYTES + SEALED_SEGMENT_BYTES;
    for (broke_at, resumes_at) in [
        (0, 0),
        (39, 0),
        (40, 40),
        (41, 40),
        (second - 1, 40),
        (second, second),
        (second + 1, second),
        (sealed.len(), sealed.len()),
    ] {
        let mut opener = opener::<AwsLc>(0, &ChunkRead { plain_length: length, wanted: 5..length - 1 });
        let mut out = BytesMut::new();
        opener.push(sealed.slice(..broke_at)).unwrap();
        assert_eq!(opener.opened_until(), resumes_at as u64, "broke at {broke_at}");
        opener.resume();
        opener.push(sealed.slice(resumes_at..)).unwrap();
        while let Some(bytes) = opener.pop() {
            out.extend_from_slice(&bytes);
        }
        opener.finish().unwrap();
        assert!(out == plain[5..length as usize - 1], "broke at {broke_at}");
    }
}

#[test]
fn owned_bytes_are_opened_where_they_lie() {
    let plain = plaintext(2 * S);
    let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
    let owned = Bytes::from(chunks[0].bytes.to_vec());
    let address = owned.as_ptr() as usize;
    let mut opener = opener::<AwsLc>(0, &ChunkRead { plain_length: 2 * S, wanted: 0..2 * S });
    opener.push(owned).unwrap();
    assert_eq!(opener.pop().unwrap().as_ptr() as usize, address + HEADER_BYTES);
    assert_eq!(opener.pop().unwrap().as_ptr() as usize, address + HEADER_BYTES + SEALED_SEGMENT_BYTES);

    let shared = chunks[0].bytes.clone();
    let before = shared.clone();
    open::<AwsLc>(&chunks[0], 2 * S, 0..2 * S, usize::MAX);
    assert_eq!(shared, before, "bytes that others hold stay as they were");
}

#[test]
fn every_flipped_bit_of_a_small_chunk_is_refused_and_releases_nothing() {
    let (chunks, _) = seal::<AwsLc>(b"Tremblay, Jeanne", Padding::None, 99);
    let sealed = &chunks[0].bytes;
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (out, end) =
            run(opener::<AwsLc>(0, &ChunkRead { plain_length: 16, wanted: 0..16 }), std::iter::once(changed.into()));
        assert_eq!((out, end), (Vec::new(), Err(SealError::NotAuthentic)), "bit {bit}");
    }
}

#[test]
fn every_truncation_near_a_boundary_and_every_extension_is_refused() {
    let length = 3 * S;
    let plain = plaintext(length);
    let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
    let sealed = &chunks[0].bytes;
    let read = ChunkRead { plain_length: length, wanted: 0..length };
    let boundaries = (0..=3).map(|n| HEADER_BYTES + n * SEALED_SEGMENT_BYTES).chain([0, 16]);
    for boundary in boundaries {
        for cut in [boundary.saturating_sub(1), boundary, boundary + 1] {
            if cut < sealed.len() {
                refused(&sealed[..cut], &read, &plain);
            } else if cut > sealed.len() {
                refused(&[sealed.as_ref(), &[0]].concat(), &read, &plain);
            }
        }
    }
    // A shorter chunk in the place of a longer one, and the other way round.
    let (shorter, _) = seal::<AwsLc>(&plain[..2 * SEGMENT_BYTES], Padding::None, usize::MAX);
    refused(&shorter[0].bytes, &read, &plain);
    refused(sealed, &ChunkRead { plain_length: 2 * S, wanted: 0..2 * S }, &plain);
}

#[test]
fn segments_of_other_places_are_refused() {
    let length = 2 * CHUNK_BYTES;
    let plain = plaintext(length);
    let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
    let read = ChunkRead { plain_length: CHUNK_BYTES, wanted: S..3 * S };
    let range = read.sealed_range();
    let (start, end) = (range.start as usize, range.end as usize);
    let right = &plain[SEGMENT_BYTES..3 * SEGMENT_BYTES];
    refused(&chunks[1].bytes[start..end], &read, right);
    let swapped =
        [&chunks[0].bytes[start + SEALED_SEGMENT_BYTES..end], &chunks[0].bytes[start..start + SEALED_SEGMENT_BYTES]];
    refused(&swapped.concat(), &read, right);
    let spliced =
        [&chunks[0].bytes[start..start + SEALED_SEGMENT_BYTES], &chunks[1].bytes[start + SEALED_SEGMENT_BYTES..end]];
    refused(&spliced.concat(), &read, right);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

    #[test]
    fn any_part_in_any_fragments_comes_back_whole_and_in_any_range(
        length in prop_oneof![1..3_000_u64, (S - 20)..(S + 20), 1..(4 * S)],
        pad in any::<bool>(),
        sealing in 1..200_000_usize,
        opening in 1..200_000_usize,
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let padding = if pad { Padding::Padme } else { Padding::None };
        let plain = plaintext(length);
        let (chunks, totals) = seal::<AwsLc>(&plain, padding, sealing);
        prop_assert_eq!(chunks.len(), 1);
        let (a, b) = (ends.0.index(length as usize), ends.1.index(length as usize));
        let (start, end) = (a.min(b), a.max(b) + 1);
        let slice = open::<AwsLc>(&chunks[0], totals.padded_length, start as u64..end as u64, opening);
        prop_assert!(slice == plain[start..end]);
    }

    #[test]
    fn any_change_anywhere_is_refused_and_releases_only_what_came_before(
        at in any::<prop::sample::Index>(), change in 1..=255_u8, opening in 1..200_000_usize,
    ) {
        let length = 2 * S + 99;
        let plain = plaintext(length);
        let (chunks, _) = seal::<AwsLc>(&plain, Padding::None, usize::MAX);
        let mut sealed = chunks[0].bytes.to_vec();
        let at = at.index(sealed.len());
        sealed[at] ^= change;
        let read = ChunkRead { plain_length: length, wanted: 0..length };
        let (out, end) = run(opener::<AwsLc>(0, &read), fragments(&sealed, opening));
        prop_assert_eq!(end, Err(SealError::NotAuthentic));
        let before = at.saturating_sub(HEADER_BYTES) / SEALED_SEGMENT_BYTES * SEGMENT_BYTES;
        prop_assert!(out.len() <= before && plain.starts_with(&out));
    }
}

// --- vectors ---

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/format-1.json")).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

struct Place {
    key: PartKey,
    tenant: TenantId,
    part: PartId,
    index: u32,
}

impl Place {
    fn of(value: &Value) -> Self {
        Self {
            key: PartKey::from_slice(&unhex(&value["part_key"])).unwrap(),
            tenant: TenantId::parse(value["tenant"].as_str().unwrap()).unwrap(),
            part: PartId(unhex(&value["part"]).try_into().unwrap()),
            index: value["index"].as_u64().unwrap() as u32,
        }
    }

    fn place(&self) -> ChunkPlace<'_> {
        ChunkPlace { tenant: &self.tenant, part: self.part, index: self.index }
    }
}

/// The chunk of a vector, made segment by segment as the vector says.
fn chunk_of<C: SegmentCipher>(vector: &Value, plain: &[u8]) -> Vec<u8> {
    let place = Place::of(&vector["sealed_at"]);
    let key = ChunkKey::derive(&place.key, &place.place()).unwrap();
    let header = vector.get("header").map_or(key.header(), |header| unhex(header).try_into().unwrap());
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let segments: Vec<(usize, usize, usize, bool)> = match vector.get("segments") {
        Some(segments) => segments
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (number(&s[0]), number(&s[1]), number(&s[2]), s[3].as_bool().unwrap()))
            .collect(),
        None => {
            let count = plain.len().div_ceil(SEGMENT_BYTES);
            let end = |n: usize| ((n + 1) * SEGMENT_BYTES).min(plain.len());
            (0..count).map(|n| (n * SEGMENT_BYTES, end(n), n, n + 1 == count)).collect()
        }
    };
    let cipher = C::new(&key).unwrap();
    let mut chunk = header.to_vec();
    for (start, end, number, last) in segments {
        let mut segment = plain[start..end].to_vec();
        let tag = cipher.seal(segment_nonce(number as u32, last), &header, &mut segment).unwrap();
        chunk.extend_from_slice(&segment);
        chunk.extend_from_slice(&tag);
    }
    chunk
}

fn edit(bytes: &mut Vec<u8>, step: &Value) {
    let number = |at: usize| step[at].as_u64().unwrap() as usize;
    match step[0].as_str().unwrap() {
        "xor" => bytes[number(1)] ^= number(2) as u8,
        "cut" => bytes.truncate(number(1)),
        "remove" => drop(bytes.drain(number(1)..number(2))),
        "append" => bytes.extend(unhex(&step[1])),
        "repeat" => bytes.extend_from_within(number(1)..number(2)),
        "exchange" => (0..number(3)).for_each(|n| bytes.swap(number(1) + n, number(2) + n)),
        other => panic!("unknown edit {other}"),
    }
}

fn check_chunk<C: SegmentCipher>(vector: &Value) {
    let name = vector["name"].as_str().unwrap();
    let number = |key: &str| vector[key].as_u64().unwrap();
    let mut plain = plaintext(number("length"));
    plain.resize(number("plain_length") as usize, 0);
    let padding = if vector["padding"] == "padme" { Padding::Padme } else { Padding::None };
    assert_eq!(padding.padded_length(number("length")), number("plain_length"), "{name}");

    let wanted = vector["wanted"][0].as_u64().unwrap()..vector["wanted"][1].as_u64().unwrap();
    let read = ChunkRead { plain_length: number("plain_length"), wanted };
    let range = read.sealed_range();
    let mut fetched = chunk_of::<C>(vector, &plain);
    if vector.get("segments").is_none() && vector.get("header").is_none() {
        fetched = fetched[range.start as usize..range.end as usize].to_vec();
    }
    for step in vector.get("edits").and_then(Value::as_array).into_iter().flatten() {
        edit(&mut fetched, step);
    }
    assert_eq!(fetched.len() as u64, number("fetched_length"), "{name}");
    assert_eq!(hex::encode(Sha256::digest(&fetched)), vector["fetched_sha256"], "{name}: not the script's bytes");
    if let Some(bytes) = vector.get("fetched") {
        assert_eq!(hex::encode(&fetched), *bytes.as_str().unwrap(), "{name}");
    }

    let place = Place::of(&vector["opened_at"]);
    let expected = if vector["expect"] == "opens" { Ok(()) } else { Err(SealError::NotAuthentic) };
    // Fed segment by segment, all that may be released is; fed otherwise, never more.
    let header = if range.start == 0 { HEADER_BYTES.min(fetched.len()) } else { 0 };
    let (head, body) = fetched.split_at(header);
    let by_segment = std::iter::once(Bytes::copy_from_slice(head)).chain(fragments(body, SEALED_SEGMENT_BYTES));
    let opener = || Opener::<C>::with_cipher(&place.key, &place.place(), read.clone()).unwrap();
    let (out, end) = run(opener(), by_segment);
    assert_eq!(end, expected, "{name}");
    assert_eq!(out.len() as u64, number("released_length"), "{name}: released");
    assert_eq!(hex::encode(Sha256::digest(&out)), vector["released_sha256"], "{name}: released");
    for size in [usize::MAX, 10_007] {
        let (other, end) = run(opener(), fragments(&fetched, size));
        assert_eq!(end, expected, "{name}");
        assert!(out.starts_with(&other), "{name}: released in fragments");
    }
}

#[test]
fn chunks_of_the_independent_script_open_or_are_refused_as_it_says() {
    let vectors = vectors();
    let chunks = vectors["chunks"].as_array().unwrap();
    let negative = chunks.iter().filter(|vector| vector["expect"] == "NotAuthentic").count();
    assert!(negative * 2 > chunks.len(), "most vectors are negative: {negative} of {}", chunks.len());
    for vector in chunks {
        check_chunk::<AwsLc>(vector);
        check_chunk::<RustCrypto>(vector);
    }
}

#[test]
fn the_sealer_makes_the_very_chunks_of_the_independent_script() {
    let mut compared = 0;
    for vector in vectors()["chunks"].as_array().unwrap() {
        let whole = vector["wanted"][0] == 0 && vector["wanted"][1] == vector["plain_length"];
        let place = Place::of(&vector["sealed_at"]);
        if vector["expect"] != "opens" || !whole || place.index != 0 {
            continue;
        }
        let length = vector["length"].as_u64().unwrap();
        let padding = if vector["padding"] == "padme" { Padding::Padme } else { Padding::None };
        let mut sealer = Sealer::new(&place.key, &place.tenant, place.part, padding, Some(length)).unwrap();
        let mut plain = Bytes::from(plaintext(length));
        let full = sealer.push(&mut plain).unwrap();
        let sealed = full.or(sealer.finish().unwrap().0).unwrap();
        assert_eq!(hex::encode(Sha256::digest(&sealed.bytes)), vector["fetched_sha256"], "{}", vector["name"]);
        compared += 1;
    }
    assert!(compared >= 18, "{compared}");
}

#[test]
fn derivations_names_paddings_and_ranges_are_those_of_the_independent_script() {
    let vectors = vectors();
    for vector in vectors["derivations"].as_array().unwrap() {
        let place = Place::of(vector);
        let derived = ChunkKey::derive(&place.key, &place.place()).unwrap();
        assert_eq!(hex::encode(derived.expose()), vector["aes_key"]);
        assert_eq!(hex::encode(derived.header()), vector["header"]);
    }
    for vector in vectors["names"].as_array().unwrap() {
        let key = NamingKey::from_slice(&unhex(&vector["naming_key"])).unwrap();
        let part = PartId(unhex(&vector["part"]).try_into().unwrap());
        let name = chunk_name(&key, part, vector["index"].as_u64().unwrap() as u32);
        assert_eq!(name.to_string(), vector["path"]);
    }
    for vector in vectors["paddings"].as_array().unwrap() {
        assert_eq!(Padding::Padme.padded_length(vector[0].as_u64().unwrap()), vector[1], "{vector}");
    }
    for vector in vectors["ranges"].as_array().unwrap() {
        let number = |at: usize| vector[at].as_u64().unwrap();
        assert_eq!(layout::sealed_range(number(0), &(number(1)..number(2))), number(3)..number(4), "{vector}");
    }
}

/// `docs/format.md` §11.
#[test]
fn notes_are_those_of_the_independent_script() {
    let vectors = vectors();
    let id = |kind: &Value, number: &Value| match (kind.as_u64().unwrap(), number.as_u64().unwrap()) {
        (1, _) => NoteId::Marker,
        (2, number) => NoteId::Epoch(number),
        (3, number) => NoteId::Objection(number),
        (_, number) => NoteId::Probe(number),
    };
    let notes = vectors["notes"].as_array().unwrap();
    assert_eq!(notes.iter().filter(|note| note["opens"].as_bool().unwrap()).count(), 5);
    for note in notes {
        let secret = CatalogSecret::from_slice(&unhex(&note["secret"])).unwrap();
        let sealed = unhex(&note["sealed"]);
        assert_eq!(note_name(&secret, id(&note["kind"], &note["number"])).unwrap().to_string(), note["path"]);
        let opened_as = id(&note["opened_as"][0], &note["opened_as"][1]);
        for opened in
            [open_note::<AwsLc>(&secret, opened_as, &sealed), open_note::<RustCrypto>(&secret, opened_as, &sealed)]
        {
            if !note["opens"].as_bool().unwrap() {
                assert_eq!(opened, Err(SealError::NotAuthentic), "{}", note["name"]);
                continue;
            }
            let (opened, content) = (opened.unwrap(), unhex(&note["content"]));
            assert!(opened.starts_with(&content) && opened.len() == 1024, "{}", note["name"]);
            let read = Note::decode(&opened).unwrap();
            assert_eq!((read.provider.as_str(), read.host.as_str()), ("abroad", "gateway-1"));
            assert_eq!(read.encode(), content);
        }
    }
}

#[test]
fn a_ciphertext_made_to_open_under_two_keys_opens_under_one_at_most() {
    let vectors = vectors();
    let collision = &vectors["collision"];
    let plain_length = collision["plain_length"].as_u64().unwrap();
    for (chunk, owner, other) in
        [("under_header_of_first", "first", "second"), ("under_header_of_second", "second", "first")]
    {
        let chunk = unhex(&collision[chunk]);
        let (body, tag) = chunk[HEADER_BYTES..].split_at(plain_length as usize);
        let tag: [u8; TAG_BYTES] = tag.try_into().unwrap();
        let open = |whose: &str| {
            let place = Place::of(&collision[whose]);
            let key = ChunkKey::derive(&place.key, &place.place()).unwrap();
            let mut segment = body.to_vec();
            let cipher = RustCrypto::new(&key).unwrap();
            cipher.open(segment_nonce(0, true), &key.header(), &mut segment, &tag).expect("AES-GCM itself accepts it");
            let read = ChunkRead { plain_length, wanted: 0..plain_length };
            let opener = Opener::new(&place.key, &place.place(), read).unwrap();
            (segment, run(opener, std::iter::once(chunk.clone().into())))
        };
        let (owned, (out, end)) = open(owner);
        assert_eq!((out, end), (owned.clone(), Ok(())), "under the key that its header commits to");
        let (other, (out, end)) = open(other);
        assert_ne!(owned, other, "two keys, two plaintexts");
        assert_eq!((out, end), (Vec::new(), Err(SealError::NotAuthentic)), "the commitment refuses the other");
    }
}
