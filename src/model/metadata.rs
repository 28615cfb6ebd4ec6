//! What a version carries beside its bytes.

use std::collections::BTreeMap;

use super::{Checksum, ClientId, Tags, Timestamp};

/// Headers that HTTP and both protocols define and that come back as they went in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemMetadata {
    /// `Content-Type`; absent means the protocol's default.
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, as it was sent.
    pub expires: Option<String>,
    /// S3's `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// S3's storage class, when not STANDARD.
    pub storage_class: Option<String>,
}

impl SystemMetadata {
    /// Bytes of the values that are kept as the client sent them: all but the storage class, which is a word of ours.
    pub fn header_bytes(&self) -> usize {
        let kept = [
            &self.content_type,
            &self.content_encoding,
            &self.content_language,
            &self.content_disposition,
            &self.cache_control,
            &self.expires,
            &self.website_redirect,
        ];
        kept.into_iter().flatten().map(String::len).sum()
    }
}

/// All that a version carries beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// System headers.
    pub system: SystemMetadata,
    /// User metadata: lower-case name (without `x-amz-meta-`) → value.
    pub user: BTreeMap<String, String>,
    /// MD5 of the whole plaintext, where it is known.
    pub content_md5: Option<[u8; 16]>,
    /// Checksums that the client sent or asked for.
    pub checksums: Vec<Checksum>,
    /// Tags, to find it by.
    pub tags: Tags,
    /// Present when bytes may be appended to it.
    pub append: Option<AppendState>,
    /// The MD5 that clients of Azure are shown.
    pub shown_md5: ShownMd5,
    /// The access tier that a client chose; `None`: the default.
    pub tier: Option<Tier>,
    /// When its first version was committed under this name, where that is not when this version was.
    pub created: Option<Timestamp>,
    /// The copy that it was last made by.
    pub copied: Option<Box<CopyRecord>>,
    /// The client whose quota it counts against; `None`: nobody's.
    pub owner: Option<ClientId>,
}

impl Metadata {
    /// Bytes of all texts that it holds, about: what it takes in memory and in an answer that shows all of it.
    pub fn text_bytes(&self) -> usize {
        let headers = self.system.header_bytes() + self.system.storage_class.as_ref().map_or(0, String::len);
        let pairs = self.user.iter().chain(self.tags.iter()).map(|(name, value)| name.len() + value.len());
        headers + pairs.sum::<usize>() + self.copied.as_ref().map_or(0, |copied| copied.source.len())
    }
}

/// What is known of an object that grows by appending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendState {
    /// How many blocks were appended.
    pub blocks: u32,
    /// Whether it was sealed in Azure's sense: nothing may be appended any more.
    pub closed: bool,
}

/// Azure's `Content-MD5` property, which clients may set to anything and which then says nothing of the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShownMd5 {
    /// The MD5 of the content, where it is known.
    #[default]
    OfContent,
    /// What a client set; `None`: nothing.
    Given(Option<[u8; 16]>),
}

/// An access tier. It is kept and shown; where the bytes lie does not depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// `Hot`, `Cool`, `Cold` or `Archive`.
    pub name: String,
    /// When it was set.
    pub changed: Timestamp,
}

impl Tier {
    /// The tier whose content is neither read nor changed.
    pub const ARCHIVE: &str = "Archive";
}

/// A finished copy, as `x-ms-copy-*` tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRecord {
    /// Its id: a UUID.
    pub id: String,
    /// The source's address as the client gave it, without its query.
    pub source: String,
    /// When it finished.
    pub finished: Timestamp,
    /// Bytes copied.
    pub length: u64,
}
