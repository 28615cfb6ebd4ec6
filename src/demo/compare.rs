//! What came back against what was sent; what the provider holds against what must not be readable there.

use std::path::Path;

use super::client::Returned;
use super::records::{Record, words};
use super::{DemoError, Outcome};

/// One file of the provider.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Its name, relative to the provider's folder.
    pub(super) name: String,
    /// Its length in bytes.
    pub(super) bytes: usize,
    /// Its first bytes.
    pub(super) first: Vec<u8>,
}

/// What the other front, Azure Blob, shows of what was stored through S3.
#[derive(Debug, Clone)]
pub(super) struct OtherFront {
    /// How many objects it lists.
    pub(super) listed: usize,
    /// The record that was read through it.
    pub(super) read: String,
    /// Whether it lists every record with its length and no more, and gave that record back with its type.
    pub(super) agrees: bool,
}

impl OtherFront {
    /// Compares what was listed and what was read of `record` with what was stored.
    pub(super) fn make(records: &[Record], listed: &[(String, u64)], record: &Record, returned: &Returned) -> Self {
        let mut found: Vec<(&str, u64)> = listed.iter().map(|(name, length)| (name.as_str(), *length)).collect();
        let mut stored: Vec<(&str, u64)> =
            records.iter().map(|record| (record.name.as_str(), record.content.len() as u64)).collect();
        found.sort_unstable();
        stored.sort_unstable();
        Self { listed: listed.len(), read: record.name.clone(), agrees: found == stored && same(record, returned) }
    }
}

fn same(record: &Record, back: &Returned) -> bool {
    record.content == back.content && back.content_type.as_deref() == Some(record.content_type)
}

/// The result.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    /// Names of records that came back changed.
    pub(super) changed: Vec<String>,
    /// What the provider holds, by name.
    pub(super) stored: Vec<Stored>,
    /// Each word, and how often it was found in names and bytes.
    pub(super) found: Vec<(&'static str, usize)>,
    /// The same records through Azure Blob.
    pub(super) azure: OtherFront,
}

impl Comparison {
    /// Compares the bytes and types of `returned`, and searches all of the provider's folder.
    pub(super) fn make(
        records: &[Record],
        returned: &[Returned],
        azure: OtherFront,
        provider: &Path,
    ) -> Result<Self, DemoError> {
        let changed = records
            .iter()
            .enumerate()
            .filter(|(index, record)| !returned.get(*index).is_some_and(|back| same(record, back)))
            .map(|(_, record)| record.name.clone())
            .collect();

        let mut found: Vec<(&'static str, usize)> = words().into_iter().map(|word| (word, 0)).collect();
        let mut stored = Vec::new();
        walk(provider, provider, &mut |name, content| {
            for (word, count) in &mut found {
                *count += spellings(word)
                    .iter()
                    .map(|spelling| occurrences(content, spelling) + occurrences(name.as_bytes(), spelling))
                    .sum::<usize>();
            }
            let first = content.iter().take(FIRST_BYTES).copied().collect();
            stored.push(Stored { name, bytes: content.len(), first });
        })?;
        stored.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { changed, stored, found, azure })
    }

    /// What it proves. A provider that holds nothing proves nothing.
    pub(super) fn outcome(&self) -> Outcome {
        let readable = self.found.iter().any(|(_, count)| *count > 0);
        if self.changed.is_empty() && self.azure.agrees && !readable && !self.stored.is_empty() {
            Outcome::Proven
        } else {
            Outcome::Disproven
        }
    }
}

/// The word in UTF-8, in ISO 8859-1, and percent-encoded, without doubles.
fn spellings(word: &str) -> Vec<Vec<u8>> {
    let latin: Option<Vec<u8>> = word.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    let percent = percent_encoding::utf8_percent_encode(word, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut spellings = vec![word.as_bytes().to_vec(), percent.into_bytes()];
    spellings.extend(latin);
    spellings.sort();
    spellings.dedup();
    spellings
}

fn occurrences(content: &[u8], word: &[u8]) -> usize {
    let Some(&first) = word.first() else { return 0 };
    content
        .iter()
        .enumerate()
        .filter(|&(at, &byte)| byte == first && content.get(at..).is_some_and(|rest| rest.starts_with(word)))
        .count()
}

fn walk(root: &Path, folder: &Path, visit: &mut dyn FnMut(String, &[u8])) -> Result<(), DemoError> {
    for entry in std::fs::read_dir(folder).map_err(DemoError::file(folder))? {
        let path = entry.map_err(DemoError::file(folder))?.path();
        if path.is_dir() {
            walk(root, &path, visit)?;
        } else {
            let content = std::fs::read(&path).map_err(DemoError::file(&path))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            visit(name, &content);
        }
    }
    Ok(())
}

/// Bytes of each file that are shown.
pub(super) const FIRST_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_spelling() {
        let latin = [b'B', 0xe9, b'r', b'u', b'b', 0xe9];
        for (content, count) in [(&latin[..], 1), ("xBérubéBérubé".as_bytes(), 2), (b"B%C3%A9rub%C3%A9", 1), (b"B", 0)]
        {
            let total: usize = spellings("Bérubé").iter().map(|word| occurrences(content, word)).sum();
            assert_eq!(total, count, "{content:?}");
        }
    }
}
