//! What a provider answers to a put, held against what was sent.
//!
//! The MD5 of the sealed bytes goes with them (`Content-MD5`), so that the provider itself must check what arrived. What it
//! answers is compared: Azure's `Content-MD5`, Google's `x-goog-hash`, and the ETag of S3, which is the MD5 of a simple put
//! unless the bucket is encrypted with KMS keys, or the store makes its tags otherwise. So an ETag that fits is a proof, and
//! one that does not says nothing: then the chunk is read back.
//!
//! # Invariants
//! - The digest is of sealed bytes: it tells nothing that they do not.
//! - A provider whose answers tell nothing is not refused. Its first chunk is read back, and one in [`SAMPLE`] after it.
//!
//! Sources: S3 "Common Response Headers" (ETag), "Put Blob" (Content-MD5), GCS XML API "x-goog-hash".

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use md5::{Digest as _, Md5};
use tokio::task::spawn_blocking;

/// Of so many chunks whose answers tell nothing, one is read back.
const SAMPLE: u32 = 64;
/// Fewer bytes are digested where they are: that takes less time than the way to another thread.
const FEW_BYTES: usize = 64 * 1024;

/// The MD5 of the sealed bytes of a put. It goes with the request to the connector, which adds the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent([u8; 16]);

/// What an answer says of the bytes that were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// They are what was sent.
    Same,
    /// They are not.
    Different,
    /// Nothing.
    Nothing,
}

impl Sent {
    pub(super) async fn of(sealed: &Bytes) -> Self {
        let digest = |bytes: &[u8]| Self(Md5::digest(bytes).into());
        if sealed.len() <= FEW_BYTES {
            return digest(sealed);
        }
        let bytes = sealed.clone();
        spawn_blocking(move || digest(&bytes)).await.unwrap_or_else(|_ended| digest(sealed))
    }

    /// `Content-MD5`, RFC 1864.
    pub(super) fn header(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&BASE64_STANDARD.encode(self.0)).ok()
    }

    /// What the answer to the put says.
    pub(super) fn told(self, answer: &HeaderMap) -> Told {
        let text = |name: &str| answer.get(name).and_then(|value| value.to_str().ok());
        let hashes = answer.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
        let google = hashes.flat_map(|value| value.split(',')).find_map(|hash| hash.trim().strip_prefix("md5="));
        if let Some(encoded) = text("content-md5").or(google) {
            let same = BASE64_STANDARD.decode(encoded.trim()).is_ok_and(|digest| digest == self.0);
            return if same { Told::Same } else { Told::Different };
        }
        let tag = text("etag").map(|tag| tag.trim().trim_matches('"'));
        match tag.and_then(|tag| hex::decode(tag).ok()) {
            Some(digest) if digest == self.0 => Told::Same,
            _ => Told::Nothing,
        }
    }
}

/// How far a provider is believed whose answers tell nothing: so many puts are, then one is read back.
#[derive(Debug, Default)]
pub(super) struct Trust(AtomicU32);

impl Trust {
    /// Its answers tell: one that does not is looked into.
    pub(super) fn tells(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether it is believed this time.
    pub(super) fn believes(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// What it has is what was sent.
    pub(super) fn proved(&self) {
        self.0.store(SAMPLE - 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(headers: &[(&'static str, &str)]) -> Told {
        let mut answer = HeaderMap::new();
        for (name, value) in headers {
            answer.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Sent::of(&Bytes::from_static(b"sealed")).await.told(&answer)
    }

    #[tokio::test]
    async fn a_digest_that_is_one_is_compared_and_a_tag_proves_only_what_fits() {
        let digest: [u8; 16] = Md5::digest(b"sealed").into();
        let (ours, other) = (BASE64_STANDARD.encode(digest), BASE64_STANDARD.encode([7; 16]));
        assert_eq!(told(&[("content-md5", &ours)]).await, Told::Same);
        assert_eq!(told(&[("content-md5", &other)]).await, Told::Different);
        assert_eq!(told(&[("content-md5", "%")]).await, Told::Different);
        assert_eq!(told(&[("x-goog-hash", &format!("crc32c=AAAAAA==,md5={ours}"))]).await, Told::Same);
        assert_eq!(
            told(&[("x-goog-hash", "crc32c=AAAAAA=="), ("x-goog-hash", &format!("md5={other}"))]).await,
            Told::Different
        );
        assert_eq!(told(&[("x-goog-hash", "crc32c=AAAAAA==")]).await, Told::Nothing);
        assert_eq!(told(&[("etag", &format!("\"{}\"", hex::encode(digest)))]).await, Told::Same);
        // Of a bucket under KMS keys, of a store of its own mind, of none.
        assert_eq!(told(&[("etag", "\"5d41402abc4b2a76b9719d911017c592\"")]).await, Told::Nothing);
        assert_eq!(told(&[("etag", "\"0x8D\"")]).await, Told::Nothing);
        assert_eq!(told(&[]).await, Told::Nothing);
    }

    #[tokio::test]
    async fn a_digest_is_the_same_on_either_thread() {
        let long = Bytes::from(vec![9; FEW_BYTES + 1]);
        let expected: [u8; 16] = Md5::digest(&long).into();
        assert_eq!(Sent::of(&long).await.0, expected);
    }

    #[test]
    fn who_tells_nothing_is_believed_for_a_while_after_each_proof() {
        let trust = Trust::default();
        assert!(!trust.believes(), "not before the first proof");
        trust.proved();
        for _ in 1..SAMPLE {
            assert!(trust.believes());
        }
        assert!(!trust.believes(), "it is time for another");
        trust.proved();
        trust.tells();
        assert!(!trust.believes(), "one that told and does so no more is looked into");
    }
}
