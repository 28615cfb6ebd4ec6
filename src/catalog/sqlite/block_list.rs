//! The stored form of a version's committed blocks: a list may have 50,000, so it is binary.
//!
//! `0x01`, then for each block: length of its name (1 byte), its name, its length (8 bytes, big endian), 16 and its MD5,
//! or 0 where that is not known.

use rusqlite::Connection;

use crate::catalog::{CatalogError, Failure, MOST_BLOCKS, PAGE_BLOCKS};
use crate::model::{Block, BlockId};

const FORMAT: u8 = 1;

pub(super) fn write(blocks: &[Block]) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    for block in blocks {
        let id = block.id.as_str().as_bytes();
        // A name has at most 88 characters.
        bytes.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&block.length.to_be_bytes());
        let md5 = block.md5.as_ref().map_or(&[][..], |md5| md5.as_slice());
        bytes.push(if md5.is_empty() { 0 } else { 16 });
        bytes.extend_from_slice(md5);
    }
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Block>, CatalogError> {
    let damaged = || CatalogError::Failed(Failure::Damaged("a list of blocks that cannot be read"));
    let (&FORMAT, mut rest) = bytes.split_first().ok_or_else(damaged)? else { return Err(damaged()) };
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let (block, left) = one(rest).ok_or_else(damaged)?;
        rest = left;
        blocks.push(block);
        if blocks.len() > MOST_BLOCKS {
            return Err(damaged());
        }
    }
    Ok(blocks)
}

/// Bytes that hold a page of blocks, be their names as long as they may.
pub(super) const WINDOW_BYTES: usize = PAGE_BLOCKS * 128;

/// The bytes of a version's list from a place on, as many as a page may be. Nothing else of the list is in memory then: read as a
/// column, it would be there whole, however short the page.
pub(super) fn window(db: &Connection, version: i64, from: u64) -> Result<Vec<u8>, CatalogError> {
    let list = db.blob_open("main", "version", "blocks", version, true)?;
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let mut bytes = vec![0; list.len().saturating_sub(from).min(WINDOW_BYTES)];
    list.read_at_exact(&mut bytes, from)?;
    Ok(bytes)
}

/// The blocks, at most a page, that `bytes` hold whole, and how many bytes they are. `first`: with the beginning of the list.
pub(super) fn page(bytes: &[u8], first: bool) -> Result<(Vec<Block>, u64), CatalogError> {
    let begin: &[u8] = if first { &[FORMAT] } else { &[] };
    let mut rest = bytes
        .strip_prefix(begin)
        .ok_or(CatalogError::Failed(Failure::Damaged("a list of blocks that cannot be read")))?;
    let mut blocks = Vec::new();
    while let Some((block, left)) = one(rest).filter(|_| blocks.len() < PAGE_BLOCKS) {
        rest = left;
        blocks.push(block);
    }
    Ok((blocks, (bytes.len() - rest.len()) as u64))
}

fn one(bytes: &[u8]) -> Option<(Block, &[u8])> {
    let (id, rest) = counted(bytes)?;
    let id = BlockId::parse(std::str::from_utf8(id).ok()?)?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (md5, rest) = counted(rest)?;
    let md5 = if md5.is_empty() { None } else { Some(md5.try_into().ok()?) };
    Some((Block { id, length: u64::from_be_bytes(*length), md5 }, rest))
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_and_what_is_none_does_not() {
        let block = |id: &str, length, md5| Block { id: BlockId::parse(id).unwrap(), length, md5 };
        let blocks = vec![block("AA==", 1, None), block("AQIDBA==", u64::MAX, Some([7; 16])), block("AA==", 3, None)];
        let bytes = write(&blocks);
        assert_eq!(read(&bytes).unwrap(), blocks);
        assert_eq!(read(&write(&[])).unwrap(), Vec::new());
        assert!(read(&[]).is_err() && read(&[2]).is_err());
        for end in 2..bytes.len() {
            let whole = read(bytes.get(..end).unwrap());
            assert!(whole.is_err() || whole.unwrap().len() < blocks.len());
        }
        assert!(read(&[&[1, 4], b"????".as_slice(), &[0; 9]].concat()).is_err(), "a name that is no base64");
    }
}
