//! Published breaks of storage encryption, each as a test that shows that Écluse resists it.
//!
//! In process: a gateway on a catalog and chunks in memory, and an attacker who may change every chunk, or one who may
//! change rows of the catalog. Whatever is done to a chunk: no wrong byte is part of an answer, an answer under way is cut
//! off, the incident is counted once, and the error says the same (`attacker.rs`, `assert_refused`). What is done to a
//! wrapped key in the catalog is an incident of the catalog, counted apart. On the wire: the real gateway before a provider
//! that answers with anything, in S3's and in Azure Blob's words (`tests/process/on_the_wire/`).
//!
//! | break | in process | on the wire | elsewhere |
//! |---|---|---|---|
//! | 1 MEGA, ePrint 2022/959 | `wraps.rs`, `headers.rs` | `catalog.rs`, `headers.rs` | `tests/rooms/keys.rs`; of timing see below |
//! | 2 Nextcloud, ePrint 2024/546 | `wraps.rs` | `headers.rs` | `tests/rooms/keys.rs` (canary), `tests/gateway/custody.rs` |
//! | 3 "Broken Ecosystem", ePrint 2024/1616 | `places.rs` | `places.rs`, `answers.rs` | `tests/rooms/seal.rs`, `tests/gateway/hostile.rs`, `tests/clients/hostile.rs` |
//! | 4 Azure client-side encryption v1, CVE-2022-30187 | every test: one error | every test: one answer, to the letter | `tests/rooms/seal.rs`, `fuzz/` (no unauthenticated mode exists) |
//! | 5 Azure client-side encryption v2, August 2026 | `places.rs`, `headers.rs` | `places.rs`, `headers.rs` | `tests/rooms/seal.rs` |
//! | 6 AWS S3 Crypto SDK, CVE-2020-8911, CVE-2020-8912 | `headers.rs` | `headers.rs` | vectors in `tests/rooms/seal.rs` |
//! | 7 S3 Encryption Clients, CVE-2025-14762 to -14764 | `headers.rs` | `catalog.rs` | `tests/rooms/seal.rs` |
//! | 8 partitioning oracles, USENIX Security 2021 | `headers.rs` | `catalog.rs` | no key comes from a password |
//! | 9 AWS Encryption SDK, CVE-2026-6550 | `wraps.rs` | `catalog.rs` | there is no cache of part keys |
//! | 10 exchanged objects (MinIO) | `places.rs` | `places.rs` | `tests/clients/hostile.rs` |
//! | 11 marker stripping | `headers.rs` | `headers.rs` | `tests/clients/hostile.rs` |
//! | 12 rollback, omission | `history.rs` | `places.rs` | `tests/gateway/hostile.rs`; an old catalog is not detected yet |
//! | 13 nonce reuse | `history.rs` (10,000 through the gateway, 50,000 to 1,000,000 at the keyring) | `clones.rs` | `tests/rooms/keys.rs` |
//! | 14 keystream reuse in key wraps | `wraps.rs` | – | `src/keys/wrap.rs` |
//! | 15 zero and default keys | – | – | `tests/rooms/keys.rs`, `tests/gateway/custody.rs` |
//! | 16 unverified plaintext released | `places.rs` | `large.rs`: 1 GiB; HTTP/1.1, HTTP/2, boto3, aws-cli, `object_store` | `tests/protocol/server.rs`, `tests/clients/hostile.rs` |
//! | 17 injectable additional data | `wraps.rs` | – | `src/seal/derive.rs`, `tests/rooms/keys.rs` |
//! | 18 fingerprints of sizes, RWC 2025 | `sizes.rs` | – | `tests/clients/blind.rs`, `src/seal/padding.rs` |
//! | 19 digests of plaintext leaked | – | – | `tests/clients/blind.rs` |
//! | 20 Codefinger, stolen client credentials | `credentials.rs` | – | `tests/protocol/s3/`, `tests/gateway/grants.rs`; without versions, who may write may overwrite |
//! | 21 replayed and forged requests | – | – | `tests/protocol/s3/`; within the quarter of an hour of skew a captured request can be sent again |
//!
//! Not shown: that rejects take the same time wherever the difference is. No test here asserts on a time. By construction,
//! a header is compared whole with `subtle`, before anything is decrypted (`src/seal/opener.rs`), and tags by the
//! libraries; the flipped bits of row 1 all end in one error, before a byte of plaintext.

mod attacker;
mod credentials;
mod headers;
mod history;
mod places;
mod sizes;
mod wraps;
