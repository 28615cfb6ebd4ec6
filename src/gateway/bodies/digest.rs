//! Digests of plaintext: what clients claim, and what is computed beside sealing.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::gateway::Error;
use crate::model::{Checksum, ChecksumAlgorithm};
use crate::secret::wipe_stack;

/// Which digests to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// MD5, beyond what ETags need.
    pub md5: bool,
    /// SHA-256 of the payload, for [`Claim::PayloadSha256`]; not kept.
    pub payload_sha256: bool,
    /// Checksums, kept with the version.
    pub checksums: Vec<ChecksumAlgorithm>,
}

/// What a client says a body's digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// `Content-MD5`.
    Md5([u8; 16]),
    /// `x-amz-checksum-*`, from a header or a trailer.
    Checksum(Checksum),
    /// `x-amz-content-sha256` of the whole payload, when it is not checked elsewhere.
    PayloadSha256([u8; 32]),
}

/// Holds claims against a small body that is in memory; [`Error::DigestMismatch`] when one is not so.
pub fn verify_claims(claims: &[Claim], body: &[Bytes]) -> Result<(), Error> {
    let mut digests = Digests::default();
    for claim in claims {
        match claim {
            Claim::Md5(_) => digests.md5 = true,
            Claim::PayloadSha256(_) => digests.payload_sha256 = true,
            Claim::Checksum(checksum) => digests.checksums.push(checksum.algorithm),
        }
    }
    let mut hashers = Hashers::new(&digests, false);
    for piece in body {
        hashers.update(piece);
    }
    hashers.finish().check(claims)
}

/// Hashes in progress.
pub(in crate::gateway) struct Hashers {
    md5: Option<Md5>,
    payload_sha256: bool,
    sha256: Option<Sha256>,
    sha1: Option<Sha1>,
    crcs: Vec<(ChecksumAlgorithm, Crc)>,
    kept: Vec<ChecksumAlgorithm>,
}

/// A CRC under way. The library leaves the end of what it was given on the stack, where it would stay when the request is
/// over: it is overwritten.
pub struct Crc(crc_fast::Digest);

impl Crc {
    /// `None` when the algorithm is no CRC.
    pub fn new(algorithm: ChecksumAlgorithm) -> Option<Self> {
        crc_of(algorithm).map(crc_fast::Digest::new).map(Self)
    }

    /// CRC-64/NVME.
    pub fn crc64() -> Self {
        Self(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
        wipe_stack();
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// The value so far.
    pub fn finalize(&self) -> u64 {
        self.0.finalize()
    }
}

/// Finished hashes.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Computed {
    /// MD5, if it was computed.
    pub(in crate::gateway) md5: Option<[u8; 16]>,
    /// The checksums to keep.
    pub(in crate::gateway) checksums: Vec<Checksum>,
    payload_sha256: Option<[u8; 32]>,
}

impl Hashers {
    /// Computes what `digests` names, and MD5 where `etag` needs it.
    pub(in crate::gateway) fn new(digests: &Digests, etag: bool) -> Self {
        let wants = |algorithm| digests.checksums.contains(&algorithm);
        let crcs = [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme]
            .into_iter()
            .filter(|algorithm| wants(*algorithm))
            .filter_map(|algorithm| Some((algorithm, Crc::new(algorithm)?)))
            .collect();
        Self {
            md5: (etag || digests.md5).then(Md5::new),
            payload_sha256: digests.payload_sha256,
            sha256: (digests.payload_sha256 || wants(ChecksumAlgorithm::Sha256)).then(Sha256::new),
            sha1: wants(ChecksumAlgorithm::Sha1).then(Sha1::new),
            crcs,
            kept: digests.checksums.clone(),
        }
    }

    /// Whether a hash is among them that is much slower than sealing.
    pub(in crate::gateway) fn are_slow(&self) -> bool {
        self.md5.is_some() || self.sha256.is_some() || self.sha1.is_some()
    }

    /// Takes the next bytes.
    pub(in crate::gateway) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        for (_, crc) in &mut self.crcs {
            crc.update(bytes);
        }
    }

    /// The digests of all bytes taken. In place: a hash that is moved leaves the end of the body on a stack.
    pub(in crate::gateway) fn finish(&mut self) -> Computed {
        let sha256: Option<[u8; 32]> = self.sha256.as_mut().map(|sha256| sha256.finalize_reset().into());
        let mut checksums = Vec::new();
        let mut keep = |algorithm, value| checksums.push(Checksum { algorithm, value, parts: None });
        for (algorithm, crc) in &self.crcs {
            keep(*algorithm, crc_bytes(*algorithm, crc.finalize()));
        }
        if let Some(sha1) = &mut self.sha1 {
            keep(ChecksumAlgorithm::Sha1, sha1.finalize_reset().to_vec());
        }
        if let Some(sha256) = sha256
            && self.kept.contains(&ChecksumAlgorithm::Sha256)
        {
            keep(ChecksumAlgorithm::Sha256, sha256.to_vec());
        }
        Computed {
            md5: self.md5.as_mut().map(|md5| md5.finalize_reset().into()),
            checksums,
            payload_sha256: sha256.filter(|_| self.payload_sha256),
        }
    }
}

