//! Content that looks random, and is the same for the same seed.

/// A small generator (xorshift64*, Marsaglia 2003, Vigna 2016): enough for contents and choices, nothing else.
#[derive(Clone)]
pub struct Noise(u64);

impl Noise {
    /// A generator for a seed; the same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03 | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// So many bytes for a seed.
pub fn content(seed: u64, count: usize) -> Vec<u8> {
    Noise::new(seed).bytes(count)
}

/// A number from the environment's `name`, or the usual one.
pub fn number(name: &str, usual: usize) -> usize {
    std::env::var_os(name).and_then(|value| value.to_str()?.parse().ok()).unwrap_or(usual)
}

/// A seed from the environment's `name`, or from the clock. Print it, so that a failure can be run again.
pub fn seed(name: &str) -> u64 {
    std::env::var_os(name)
        .and_then(|value| value.to_str().and_then(|text| text.parse().ok()))
        .unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.subsec_nanos().into()))
}
