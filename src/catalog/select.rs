//! Which bytes of a version a [`Select`] means.

use super::{Select, Version};
use crate::model::{ByteRange, Unsatisfiable};

impl Select {
    /// The bytes meant, or `None` where that is no byte at all: all of an empty object, or an empty part.
    pub(super) fn resolve(self, version: &Version) -> Result<Option<ByteRange>, Unsatisfiable> {
        let whole = (version.length > 0).then_some(ByteRange { first: 0, end: version.length });
        match self {
            Self::All => Ok(whole),
            Self::Range(range) => range.resolve(version.length).map(Some),
            Self::Exactly(range) => range.resolve_exactly(version.length).map(Some),
            Self::PartNumber(1) if version.part_lengths.is_empty() => Ok(whole),
            Self::PartNumber(number) => part_range(version, number),
        }
    }
}

fn part_range(version: &Version, number: u32) -> Result<Option<ByteRange>, Unsatisfiable> {
    let outside = Unsatisfiable { length: version.length };
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok()).ok_or(outside)?;
    let length = *version.part_lengths.get(index).ok_or(outside)?;
    let first: u64 = version.part_lengths.iter().take(index).sum();
    Ok((length > 0).then_some(ByteRange { first, end: first + length }))
}
