//! Framing at every split, and the example of the S3 documentation.

use super::*;

/// Decodes `body`, which arrives in pieces of `size` bytes.
fn decode(mut decoder: Decoder, body: &[u8], size: usize) -> Result<(Vec<u8>, HeaderMap), BodyError> {
    let mut object = Vec::new();
    for piece in body.chunks(size) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(data) = decoder.next(&mut input)? {
            object.extend_from_slice(&data);
        }
    }
    Ok((object, decoder.finish()?))
}

fn unsigned(body: &[u8], size: usize) -> Result<(Vec<u8>, HeaderMap), BodyError> {
    decode(Decoder::new(None, true), body, size)
}

/// The example of "Signature calculations …: transferring payload in multiple chunks": 65 KiB of `a`.
fn example() -> (ChunkSigner, Vec<u8>) {
    let signer = ChunkSigner::new(
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "20130524T000000Z",
        "20130524/us-east-1/s3/aws4_request",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    let mut body = Vec::new();
    for (size, signature) in [
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', size));
        body.extend_from_slice(b"\r\n");
    }
    (signer, body)
}

#[test]
fn the_documented_example_is_read_however_it_arrives() {
    for size in [1, 7, 1000, 65_536, 1_000_000] {
        let (signer, body) = example();
        let (object, trailers) = decode(Decoder::new(Some(signer), false), &body, size).unwrap();
        assert!(object.len() == 66_560 && object.iter().all(|byte| *byte == b'a') && trailers.is_empty());
    }
}

#[test]
fn no_byte_of_a_signed_body_can_be_changed() {
    let (_, body) = example();
    let interesting = [0, 4, 5, 20, 30, 84, 85, 86, 87, 40_000, 65_622, 65_623, 65_624, 65_630, body.len() - 40];
    for position in interesting {
        let (signer, mut body) = example();
        body[position] ^= 1;
        assert!(decode(Decoder::new(Some(signer), false), &body, 4096).is_err(), "at {position}");
    }
    for length in [0, 10, 86, 87, 65_622, body.len() - 90] {
        let (signer, body) = example();
        assert!(decode(Decoder::new(Some(signer), false), &body[..length], 4096).is_err(), "cut at {length}");
    }
}

#[test]
fn a_signed_body_has_no_unsigned_chunk_or_trailer() {
    let (signer, _) = example();
    assert!(matches!(decode(Decoder::new(Some(signer), false), b"0\r\n\r\n", 9), Err(BodyError::Malformed)));
    let (signer, mut body) = example();
    body.extend_from_slice(b"x-amz-checksum-crc32:AAAAAA==\r\n");
    assert!(matches!(decode(Decoder::new(Some(signer), false), &body, 4096), Err(BodyError::Malformed)));
    let (signer, body) = example();
    assert!(matches!(decode(Decoder::new(Some(signer), true), &body, 4096), Err(BodyError::Malformed)));
}

#[test]
fn unsigned_chunks_and_their_trailers_are_read_however_they_arrive() {
    let body = b"5\r\n12345\r\n4\r\n6789\r\n0\r\nx-amz-checksum-crc32: y/Q5Jg== \r\n\r\n";
    for size in 1..body.len() {
        let (object, trailers) = unsigned(body, size).unwrap();
        assert_eq!(
            (object.as_slice(), &trailers["x-amz-checksum-crc32"]),
            (&b"123456789"[..], &HeaderValue::from_static("y/Q5Jg=="))
        );
    }
    let bare = unsigned(b"1\r\na\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==", 99).unwrap();
    assert_eq!(bare.1["x-amz-checksum-crc32"], "y/Q5Jg==");
}

#[test]
fn broken_framing_is_an_error() {
    let cases: [&[u8]; 14] = [
        b"",
        b"1\r\na\r\n",
        b"2\r\na",
        b"1\r\nab\r\n0\r\n\r\n",
        b"1\na\r\n0\r\n\r\n",
        b"+1\r\na\r\n0\r\n\r\n",
        b"-1\r\na\r\n0\r\n\r\n",
        b"\r\na\r\n0\r\n\r\n",
        b"ffffffffffffffff0\r\na\r\n0\r\n\r\n",
        b"1;other=x\r\na\r\n0\r\n\r\n",
        b"1;chunk-signature=0000\r\na\r\n0\r\n\r\n",
        b"0\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"0\r\n\r\nbytes after the end",
        b"0\r\nx-amz-trailer-signature:00\r\n\r\n",
    ];
    for body in cases {
        for size in [1, 3, 999] {
            assert_eq!(decode_chunked(body, size), None);
            assert!(unsigned(body, size).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }
    let long = [b"0\r\nx:".as_slice(), &[b'a'; MAX_LINE_BYTES]].concat();
    assert!(unsigned(&long, 1000).is_err());
    let many = [b"0\r\n".as_slice(), b"x:0123456789\r\n".repeat(2000).as_slice()].concat();
    assert!(unsigned(&many, 1000).is_err());
}

proptest::proptest! {
    #[test]
    fn a_body_says_the_same_however_it_arrives(
        tokens in proptest::collection::vec(
            proptest::sample::select(vec!["0", "1", "2", "a", "\r\n", "\n", "\r", ":", ";", "x:y", "1\r\na\r\n", "0\r\n"]),
            0..24,
        ),
        piece_bytes in 1_usize..40,
    ) {
        let body = tokens.concat().into_bytes();
        let whole = decode_chunked(&body, body.len());
        proptest::prop_assert_eq!(decode_chunked(&body, piece_bytes), whole.clone());
        proptest::prop_assert!(whole.is_none_or(|object| object.len() < body.len()));
    }
}
