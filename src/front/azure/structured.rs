//! Structured message bodies: `XSM/1.0; properties=crc64`, a frame with checksums around the bytes of a body.
//!
//! All numbers are little endian. Header: version (u8, 1), length of the whole message (u64), flags (u16, bit 0: CRC64),
//! number of segments (u16). Each segment: its number from 1 (u16), its length (u64), its bytes, their CRC-64/NVME. At the end
//! the CRC-64/NVME of all bytes. An empty message has one empty segment.
//!
//! # Invariants
//! - Memory: one header of at most [`HEADER_BYTES`]; bytes go on as they come, and a body whose checksum fails, fails before its
//!   end: nothing of it is committed.
//!
//! Source: `x-ms-structured-body` of "Put Blob" and "Get Blob"; the streams of Microsoft's SDKs.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use crc_fast::CrcAlgorithm::Crc64Nvme;
use crc_fast::Digest;
use futures::stream::{self, BoxStream};
use futures::StreamExt;

use crate::gateway::{BodyError, Error};

const VERSION: u8 = 1;
const CRC64: u16 = 1;
const HEADER_BYTES: usize = 13;
const SEGMENT_HEADER_BYTES: usize = 10;
const CRC_BYTES: usize = 8;
/// Bytes of a segment that we send, unless the message is so long that their number would not fit.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Takes the frame off, and verifies it.
pub(super) struct Decoder {
    announced: u64,
    taken: u64,
    gathered: BytesMut,
    state: State,
    segments: u16,
    /// The number of the segment that is read, or was.
    number: u16,
    of_segment: Digest,
    of_message: Digest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    SegmentHeader,
    /// So many bytes of the segment are to come.
    Content(u64),
    SegmentFooter,
    MessageFooter,
    End,
}

impl Decoder {
    /// For a body that is announced with that length, its frame included.
    pub(super) fn new(announced: u64) -> Self {
        Self {
            announced,
            taken: 0,
            gathered: BytesMut::new(),
            state: State::Header,
            segments: 0,
            number: 0,
            of_segment: Digest::new(Crc64Nvme),
            of_message: Digest::new(Crc64Nvme),
        }
    }

    /// Takes the next bytes of the body; gives those within the frame.
    pub(super) fn push(&mut self, mut input: Bytes) -> Result<Vec<Bytes>, BodyError> {
        self.taken = self.taken.saturating_add(input.len() as u64);
        let mut out = Vec::new();
        while !input.is_empty() {
            match self.state {
                State::Header => self.gather(&mut input, HEADER_BYTES, Self::header)?,
                State::SegmentHeader => self.gather(&mut input, SEGMENT_HEADER_BYTES, Self::segment_header)?,
                State::Content(left) => {
                    let some = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let piece = input.split_to(some);
                    self.of_segment.update(&piece);
                    self.of_message.update(&piece);
                    let left = left.saturating_sub(piece.len() as u64);
                    self.state = if left == 0 { State::SegmentFooter } else { State::Content(left) };
                    out.push(piece);
                }
                State::SegmentFooter => self.gather(&mut input, CRC_BYTES, Self::segment_footer)?,
                State::MessageFooter => self.gather(&mut input, CRC_BYTES, Self::message_footer)?,
                State::End => return Err(BodyError::Malformed),
            }
        }
        Ok(out)
    }

    /// Whether the frame ended where the body did.
    pub(super) fn finish(self) -> Result<(), BodyError> {
        if self.state == State::End && self.taken == self.announced { Ok(()) } else { Err(BodyError::Malformed) }
    }

    fn gather(
        &mut self,
        input: &mut Bytes,
        bytes: usize,
        whole: fn(&mut Self, BytesMut) -> Result<(), BodyError>,
    ) -> Result<(), BodyError> {
        let some = bytes.saturating_sub(self.gathered.len()).min(input.len());
        self.gathered.extend_from_slice(&input.split_to(some));
        if self.gathered.len() < bytes {
            return Ok(());
        }
        let gathered = self.gathered.split();
        whole(self, gathered)
    }

