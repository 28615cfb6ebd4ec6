//! The ids of requests, as Azure writes them: UUIDs.

use std::sync::Arc;

pub(in crate::front::azure) use crate::front::exchange::Exchange as Context;
use crate::front::server::RequestId;

/// A request that begins now.
pub(in crate::front::azure) fn begin(id: &RequestId) -> Arc<Context> {
    Context::begin("azure", id, uuid_of)
}

/// 32 hex digits as a UUID. Anything else stays as it is.
pub(in crate::front::azure) fn uuid_of(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    if hex.len() != 32 {
        return hex.to_owned();
    }
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// A fresh UUID (RFC 9562, version 4).
pub(in crate::front::azure) fn new_uuid() -> Result<String, crate::secret::NoRandomness> {
    let mut bytes = [0_u8; 16];
    crate::secret::fill_random(&mut bytes)?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    Ok(uuid_of(&hex::encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_version_and_variant_of_random_ones() {
        let uuid = new_uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        assert_ne!(uuid, new_uuid().unwrap());
        assert_eq!(uuid_of("00112233445566778899aabbccddeeff"), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