impl Computed {
    /// What the catalog knew already.
    pub(in crate::gateway) fn known(md5: Option<[u8; 16]>, checksum: Option<Checksum>) -> Self {
        Self { md5, checksums: checksum.into_iter().collect(), payload_sha256: None }
    }

    /// Holds every claim against what was computed. A claim about something not computed is a mismatch, too: nothing
    /// is taken on trust.
    pub(in crate::gateway) fn check(&self, claims: &[Claim]) -> Result<(), Error> {
        for claim in claims {
            let (which, fits) = match claim {
                Claim::Md5(claimed) => ("Content-MD5", self.md5.is_some_and(|md5| same(&md5, claimed))),
                Claim::PayloadSha256(claimed) => {
                    ("x-amz-content-sha256", self.payload_sha256.is_some_and(|sha| same(&sha, claimed)))
                }
                Claim::Checksum(claimed) => {
                    let found = self.checksums.iter().find(|c| c.algorithm == claimed.algorithm);
                    (claimed.algorithm.as_str(), found.is_some_and(|c| same(&c.value, &claimed.value)))
                }
            };
            if !fits {
                return Err(Error::DigestMismatch { which });
            }
        }
        Ok(())
    }
}

/// The checksum of a multipart object from its parts' checksums, each with its part's length in bytes.
/// `composite`: a checksum of the checksums (S3 COMPOSITE); otherwise that of the whole object, for CRCs only
/// (S3 FULL_OBJECT). `None` when it cannot be derived.
pub(in crate::gateway) fn combine(
    algorithm: ChecksumAlgorithm,
    composite: bool,
    parts: &[(&[u8], u64)],
) -> Option<Checksum> {
    if composite {
        let mut hashers = Hashers::new(&Digests { checksums: vec![algorithm], ..Digests::default() }, false);
        for (value, _) in parts {
            hashers.update(value);
        }
        let mut checksum = hashers.finish().checksums.into_iter().next()?;
        checksum.parts = Some(u32::try_from(parts.len()).ok()?);
        return Some(checksum);
    }
    let crc = crc_of(algorithm)?;
    let mut whole: Option<u64> = None;
    for (value, length) in parts {
        let next = value.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        whole = Some(match whole {
            None => next,
            Some(before) => crc_fast::checksum_combine(crc, before, next, *length),
        });
    }
    Some(Checksum { algorithm, value: crc_bytes(algorithm, whole?), parts: None })
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

fn crc_of(algorithm: ChecksumAlgorithm) -> Option<crc_fast::CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(crc_fast::CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(crc_fast::CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// The low bytes of a CRC, big endian: how S3 writes it.
fn crc_bytes(algorithm: ChecksumAlgorithm, value: u64) -> Vec<u8> {
    let all = value.to_be_bytes();
    all.get(8 - algorithm.bytes()..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hashers = Hashers::new(&Digests { checksums: vec![algorithm], ..Digests::default() }, false);
        hashers.update(bytes);
        hashers.finish().checksums.remove(0).value
    }

    #[test]
    fn checksums_have_their_published_check_values() {
        // "123456789": the CRC catalogue's check values; FIPS 180 for "abc".
        assert_eq!(hex::encode(digest(ChecksumAlgorithm::Crc32, b"123456789")), "cbf43926");
        assert_eq!(hex::encode(digest(ChecksumAlgorithm::Crc32c, b"123456789")), "e3069283");
        assert_eq!(hex::encode(digest(ChecksumAlgorithm::Crc64Nvme, b"123456789")), "ae8b14860a799888");
        assert_eq!(hex::encode(digest(ChecksumAlgorithm::Sha1, b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex::encode(digest(ChecksumAlgorithm::Sha256, b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_crc_of_a_whole_follows_from_the_crcs_of_its_parts() {
        let whole: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme] {
            let (a, rest) = whole.split_at(77_777);
            let (b, c) = rest.split_at(1);
            let sums: Vec<_> = [a, b, c].map(|p| (digest(algorithm, p), p.len() as u64)).to_vec();
            let parts: Vec<_> = sums.iter().map(|(v, l)| (v.as_slice(), *l)).collect();
            let combined = combine(algorithm, false, &parts).unwrap();
            assert_eq!(combined.value, digest(algorithm, &whole), "{algorithm:?}");
            assert_eq!(combined.parts, None);
        }
    }

    #[test]
    fn a_composite_checksum_is_the_checksum_of_the_parts_checksums() {
        let (a, b) = (digest(ChecksumAlgorithm::Sha256, b"a"), digest(ChecksumAlgorithm::Sha256, b"b"));
        let combined = combine(ChecksumAlgorithm::Sha256, true, &[(&a, 1), (&b, 1)]).unwrap();
        assert_eq!(combined.value, digest(ChecksumAlgorithm::Sha256, &[a, b].concat()));
        assert_eq!(combined.parts, Some(2));
        assert!(combine(ChecksumAlgorithm::Sha256, false, &[(&[0; 32], 1)]).is_none());
    }

    #[test]
    fn a_claim_about_something_not_computed_is_a_mismatch() {
        let computed = Hashers::new(&Digests::default(), false).finish();
        assert!(computed.check(&[Claim::Md5([0; 16])]).is_err());
        assert!(computed.check(&[Claim::PayloadSha256([0; 32])]).is_err());
        assert!(computed.check(&[]).is_ok());
    }
}