    fn header(&mut self, mut bytes: BytesMut) -> Result<(), BodyError> {
        let (version, length, flags) = (bytes.get_u8(), bytes.get_u64_le(), bytes.get_u16_le());
        self.segments = bytes.get_u16_le();
        if version != VERSION || length != self.announced || flags != CRC64 || self.segments == 0 {
            return Err(BodyError::Malformed);
        }
        self.state = State::SegmentHeader;
        Ok(())
    }

    fn segment_header(&mut self, mut bytes: BytesMut) -> Result<(), BodyError> {
        let (number, length) = (bytes.get_u16_le(), bytes.get_u64_le());
        // Only the one segment of an empty message is empty.
        if number != self.number.wrapping_add(1) || length > self.announced || length == 0 && self.segments != 1 {
            return Err(BodyError::Malformed);
        }
        self.number = number;
        self.of_segment = Digest::new(Crc64Nvme);
        self.state = if length == 0 { State::SegmentFooter } else { State::Content(length) };
        Ok(())
    }

    fn segment_footer(&mut self, mut bytes: BytesMut) -> Result<(), BodyError> {
        if bytes.get_u64_le() != self.of_segment.finalize() {
            return Err(BodyError::Malformed);
        }
        self.state = if self.number == self.segments { State::MessageFooter } else { State::SegmentHeader };
        Ok(())
    }

    fn message_footer(&mut self, mut bytes: BytesMut) -> Result<(), BodyError> {
        if bytes.get_u64_le() != self.of_message.finalize() {
            return Err(BodyError::Malformed);
        }
        self.state = State::End;
        Ok(())
    }
}

/// Puts the frame around bytes of a known length.
pub(super) struct Encoder {
    length: u64,
    segment_bytes: u64,
    segments: u16,
    number: u16,
    left_of_segment: u64,
    of_segment: Digest,
    of_message: Digest,
}

impl Encoder {
    /// For so many bytes.
    pub(super) fn new(length: u64) -> Self {
        Self::with_segments(length, SEGMENT_BYTES)
    }

    fn with_segments(length: u64, segment_bytes: u64) -> Self {
        let segment_bytes = segment_bytes.max(length.div_ceil(u64::from(u16::MAX)));
        let segments = u16::try_from(length.div_ceil(segment_bytes)).unwrap_or(u16::MAX).max(1);
        let (of_segment, of_message) = (Digest::new(Crc64Nvme), Digest::new(Crc64Nvme));
        Self { length, segment_bytes, segments, number: 0, left_of_segment: 0, of_segment, of_message }
    }

    /// Length of the message, in bytes.
    pub(super) fn encoded_length(&self) -> u64 {
        let around = (SEGMENT_HEADER_BYTES + CRC_BYTES) as u64;
        self.length + (HEADER_BYTES + CRC_BYTES) as u64 + u64::from(self.segments) * around
    }

    /// What comes before the first byte.
    fn begin(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        out.put_u64_le(self.encoded_length());
        out.put_u16_le(CRC64);
        out.put_u16_le(self.segments);
        if self.length == 0 {
            self.begin_segment(0, &mut out);
        }
        out.freeze()
    }

    fn begin_segment(&mut self, length: u64, out: &mut BytesMut) {
        self.number = self.number.saturating_add(1);
        self.left_of_segment = length;
        self.of_segment = Digest::new(Crc64Nvme);
        out.put_u16_le(self.number);
        out.put_u64_le(length);
    }

    /// Frames the next bytes. `before`: how many came before them.
    fn frame(&mut self, before: u64, mut piece: Bytes) -> Vec<Bytes> {
        let mut out = Vec::new();
        let mut done = before;
        while !piece.is_empty() {
            if self.left_of_segment == 0 {
                let mut head = BytesMut::new();
                self.begin_segment(self.segment_bytes.min(self.length.saturating_sub(done)), &mut head);
                out.push(head.freeze());
            }
            let some = usize::try_from(self.left_of_segment).unwrap_or(usize::MAX).min(piece.len()).max(1);
            let part = piece.split_to(some);
            self.of_segment.update(&part);
            self.of_message.update(&part);
            self.left_of_segment = self.left_of_segment.saturating_sub(part.len() as u64);
            done += part.len() as u64;
            out.push(part);
            if self.left_of_segment == 0 {
                out.push(Bytes::copy_from_slice(&self.of_segment.finalize().to_le_bytes()));
            }
        }
        out
    }

