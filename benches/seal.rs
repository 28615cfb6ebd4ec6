//! How fast chunks are sealed and opened, beside the bulk library's raw speed.
//!
//! `raw` is aws-lc-rs over 64 KiB pieces of a buffer that lies there, in place: nothing but the cipher. `raw with copy`
//! first copies the plaintext into a fresh buffer, as whoever receives bytes from a network must. The aim: `seal aws-lc`
//! within 25 % of it. Sizes above 8 MiB are several chunks.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ecluse::model::{PartId, TenantId};
use ecluse::seal::layout::{SEALED_SEGMENT_BYTES, SEGMENT_BYTES, TAG_BYTES, chunk_plain_length};
use ecluse::seal::{
    AwsLc, ChunkPlace, ChunkRead, Opener, Padding, RustCrypto, SealedChunk, Sealer, SegmentCipher, segment_nonce,
};
use ecluse::secret::PartKey;
use md5::{Digest as _, Md5};

const SIZES: [usize; 5] = [1 << 10, 64 << 10, 1 << 20, 8 << 20, 64 << 20];
const PART: PartId = PartId([1; 16]);

fn seal<C: SegmentCipher>(key: &PartKey, tenant: &TenantId, mut plain: Bytes, mut take: impl FnMut(SealedChunk)) {
    let length = plain.len() as u64;
    let mut sealer = Sealer::<C>::with_cipher(key, tenant, PART, Padding::None, Some(length)).unwrap();
    while !plain.is_empty() {
        sealer.push(&mut plain).unwrap().into_iter().for_each(&mut take);
    }
    sealer.finish().unwrap().0.into_iter().for_each(&mut take);
}

fn open<C: SegmentCipher>(key: &PartKey, tenant: &TenantId, length: u64, chunks: Vec<SealedChunk>) {
    for chunk in chunks {
        let plain_length = chunk_plain_length(length, chunk.index);
        let place = ChunkPlace { tenant, part: PART, index: chunk.index };
        let read = ChunkRead { plain_length, wanted: 0..plain_length };
        let mut opener = Opener::<C>::with_cipher(key, &place, read).unwrap();
        opener.push(chunk.bytes).unwrap();
        while let Some(bytes) = opener.pop() {
            black_box(bytes);
        }
        opener.finish().unwrap();
    }
}

/// The same number of bytes, as the library alone does it.
fn raw(key: &LessSafeKey, buffer: &mut [u8], piece: usize) {
    for (number, segment) in (0..).zip(buffer.chunks_mut(piece)) {
        let nonce = Nonce::assume_unique_for_key(segment_nonce(number, false));
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from([0; 40]), segment).unwrap();
        let _sealed = black_box(tag);
    }
}

fn benchmarks(criterion: &mut Criterion) {
    let key = PartKey::from_slice(&[7; 32]).unwrap();
    let tenant = TenantId::parse("chum").unwrap();
    let raw_key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).unwrap());
    let mut group = criterion.benchmark_group("seal");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        group.sample_size(if size > 1 << 20 { 10 } else { 50 });
        let plain = Bytes::from(vec![0x5a; size]);
        let length = size as u64;

        let mut buffer = plain.to_vec();
        group.bench_function(BenchmarkId::new("raw", size), |bencher| {
            bencher.iter(|| raw(&raw_key, &mut buffer, SEGMENT_BYTES));
        });
        group.bench_function(BenchmarkId::new("raw with copy", size), |bencher| {
            bencher.iter(|| {
                for chunk in plain.chunks(8 << 20) {
                    let mut buffer = Vec::with_capacity(chunk.len() + chunk.len().div_ceil(SEGMENT_BYTES) * TAG_BYTES);
                    for segment in chunk.chunks(SEGMENT_BYTES) {
                        buffer.extend_from_slice(segment);
                        buffer.extend_from_slice(&[0; TAG_BYTES]);
                    }
                    raw(&raw_key, &mut buffer, SEALED_SEGMENT_BYTES);
                    black_box(buffer);
                }
            });
        });
        group.bench_function(BenchmarkId::new("seal aws-lc", size), |bencher| {
            bencher.iter(|| seal::<AwsLc>(&key, &tenant, plain.clone(), |chunk| drop(black_box(chunk))));
        });
        // What a chunk for a provider over the network costs beside sealing: what it answers is held against this.
        group.bench_function(BenchmarkId::new("md5", size), |bencher| {
            bencher.iter(|| black_box(Md5::digest(&plain)));
        });
        group.bench_function(BenchmarkId::new("seal rust-crypto", size), |bencher| {
            bencher.iter(|| seal::<RustCrypto>(&key, &tenant, plain.clone(), |chunk| drop(black_box(chunk))));
        });
        let sealed = || {
            let mut chunks = Vec::new();
            seal::<AwsLc>(&key, &tenant, plain.clone(), |chunk| chunks.push(chunk));
            chunks
        };
        group.bench_function(BenchmarkId::new("open aws-lc", size), |bencher| {
            bencher.iter_batched(
                sealed,
                |chunks| open::<AwsLc>(&key, &tenant, length, chunks),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("open rust-crypto", size), |bencher| {
            let work = |chunks| open::<RustCrypto>(&key, &tenant, length, chunks);
            bencher.iter_batched(sealed, work, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(seal_benches, benchmarks);
criterion_main!(seal_benches);
