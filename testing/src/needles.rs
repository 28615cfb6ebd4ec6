//! What a provider must never see, and the search for it.
//!
//! From each thing that a client wrote come *needles*: byte strings in the shapes in which it could leak. All needles
//! are sought at every offset of everything that reached the provider.
//!
//! What is not sought, because random bytes would hold it by chance: anything under 8 bytes. A raw CRC32 has 4 bytes,
//! which 30 MB of ciphertext hold by chance with a probability of about 1 in 140. So CRC32s are sought as text only
//! (base64 with its padding, and hex that is not a piece of a longer hex string such as a chunk's name or a signature).

use aho_corasick::AhoCorasick;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use crc_fast::CrcAlgorithm;
use md5::Digest as _;

/// Length of a plaintext window, in bytes.
const WINDOW: usize = 16;
/// Shortest needle, in bytes.
const SHORTEST: usize = 8;
/// Windows taken from one content, beside its begin and its end.
const WINDOWS: usize = 400;
/// Largest chunk, in bytes: digests are taken of each such slice too.
const CHUNK: usize = 8 << 20;

struct Needle {
    what: String,
    bytes: Vec<u8>,
    /// Counts only where no hex digit stands before or after it.
    lone_hex: bool,
}

/// A set of needles.
#[derive(Default)]
pub struct Needles {
    needles: Vec<Needle>,
}