    /// What comes after the last byte.
    fn end(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        if self.length == 0 {
            out.put_u64_le(self.of_segment.finalize());
        }
        out.put_u64_le(self.of_message.finalize());
        out.freeze()
    }
}

/// A body in its frame. An error in it stays one.
pub(super) fn framed(
    body: BoxStream<'static, Result<Bytes, Error>>,
    mut encoder: Encoder,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let head = encoder.begin();
    let rest = stream::unfold((body, Some(encoder), 0_u64), |(mut body, encoder, before)| async move {
        let mut encoder = encoder?;
        match body.next().await {
            Some(Ok(piece)) => {
                let after = before.saturating_add(piece.len() as u64);
                let out: Vec<_> = encoder.frame(before, piece).into_iter().map(Ok).collect();
                Some((out, (body, Some(encoder), after)))
            }
            Some(Err(error)) => Some((vec![Err(error)], (body, None, before))),
            None => Some((vec![Ok(encoder.end())], (body, None, before))),
        }
    });
    stream::once(async move { Ok(head) }).chain(rest.flat_map(stream::iter)).boxed()
}

/// What is within a whole message, for tests and fuzzing.
pub fn decode_all(message: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(message.len() as u64);
    let mut out = Vec::new();
    for piece in message.chunks(7) {
        for bytes in decoder.push(Bytes::copy_from_slice(piece)).ok()? {
            out.extend_from_slice(&bytes);
        }
    }
    decoder.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(plain: &[u8], segment_bytes: u64, step: usize) -> Vec<u8> {
        let mut encoder = Encoder::with_segments(plain.len() as u64, segment_bytes);
        let expected = encoder.encoded_length();
        let mut out = encoder.begin().to_vec();
        let mut before = 0;
        for piece in plain.chunks(step) {
            encoder.frame(before, Bytes::copy_from_slice(piece)).iter().for_each(|bytes| out.extend_from_slice(bytes));
            before += piece.len() as u64;
        }
        out.extend_from_slice(&encoder.end());
        assert_eq!(out.len() as u64, expected);
        out
    }

    #[test]
    fn what_is_framed_comes_back_whatever_the_pieces() {
        let plain: Vec<u8> = (0..100).collect();
        for length in [0, 1, 15, 16, 17, 32, 100] {
            for (segment, step) in [(16, 1), (16, 16), (16, 7), (1000, 33)] {
                let plain = plain.get(..length).unwrap();
                assert_eq!(decode_all(&encode(plain, segment, step)).as_deref(), Some(plain), "{length} {segment} {step}");
            }
        }
    }

    #[test]
    fn a_message_has_the_bytes_that_are_documented() {
        let message = encode(b"123456789", 1000, 100);
        let crc = 0xae8b_1486_0a79_9888_u64.to_le_bytes();
        let mut expected = vec![1];
        expected.extend_from_slice(&48_u64.to_le_bytes());
        expected.extend_from_slice(&[1, 0, 1, 0, 1, 0]);
        expected.extend_from_slice(&9_u64.to_le_bytes());
        expected.extend_from_slice(b"123456789");
        expected.extend_from_slice(&crc);
        expected.extend_from_slice(&crc);
        assert_eq!(message, expected);
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_refused() {
        let message = encode(b"some record of some patient", 10, 100);
        for at in 0..message.len() {
            let mut flipped = message.clone();
            flipped[at] ^= 1;
            assert_eq!(decode_all(&flipped), None, "byte {at}");
            assert_eq!(decode_all(&message[..at]), None, "cut at {at}");
        }
        let longer = [message.as_slice(), &[0]].concat();
        assert_eq!(decode_all(&longer), None);
    }

    #[test]
    fn long_messages_have_longer_segments_so_that_their_number_fits() {
        let encoder = Encoder::new(1 << 40);
        assert!(u64::from(encoder.segments) * encoder.segment_bytes >= 1 << 40);
    }
}
