//! Structured messages (`XSM/1.0; properties=crc64`): a body with CRC-64/NVME sums of its segments and of the whole.
//!
//! ```text
//! message header   version 1 (u8), length of the message (u64), flags (u16: 1, sums), number of segments (u16)
//! each segment     number, from 1 (u16), length of its content (u64), content, sum of the content (u64)
//! message footer   sum of all content (u64)
//! ```
//!
//! Integers are little endian.
//!
//! # Invariants
//! - Memory: one header or footer, at most 13 bytes; content goes on as it comes, never copied.
//! - The lengths of header, segments and footer make up what the request announced, to the byte. A message that says
//!   anything else, in whatever field, is an error. So are bytes after its end.
//! - What went on before an error is content that no sum vouches for: whoever stores it must wait for [`Decoder::finish`].
//!
//! Source: `_shared/streams.py` of azure-storage-blob for Python 12.31; `tests/vectors/azure/structured.json` is made by it.

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};

use crate::gateway::{BodyError, Crc, Error};

const VERSION: u8 = 1;
/// The only flag: sums of segments and message. Every message has it.
const FLAG_CRC64: u16 = 1;
const HEADER_BYTES: usize = 13;
const SEGMENT_HEADER_BYTES: usize = 10;
const SUM_BYTES: usize = 8;
/// Bytes of a message beside its segments.
const MESSAGE_OVERHEAD: u64 = 21;
/// Bytes of a segment beside its content.
const SEGMENT_OVERHEAD: u64 = 18;
/// Content of each segment that we send, but the last, where so many suffice.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Decodes one message.
pub(in crate::front::azure) struct Decoder {
    /// Bytes of the message in all, as the request announced it.
    announced: u64,
    state: State,
    /// The header or footer so far.
    field: Vec<u8>,
    segments: u16,
    /// The segment that is read, or was read last.
    number: u16,
    /// Bytes of content that segments to come must hold.
    content_left: u64,
    segment_sum: Crc,
    message_sum: Crc,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    SegmentHeader,
    /// So many bytes of the segment are still to come; at least one.
    Content(u64),
    SegmentFooter,
    Footer,
    End,
    /// An error was found.
    Broken,
}

impl State {
    /// Bytes of the header or footer.
    fn field_bytes(self) -> usize {
        match self {
            Self::Header => HEADER_BYTES,
            Self::SegmentHeader => SEGMENT_HEADER_BYTES,
            Self::SegmentFooter | Self::Footer => SUM_BYTES,
            Self::Content(_) | Self::End | Self::Broken => 0,
        }
    }
}

impl Decoder {
    /// For a message of `announced` bytes: the request's `Content-Length`.
    pub(in crate::front::azure) fn new(announced: u64) -> Self {
        Self {
            announced,
            state: State::Header,
            field: Vec::with_capacity(HEADER_BYTES),
            segments: 0,
            number: 0,
            content_left: 0,
            segment_sum: Crc::crc64(),
            message_sum: Crc::crc64(),
        }
    }

    /// The content in the next bytes of the message. After an error there is no further one.
    pub(in crate::front::azure) fn push(&mut self, input: Bytes) -> Result<Vec<Bytes>, BodyError> {
        let pieces = self.decode(input);
        if pieces.is_err() {
            self.state = State::Broken;
        }
        pieces
    }

    /// Whether the message has come to its end.
    pub(in crate::front::azure) fn finish(self) -> Result<(), BodyError> {
        match self.state {
            State::End => Ok(()),
            State::Broken => Err(BodyError::Malformed),
            _ => Err(BodyError::Incomplete),
        }
    }

    fn decode(&mut self, mut input: Bytes) -> Result<Vec<Bytes>, BodyError> {
        let mut pieces = Vec::new();
        while !input.is_empty() {
            match self.state {
                State::End | State::Broken => return Err(BodyError::Malformed),
                State::Content(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let piece = input.split_to(taken);
                    self.segment_sum.update(&piece);
                    self.message_sum.update(&piece);
                    pieces.push(piece);
                    let left = left.saturating_sub(taken as u64);
                    self.state = if left == 0 { State::SegmentFooter } else { State::Content(left) };
                }
                state => {
                    let missing = state.field_bytes().saturating_sub(self.field.len());
                    self.field.extend_from_slice(&input.split_to(missing.min(input.len())));
                    if self.field.len() == state.field_bytes() {
                        self.state = self.take_field()?;
                        self.field.clear();
                    }
                }
            }
        }
        Ok(pieces)
    }

