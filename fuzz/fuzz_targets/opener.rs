//! Arbitrary changes, cuts and fragments of a chunk: never a panic, never a byte that was not sealed.
#![no_main]

use bytes::Bytes;
use ecluse::model::{PartId, TenantId};
use ecluse::seal::{ChunkPlace, ChunkRead, Opener, Padding, Sealer};
use ecluse::secret::PartKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, u32, u32, u16, Vec<(u32, u8)>, Vec<u8>)| {
    let (length, start, end, fragment, changes, tail) = input;
    let key = PartKey::from_slice(&[7; 32]).unwrap();
    let tenant = TenantId::parse("chum").unwrap();
    let plain: Vec<u8> = (0..length % 200_000).map(|n| (n % 251) as u8).collect();
    let mut sealer = Sealer::new(&key, &tenant, PartId([1; 16]), Padding::None, None).unwrap();
    assert!(sealer.push(&mut Bytes::from(plain.clone())).unwrap().is_none());
    let Some(chunk) = sealer.finish().unwrap().0 else { return };
    let read = ChunkRead { plain_length: plain.len() as u64, wanted: u64::from(start)..u64::from(end) };
    let (range, wanted) = (read.sealed_range(), start as usize..end as usize);
    let Ok(mut opener) = Opener::new(&key, &ChunkPlace { tenant: &tenant, part: PartId([1; 16]), index: 0 }, read)
    else {
        return;
    };
    let mut sealed = chunk.bytes[range.start as usize..range.end as usize].to_vec();
    for (at, change) in changes {
        sealed.get_mut(at as usize).into_iter().for_each(|byte| *byte ^= change)
    }
    sealed.extend(tail);
    let (mut out, pieces) = (Vec::new(), sealed.chunks(usize::from(fragment) + 1));
    let good = pieces
        .map(|piece| {
            (
                opener.push(Bytes::copy_from_slice(piece)),
                std::iter::from_fn(|| opener.pop()).for_each(|b| out.extend(b)),
            )
                .0
        })
        .all(|r| r.is_ok());
    assert!(plain[wanted.clone()].starts_with(&out));
    assert!(!(good && opener.finish().is_ok()) || out == plain[wanted]);
});
