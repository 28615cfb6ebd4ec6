//! Arbitrary changes, cuts and fragments of a chunk: never a panic, never a byte that was not sealed.
#![no_main]
use bytes::Bytes;
use ecluse::model::{PartId, TenantId};
use ecluse::seal::{ChunkPlace, ChunkRead, Opener, Padding, Sealer};
use ecluse::secret::PartKey;
use libfuzzer_sys::fuzz_target;

const PART: PartId = PartId([1; 16]);
fuzz_target!(|input: (u32, u16, u32, u16, Vec<(u32, u8)>, Vec<u8>)| {
    let (length, start, end, fragment, changes, tail) = input;
    let (key, tenant) = (PartKey::from_slice(&[7; 32]).unwrap(), TenantId::parse("chum").unwrap());
    let plain: Vec<u8> = (0..length % 200_000).map(|n| (n % 251) as u8).collect();
    let mut sealer = Sealer::new(&key, &tenant, PART, Padding::None, None).unwrap();
    assert!(sealer.push(&mut Bytes::from(plain.clone())).unwrap().is_none());
    let Some(chunk) = sealer.finish().unwrap().0 else { return };
    let read = ChunkRead { plain_length: plain.len() as u64, wanted: start.into()..end.into() };
    let (range, right) = (read.sealed_range(), plain.get(start as usize..end as usize));
    let place = ChunkPlace { tenant: &tenant, part: PART, index: 0 };
    let Ok(mut opener) = Opener::new(&key, &place, read) else { return };
    let mut sealed = chunk.bytes[range.start as usize..range.end as usize].to_vec();
    changes.iter().for_each(|(at, change)| sealed.get_mut(*at as usize).into_iter().for_each(|byte| *byte ^= change));
    sealed.extend(tail);
    let mut out = Vec::new();
    let pushed = sealed.chunks(usize::from(fragment) + 1).all(|piece| {
        let pushed = opener.push(piece.to_vec().into());
        std::iter::from_fn(|| opener.pop()).for_each(|bytes| out.extend(bytes));
        pushed.is_ok()
    });
    assert!(right.unwrap().starts_with(&out) && (!(pushed && opener.finish().is_ok()) || out == right.unwrap()));
});