    /// Reads the header or footer that has come, and tells what follows.
    fn take_field(&mut self) -> Result<State, BodyError> {
        let field = Field(&self.field);
        match self.state {
            State::Header => {
                let (version, field) = field.take::<1>()?;
                let (length, field) = field.take::<8>()?;
                let (flags, field) = field.take::<2>()?;
                let (segments, _) = field.take::<2>()?;
                if u8::from_le_bytes(version) != VERSION
                    || u64::from_le_bytes(length) != self.announced
                    || u16::from_le_bytes(flags) != FLAG_CRC64
                {
                    return Err(BodyError::Malformed);
                }
                self.segments = u16::from_le_bytes(segments);
                let overhead = MESSAGE_OVERHEAD + u64::from(self.segments) * SEGMENT_OVERHEAD;
                self.content_left = self.announced.checked_sub(overhead).ok_or(BodyError::Malformed)?;
                self.next_segment()
            }
            State::SegmentHeader => {
                let (number, field) = field.take::<2>()?;
                let (length, _) = field.take::<8>()?;
                let length = u64::from_le_bytes(length);
                self.number = self.number.checked_add(1).ok_or(BodyError::Malformed)?;
                if u16::from_le_bytes(number) != self.number {
                    return Err(BodyError::Malformed);
                }
                self.content_left = self.content_left.checked_sub(length).ok_or(BodyError::Malformed)?;
                self.segment_sum.reset();
                Ok(if length == 0 { State::SegmentFooter } else { State::Content(length) })
            }
            State::SegmentFooter => {
                field.is(&self.segment_sum)?;
                self.next_segment()
            }
            State::Footer => field.is(&self.message_sum).map(|()| State::End),
            State::Content(_) | State::End | State::Broken => Err(BodyError::Malformed),
        }
    }

    fn next_segment(&self) -> Result<State, BodyError> {
        if self.number < self.segments {
            return Ok(State::SegmentHeader);
        }
        if self.content_left == 0 { Ok(State::Footer) } else { Err(BodyError::Malformed) }
    }
}

/// What is left of a header or footer.
struct Field<'a>(&'a [u8]);

impl<'a> Field<'a> {
    fn take<const N: usize>(self) -> Result<([u8; N], Self), BodyError> {
        let (first, rest): (&'a [u8; N], _) = self.0.split_first_chunk().ok_or(BodyError::Malformed)?;
        Ok((*first, Self(rest)))
    }

    /// Checks that it is that sum. A sum is no secret: it need not be compared in constant time.
    fn is(self, sum: &Crc) -> Result<(), BodyError> {
        let (bytes, _) = self.take::<SUM_BYTES>()?;
        if u64::from_le_bytes(bytes) == sum.finalize() { Ok(()) } else { Err(BodyError::Checksum) }
    }
}

/// Encodes one message.
pub(in crate::front::azure) struct Encoder {
    length: u64,
    segment_bytes: u64,
    segments: u16,
    /// The segment that is written; 0 before the first.
    number: u16,
    /// Bytes of content still to come, of the segment and in all.
    segment_left: u64,
    left: u64,
    segment_sum: Crc,
    message_sum: Crc,
}

impl Encoder {
    /// For `length` bytes of content.
    pub(in crate::front::azure) fn new(length: u64) -> Self {
        // 65,535 segments of 4 MiB hold nearly 256 GiB; more content makes longer ones.
        Self::with_segments(length, SEGMENT_BYTES.max(length.div_ceil(u64::from(u16::MAX))))
    }

    fn with_segments(length: u64, segment_bytes: u64) -> Self {
        let segments = length.div_ceil(segment_bytes.max(1)).max(1);
        Self {
            length,
            segment_bytes,
            segments: u16::try_from(segments).unwrap_or(u16::MAX),
            number: 0,
            segment_left: 0,
            left: length,
            segment_sum: Crc::crc64(),
            message_sum: Crc::crc64(),
        }
    }

    /// Bytes of the message.
    pub(in crate::front::azure) fn encoded_length(&self) -> u64 {
        let overhead = MESSAGE_OVERHEAD + u64::from(self.segments) * SEGMENT_OVERHEAD;
        self.length.saturating_add(overhead)
    }

    /// The part of the message that the next bytes of content make; `None` when they are too many.
    fn push(&mut self, mut content: Bytes) -> Option<Vec<Bytes>> {
        if content.len() as u64 > self.left {
            return None;
        }
        let mut pieces = Vec::new();
        while !content.is_empty() {
            if self.segment_left == 0 {
                pieces.push(self.begin_segment());
            }
            let most = usize::try_from(self.segment_left).unwrap_or(usize::MAX).min(content.len());
            let piece = content.split_to(most);
            self.segment_sum.update(&piece);
            self.message_sum.update(&piece);
            self.segment_left = self.segment_left.saturating_sub(most as u64);
            self.left = self.left.saturating_sub(most as u64);
            pieces.push(piece);
        }
        Some(pieces)
    }