impl Needles {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.needles.len()
    }

    /// A name, header or other text: as it is, percent-encoded, in hex, and inside base64 at any alignment.
    ///
    /// # Panics
    /// When it is too short to be sought.
    pub fn text(&mut self, what: &str, text: &str) {
        assert!(text.len() >= SHORTEST, "{what}: {text:?} is too short to be a needle");
        let bytes = text.as_bytes();
        self.raw(what, bytes);
        let upper = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let bare = upper.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_");
        for encoded in [bare.replace("%2F", "/"), bare, upper] {
            self.raw(what, encoded.to_lowercase().as_bytes());
            self.raw(what, encoded.as_bytes());
        }
        self.raw(what, text.to_lowercase().as_bytes());
        self.raw(what, text.to_uppercase().as_bytes());
        self.encoded(what, bytes);
    }

    /// A secret: raw, in hex and in base64.
    pub fn secret(&mut self, what: &str, bytes: &[u8]) {
        self.raw(what, bytes);
        self.encoded(what, bytes);
    }

    /// The root key in every reading of its file: as it is, and where it is text, each long word of it decoded.
    pub fn root_key(&mut self, file: &[u8]) {
        self.secret("root key file", file);
        for word in String::from_utf8_lossy(file).split_whitespace().filter(|word| word.len() >= 32) {
            self.secret("root key", word.as_bytes());
            let decoded = hex::decode(word).ok().or_else(|| BASE64_STANDARD.decode(word).ok());
            if let Some(bytes) = decoded {
                self.secret("root key", &bytes);
            }
        }
    }

    /// An object's content: windows of it, and its digests, and those of each of its chunks. An empty content has
    /// none: the digest of nothing is known to everybody, and SigV4 itself sends it with every bodiless request.
    pub fn content(&mut self, what: &str, content: &[u8]) {
        if content.is_empty() {
            return;
        }
        self.windows(what, content);
        self.digests(what, content);
        if content.len() > CHUNK {
            content.chunks(CHUNK).enumerate().for_each(|(i, chunk)| self.digests(&format!("{what}: chunk {i}"), chunk));
        }
    }

    /// Windows of an object's content, at every alignment.
    pub fn windows(&mut self, what: &str, content: &[u8]) {
        let last = content.len().saturating_sub(WINDOW);
        let step = (last / WINDOWS).max(1);
        // An odd step, so that windows fall on every alignment.
        for at in (0..=last).step_by(step | 1).chain([last]) {
            if let Some(window) = content.get(at..at + WINDOW) {
                self.raw(&format!("{what}: content at {at}"), window);
            }
        }
        if let (8..16, bytes) = (content.len(), content) {
            self.raw(&format!("{what}: content"), bytes);
        }
    }

    /// The digests of some bytes: MD5, SHA-1, SHA-256, CRC32, CRC32C, CRC64NVME.
    pub fn digests(&mut self, what: &str, bytes: &[u8]) {
        self.digest(&format!("{what}: MD5"), &md5::Md5::digest(bytes));
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        self.digest(&format!("{what}: SHA-1"), sha1.as_ref());
        self.digest(&format!("{what}: SHA-256"), digest::digest(&digest::SHA256, bytes).as_ref());
        let crc32 = |algorithm| u32::try_from(crc_fast::checksum(algorithm, bytes)).expect("32 bits").to_be_bytes();
        self.digest(&format!("{what}: CRC32"), &crc32(CrcAlgorithm::Crc32IsoHdlc));
        self.digest(&format!("{what}: CRC32C"), &crc32(CrcAlgorithm::Crc32Iscsi));
        let crc64 = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes();
        self.digest(&format!("{what}: CRC64NVME"), &crc64);
    }

    /// The multipart ETag of some parts: the MD5 of their MD5s (and so the MD5s of the parts).
    pub fn multipart(&mut self, what: &str, parts: &[&[u8]]) {
        let mut all = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            self.digests(&format!("{what}: part {index}"), part);
            all.extend_from_slice(&md5::Md5::digest(part));
        }
        self.digest(&format!("{what}: multipart ETag"), &md5::Md5::digest(&all));
    }

    /// Seeks every needle at every offset, and says what was found.
    pub fn search(&self, haystack: &[u8]) -> Vec<String> {
        let automaton = AhoCorasick::new(self.needles.iter().map(|needle| &needle.bytes)).expect("an automaton");
        let hex = |at: Option<usize>| at.and_then(|at| haystack.get(at)).is_some_and(u8::is_ascii_hexdigit);
        let mut found: Vec<String> = automaton
            .find_overlapping_iter(haystack)
            .filter_map(|hit| {
                let needle = &self.needles[hit.pattern().as_usize()];
                let inside_hex = needle.lone_hex && (hex(hit.start().checked_sub(1)) || hex(Some(hit.end())));
                (!inside_hex).then(|| needle.what.clone())
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }

    fn digest(&mut self, what: &str, digest: &[u8]) {
        for text in [hex::encode(digest), hex::encode_upper(digest)] {
            let needle =
                Needle { what: format!("{what} in hex"), bytes: text.into_bytes(), lone_hex: digest.len() < 8 };
            self.needles.push(needle);
        }
        if digest.len() >= SHORTEST {
            self.raw(what, digest);
            let reversed: Vec<u8> = digest.iter().rev().copied().collect();
            self.raw(&format!("{what} (reversed)"), &reversed);
            self.raw(&format!("{what} in base64"), BASE64_STANDARD_NO_PAD.encode(digest).as_bytes());
        } else {
            self.raw(&format!("{what} in base64"), BASE64_STANDARD.encode(digest).as_bytes());
        }
    }

    /// Hex, and base64 as a piece of something longer: at each of the three alignments, without the characters that
    /// depend on what stands around it.
    fn encoded(&mut self, what: &str, bytes: &[u8]) {
        self.raw(&format!("{what} in hex"), hex::encode(bytes).as_bytes());
        self.raw(&format!("{what} in hex"), hex::encode_upper(bytes).as_bytes());
        for shift in 0..3 {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(bytes);
            for text in [BASE64_STANDARD_NO_PAD.encode(&shifted), BASE64_URL_SAFE_NO_PAD.encode(&shifted)] {
                let begin = [0, 2, 3][shift];
                let end = shifted.len() * 8 / 6;
                let stable = text.get(begin..end).unwrap_or_default();
                if stable.len() >= SHORTEST {
                    self.raw(&format!("{what} in base64"), stable.as_bytes());
                }
            }
        }
    }

    fn raw(&mut self, what: &str, bytes: &[u8]) {
        if bytes.len() >= SHORTEST {
            self.needles.push(Needle { what: what.to_owned(), bytes: bytes.to_vec(), lone_hex: false });
        }
    }
}
