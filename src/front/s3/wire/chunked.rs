//! aws-chunked bodies: decoded and verified as they arrive.
//!
//! A client chooses how large a chunk is, and some SDKs send a whole object as one: bytes go on as they come. They are
//! sealed and stored, but no version holds them before the body has ended without an error.
//!
//! # Invariants
//! - Memory: one line of at most [`MAX_LINE_BYTES`], trailers of at most [`MAX_TRAILER_BYTES`]; never a chunk.
//! - A chunk that does not bear its signature, bytes after the end, and a body without its last chunk are errors.
//! - Signatures are compared in constant time.
//!
//! Source: S3 "Signature calculations for the Authorization header: transferring payload in multiple chunks", and
//! "… with trailing headers".

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::sigv4::{SigningKey, same};
use crate::front::exchange::Incoming;
use crate::gateway::BodyError;

/// Longest line of a chunk's header or of a trailer, in bytes. A size and a signature take 98.
const MAX_LINE_BYTES: usize = 4096;
/// Most bytes of all trailers.
const MAX_TRAILER_BYTES: usize = 16 * 1024;
/// Bytes of a signature in hex.
const SIGNATURE_BYTES: usize = 64;
const SIGNATURE: &[u8] = b";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// What signs the chunks of one body: each signature holds the one before it.
pub(in crate::front::s3) struct ChunkSigner {
    key: SigningKey,
    timestamp: String,
    scope: String,
    before: String,
}

impl ChunkSigner {
    /// `scope`: `date/region/service/aws4_request`. `seed`: the signature of the request itself.
    pub(in crate::front::s3) fn new(secret: &str, timestamp: &str, scope: &str, seed: &str) -> Self {
        let key = SigningKey::new(secret, scope);
        Self { key, timestamp: timestamp.to_owned(), scope: scope.to_owned(), before: seed.to_owned() }
    }

    /// Checks the signature of a chunk with that SHA-256; the next one holds it.
    fn check_chunk(&mut self, signature: &str, content: [u8; 32]) -> Result<(), BodyError> {
        let empty = hex::encode(Sha256::digest(b""));
        let rest = format!("{empty}\n{}", hex::encode(content));
        self.check("AWS4-HMAC-SHA256-PAYLOAD", &rest, signature)
    }

    /// Checks the signature of the trailers in their canonical form.
    fn check_trailers(&mut self, signature: &str, trailers: &str) -> Result<(), BodyError> {
        self.check("AWS4-HMAC-SHA256-TRAILER", &hex::encode(Sha256::digest(trailers)), signature)
    }

    fn check(&mut self, algorithm: &str, rest: &str, signature: &str) -> Result<(), BodyError> {
        let text = format!("{algorithm}\n{}\n{}\n{}\n{rest}", self.timestamp, self.scope, self.before);
        let expected = self.key.sign(&text);
        if !same(&expected, signature) {
            return Err(BodyError::Signature);
        }
        self.before = expected;
        Ok(())
    }
}

/// Decodes one body.
pub(in crate::front::s3) struct Decoder {
    /// `None`: the chunks are not signed.
    signer: Option<ChunkSigner>,
    /// Whether trailers may come.
    trailing: bool,
    state: State,
    line: Vec<u8>,
    /// Of the chunk's bytes so far, where it is signed.
    hash: Sha256,
    /// The signature that the chunk's header names.
    named: String,
    trailers: Vec<(String, String)>,
    trailer_bytes: usize,
    trailer_signature: Option<String>,
}

enum State {
    /// In the line before a chunk's bytes.
    Header,
    /// So many bytes of the chunk are still to come.
    Data(u64),
    /// In the line break after a chunk's bytes.
    Break,
    /// After the last chunk.
    End,
}

impl Decoder {
    /// `signer`: for chunks that are signed. `trailing`: whether trailers may come, signed when the chunks are.
    pub(in crate::front::s3) fn new(signer: Option<ChunkSigner>, trailing: bool) -> Self {
        Self {
            signer,
            trailing,
            state: State::Header,
            line: Vec::new(),
            hash: Sha256::new(),
            named: String::new(),
            trailers: Vec::new(),
            trailer_bytes: 0,
            trailer_signature: None,
        }
    }