    /// The rest of the message; `None` when content is missing.
    fn finish(mut self) -> Option<Bytes> {
        if self.left != 0 {
            return None;
        }
        let mut bytes = BytesMut::new();
        if self.number == 0 {
            bytes.extend_from_slice(&self.begin_segment());
        }
        bytes.put_u64_le(self.segment_sum.finalize());
        bytes.put_u64_le(self.message_sum.finalize());
        Some(bytes.freeze())
    }

    /// The footer of the segment before, or the message's header, and the header of the next segment.
    fn begin_segment(&mut self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + SEGMENT_HEADER_BYTES);
        if self.number == 0 {
            bytes.put_u8(VERSION);
            bytes.put_u64_le(self.encoded_length());
            bytes.put_u16_le(FLAG_CRC64);
            bytes.put_u16_le(self.segments);
        } else {
            bytes.put_u64_le(self.segment_sum.finalize());
            self.segment_sum.reset();
        }
        self.number = self.number.saturating_add(1);
        self.segment_left = self.segment_bytes.min(self.left);
        bytes.put_u16_le(self.number);
        bytes.put_u64_le(self.segment_left);
        bytes.freeze()
    }
}

/// `body` as a message. The last sums go out when `body` has ended well; after an error in it, and where it is not as long as
/// was told, an error ends the message.
pub(in crate::front::azure) fn framed(
    body: BoxStream<'static, Result<Bytes, Error>>,
    encoder: Encoder,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let pieces = stream::unfold(Some((body, encoder)), |state| async move {
        let (mut body, mut encoder) = state?;
        let pieces = match body.next().await {
            Some(Ok(content)) => match encoder.push(content) {
                Some(pieces) => return Some((pieces.into_iter().map(Ok).collect(), Some((body, encoder)))),
                None => vec![Err(Error::Integrity)],
            },
            Some(Err(error)) => vec![Err(error)],
            None => vec![encoder.finish().ok_or(Error::Integrity)],
        };
        Some((pieces, None))
    });
    pieces.flat_map(|pieces: Vec<Result<Bytes, Error>>| stream::iter(pieces)).boxed()
}

