//! Byte ranges (RFC 9110 §14).

/// A range as a client asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeRequest {
    /// `bytes=first-last`, both inclusive.
    Between {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
    },
    /// `bytes=first-`.
    From {
        /// First byte.
        first: u64,
    },
    /// `bytes=-length`: the last `length` bytes.
    Suffix {
        /// How many.
        length: u64,
    },
}

/// A range of an object that exists: `first < end <= length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub first: u64,
    /// One past the last byte.
    pub end: u64,
}

/// The range lies outside: 416 (RFC 9110 §15.5.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the range lies outside of the object's {length} bytes")]
pub struct Unsatisfiable {
    /// The object's length in bytes.
    pub length: u64,
}

impl RangeRequest {
    /// The bytes meant, in an object of `length` bytes.
    pub fn resolve(self, length: u64) -> Result<ByteRange, Unsatisfiable> {
        let outside = Unsatisfiable { length };
        let (first, end) = match self {
            Self::Between { first, last } if last < first => return Err(outside),
            Self::Between { first, last } => (first, last.saturating_add(1).min(length)),
            Self::From { first } => (first, length),
            Self::Suffix { length: wanted } => (length.saturating_sub(wanted), length),
        };
        if first >= end { Err(outside) } else { Ok(ByteRange { first, end }) }
    }

    /// The same for a copy: it has all the bytes that were named, or is refused. Only what is read may be less.
    pub fn resolve_exactly(self, length: u64) -> Result<ByteRange, Unsatisfiable> {
        match self {
            Self::Between { last, .. } if last >= length => Err(Unsatisfiable { length }),
            Self::Between { .. } | Self::From { .. } | Self::Suffix { .. } => self.resolve(length),
        }
    }
}

impl ByteRange {
    /// How many bytes, at least 1.
    pub fn length(self) -> u64 {
        self.end - self.first
    }
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