    /// The next bytes of the object in `input`; `None` when all of `input` was taken.
    pub(in crate::front::s3) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        while !input.is_empty() {
            if let State::Data(left) = self.state {
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let data = input.split_to(most);
                if self.signer.is_some() {
                    self.hash.update(&data);
                }
                let left = left.saturating_sub(most as u64);
                self.state = if left == 0 { State::Break } else { State::Data(left) };
                if left == 0 {
                    self.end_chunk()?;
                }
                return Ok(Some(data));
            }
            self.take_line(input)?;
        }
        Ok(None)
    }

    /// The body has ended: gives its trailers.
    pub(in crate::front::s3) fn finish(mut self) -> Result<HeaderMap, BodyError> {
        if !matches!(self.state, State::End) {
            return Err(BodyError::Incomplete);
        }
        if !self.line.is_empty() {
            self.end_line()?;
        }
        self.trailers.sort();
        let canonical: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        match (&mut self.signer, self.trailing, &self.trailer_signature) {
            (Some(signer), true, Some(signature)) => signer.check_trailers(signature, &canonical)?,
            (Some(_), true, None) | (_, false, Some(_)) | (None, true, Some(_)) => return Err(BodyError::Malformed),
            (None, _, None) | (Some(_), false, None) => {}
        }
        let mut map = HeaderMap::new();
        for (name, value) in self.trailers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(BodyError::Malformed);
            };
            map.append(name, value);
        }
        Ok(map)
    }

    /// Moves bytes from `input` into the line, to its end or to that of `input`.
    fn take_line(&mut self, input: &mut Bytes) -> Result<(), BodyError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let length = end.unwrap_or(input.len());
        if self.line.len() + length > MAX_LINE_BYTES {
            return Err(BodyError::Malformed);
        }
        self.line.extend(input.split_to(length));
        if end.is_none() {
            return Ok(());
        }
        input.advance(1);
        self.end_line()
    }

    /// A line is whole, without its line feed.
    fn end_line(&mut self) -> Result<(), BodyError> {
        let mut line = std::mem::take(&mut self.line);
        let returned = line.pop_if(|byte| *byte == b'\r').is_some();
        match self.state {
            State::Header if returned => self.begin_chunk(&line),
            State::Break if returned && line.is_empty() => {
                self.state = State::Header;
                Ok(())
            }
            State::End => self.end_trailer(&line),
            State::Header | State::Break | State::Data(_) => Err(BodyError::Malformed),
        }
    }

    fn begin_chunk(&mut self, line: &[u8]) -> Result<(), BodyError> {
        let text = std::str::from_utf8(line).map_err(|_not_text| BodyError::Malformed)?;
        let (size, signature) = match text.split_once(';') {
            Some((size, _)) => (size, text.as_bytes().get(size.len()..).and_then(|rest| rest.strip_prefix(SIGNATURE))),
            None => (text, None),
        };
        if self.signer.is_some() != signature.is_some() || (signature.is_none() && size.len() != text.len()) {
            return Err(BodyError::Malformed);
        }
        self.named = String::from_utf8_lossy(signature.unwrap_or_default()).into_owned();
        if signature.is_some() && self.named.len() != SIGNATURE_BYTES {
            return Err(BodyError::Malformed);
        }
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BodyError::Malformed);
        }
        match u64::from_str_radix(size, 16).map_err(|_too_large| BodyError::Malformed)? {
            0 => {
                self.state = State::End;
                self.end_chunk()
            }
            size => {
                self.state = State::Data(size);
                Ok(())
            }
        }
    }

    fn end_chunk(&mut self) -> Result<(), BodyError> {
        let content = self.hash.finalize_reset().into();
        match &mut self.signer {
            Some(signer) => signer.check_chunk(&self.named, content),
            None => Ok(()),
        }
    }

    /// A line after the last chunk: a trailer, or empty.
    fn end_trailer(&mut self, line: &[u8]) -> Result<(), BodyError> {
        if line.is_empty() {
            return Ok(());
        }
        self.trailer_bytes += line.len();
        let text = std::str::from_utf8(line).map_err(|_not_text| BodyError::Malformed)?;
        let (name, value) = text.split_once(':').ok_or(BodyError::Malformed)?;
        if !self.trailing || self.trailer_bytes > MAX_TRAILER_BYTES {
            return Err(BodyError::Malformed);
        }
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name != TRAILER_SIGNATURE {
            self.trailers.push((name, value));
        } else if self.trailer_signature.replace(value).is_some() {
            return Err(BodyError::Malformed);
        }
        Ok(())
    }
}

/// Where the trailers of a body are once it has ended.
pub(in crate::front::s3) type Trailers = Arc<Mutex<HeaderMap>>;

/// The bytes of an aws-chunked body. An error when its framing or one of its signatures is wrong.
pub(in crate::front::s3) fn dechunked(body: Incoming, decoder: Decoder, trailers: Trailers) -> Incoming {
    let start = (body, Some(decoder), Bytes::new());
    futures::stream::try_unfold(start, move |(mut body, decoder, mut input)| {
        let trailers = Arc::clone(&trailers);
        async move {
            let Some(mut decoder) = decoder else { return Ok(None) };
            loop {
                if let Some(data) = decoder.next(&mut input)? {
                    return Ok(Some((data, (body, Some(decoder), input))));
                }
                match body.next().await {
                    Some(piece) => input = piece?,
                    None => {
                        *trailers.lock().unwrap_or_else(PoisonError::into_inner) = decoder.finish()?;
                        return Ok(None);
                    }
                }
            }
        }
    })
    .boxed()
}

/// Decodes a whole body without signatures that arrives in pieces of `piece_bytes`; `None` when it is broken.
pub fn decode_chunked(body: &[u8], piece_bytes: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(None, true);
    let mut object = Vec::new();
    for piece in body.chunks(piece_bytes.max(1)) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(data) = decoder.next(&mut input).ok()? {
            object.extend_from_slice(&data);
        }
    }
    decoder.finish().ok()?;
    Some(object)
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