/// The content of a whole message that comes in pieces of that many bytes; `None` when it is not well formed. For fuzzing.
pub fn decode_all(message: &[u8], piece_bytes: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(message.len() as u64);
    let mut content = Vec::new();
    for piece in message.chunks(piece_bytes.max(1)) {
        for bytes in decoder.push(Bytes::copy_from_slice(piece)).ok()? {
            content.extend_from_slice(&bytes);
        }
    }
    decoder.finish().ok()?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Vector {
        name: String,
        segment_bytes: u64,
        plaintext: Vec<u8>,
        message: Vec<u8>,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../../../../tests/vectors/azure/structured.json");
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let bytes = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
        let messages = value["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 8);
        messages
            .iter()
            .map(|one| Vector {
                name: one["name"].as_str().unwrap().to_owned(),
                segment_bytes: one["segment_bytes"].as_u64().unwrap(),
                plaintext: bytes(&one["plaintext"]),
                message: bytes(&one["message"]),
            })
            .collect()
    }

    fn encoded(content: &[u8], mut encoder: Encoder, piece_bytes: usize) -> Vec<u8> {
        let mut message = Vec::new();
        for piece in content.chunks(piece_bytes) {
            message.extend(encoder.push(Bytes::copy_from_slice(piece)).unwrap().concat());
        }
        message.extend_from_slice(&encoder.finish().unwrap());
        message
    }

    fn collected(body: Vec<Result<Bytes, Error>>, length: u64) -> Vec<Result<Bytes, Error>> {
        futures::executor::block_on(framed(stream::iter(body).boxed(), Encoder::new(length)).collect())
    }

    #[test]
    fn messages_of_the_sdk_decode_however_they_arrive() {
        for vector in vectors() {
            for piece_bytes in [1, 2, 7, 13, 64, usize::MAX] {
                let content = decode_all(&vector.message, piece_bytes);
                assert_eq!(content.as_ref(), Some(&vector.plaintext), "{}, {piece_bytes}", vector.name);
            }
        }
    }

    #[test]
    fn messages_are_as_the_sdk_makes_them() {
        for vector in vectors() {
            let length = vector.plaintext.len() as u64;
            for piece_bytes in [1, 5, 1000] {
                let encoder = Encoder::with_segments(length, vector.segment_bytes);
                assert_eq!(encoder.encoded_length(), vector.message.len() as u64, "{}", vector.name);
                assert_eq!(encoded(&vector.plaintext, encoder, piece_bytes), vector.message, "{}", vector.name);
            }
        }
    }

    #[test]
    fn a_message_with_any_one_bit_or_byte_changed_is_refused() {
        for vector in vectors().iter().filter(|vector| vector.message.len() < 1000) {
            for position in 0..vector.message.len() {
                for change in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
                    let mut message = vector.message.clone();
                    message[position] ^= change;
                    assert_eq!(decode_all(&message, 50), None, "{}, {change} at {position}", vector.name);
                }
            }
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_told_from_a_frame_that_does_not() {
        for vector in vectors().iter().filter(|vector| (22..1000).contains(&vector.message.len())) {
            let mut message = vector.message.clone();
            let last = message.len() - 1;
            message[last] ^= 1;
            let outcome = Decoder::new(message.len() as u64).push(message.into());
            assert!(matches!(outcome, Err(BodyError::Checksum)), "{}", vector.name);
        }
    }

    #[test]
    fn a_message_that_is_cut_or_goes_on_is_refused() {
        for vector in vectors().iter().filter(|vector| vector.message.len() < 1000) {
            let announced = vector.message.len() as u64;
            for end in 0..vector.message.len() {
                assert_eq!(decode_all(&vector.message[..end], 50), None, "{}, {end}", vector.name);
                let mut decoder = Decoder::new(announced);
                decoder.push(Bytes::copy_from_slice(&vector.message[..end])).unwrap();
                assert!(matches!(decoder.finish(), Err(BodyError::Incomplete)), "{}, {end}", vector.name);
            }
            let mut decoder = Decoder::new(announced);
            decoder.push(Bytes::copy_from_slice(&vector.message)).unwrap();
            assert!(matches!(decoder.push(Bytes::from_static(b"\0")), Err(BodyError::Malformed)));
            assert!(matches!(decoder.push(Bytes::from_static(b"\0")), Err(BodyError::Malformed)));
            assert!(matches!(decoder.finish(), Err(BodyError::Malformed)));
        }
    }

    #[test]
    fn a_message_of_another_length_than_announced_is_refused() {
        let vector = &vectors()[4];
        for announced in [0, 1, 20, vector.message.len() as u64 - 1, vector.message.len() as u64 + 1, u64::MAX] {
            let mut decoder = Decoder::new(announced);
            let outcome = decoder.push(Bytes::copy_from_slice(&vector.message));
            assert!(matches!(outcome, Err(BodyError::Malformed)), "{announced}");
        }
    }

    #[test]
    fn lengths_at_the_end_of_their_range_are_refused() {
        let header = |length: u64, segments: u16, segment: u64| {
            let mut bytes = vec![VERSION];
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&FLAG_CRC64.to_le_bytes());
            bytes.extend_from_slice(&segments.to_le_bytes());
            bytes.extend_from_slice(&1u16.to_le_bytes());
            bytes.extend_from_slice(&segment.to_le_bytes());
            Bytes::from(bytes)
        };
        for (length, segments, segment) in
            [(100, 1, u64::MAX), (100, u16::MAX, 1), (100, 1, 62), (u64::MAX, 1, u64::MAX)]
        {
            assert!(Decoder::new(length).push(header(length, segments, segment)).is_err());
        }
    }

    #[test]
    fn a_streamed_message_has_segments_of_four_mebibytes() {
        let segment: usize = 4 * 1024 * 1024;
        for length in [0, 1, segment, segment + 1, 2 * segment] {
            let content: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let body = content.chunks(700_000).map(|piece| Ok(Bytes::copy_from_slice(piece)));
            // An empty piece may end a body.
            let body = body.chain([Ok(Bytes::new())]).collect();
            let pieces: Result<Vec<Bytes>, Error> = collected(body, length as u64).into_iter().collect();
            let message = pieces.unwrap().concat();
            assert_eq!(message.len() as u64, Encoder::new(length as u64).encoded_length());
            assert_eq!(usize::from(u16::from_le_bytes([message[11], message[12]])), length.div_ceil(segment).max(1));
            assert_eq!(decode_all(&message, 100_000), Some(content));
        }
    }

    #[test]
    fn a_body_that_fails_or_has_another_length_never_ends_well() {
        let piece = || Ok(Bytes::from_static(b"0123456789"));
        for (body, length) in [
            (vec![piece()], 11),
            (vec![piece()], 9),
            (vec![], 1),
            (vec![piece(), Err(Error::Busy)], 10),
            (vec![piece(), Err(Error::Busy), piece()], 20),
        ] {
            let pieces = collected(body, length);
            assert!(pieces.last().unwrap().is_err());
            assert_eq!(pieces.iter().filter(|piece| piece.is_err()).count(), 1);
        }
    }

    #[test]
    fn very_long_content_makes_longer_segments() {
        for length in [65_535 * SEGMENT_BYTES, 65_535 * SEGMENT_BYTES + 1, 1 << 48] {
            let encoder = Encoder::new(length);
            assert!(encoder.segment_bytes * u64::from(encoder.segments) >= length);
            assert!(encoder.segment_bytes * (u64::from(encoder.segments) - 1) < length);
        }
    }
}
