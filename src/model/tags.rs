//! Tags: what a client writes on objects to find them by.
//!
//! # Invariants
//! - An expression is of bounded size and depth: whoever walks it needs no limit of its own.
//! - Values compare as bytes. A comparison with a tag that an object does not have never holds, `<>` neither.
//!
//! Source: Azure "Set Blob Tags", "Find Blobs by Tags" (grammar of `where`), "Specifying conditional headers" (`x-ms-if-tags`);
//! S3 "Categorizing your storage using tags".

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Tags of an object or of a bucket: names and values, ordered by name.
pub type Tags = BTreeMap<String, String>;

/// Most tags of an object, and most names in an expression.
const MOST_TAGS: usize = 10;
/// Most tags of a bucket.
const MOST_BUCKET_TAGS: usize = 50;
/// Longest name, in characters.
const LONGEST_NAME: usize = 128;
/// Longest value, in characters.
const LONGEST_VALUE: usize = 256;
/// Longest expression, in bytes: ten comparisons of the longest names and values, and then some.
const LONGEST_EXPRESSION: usize = 8192;
/// Most comparisons in an expression.
const MOST_COMPARISONS: usize = 50;
/// Deepest nesting of parentheses.
const DEEPEST: usize = 16;

/// Why tags, or an expression over them, were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagFault {
    /// An object has at most ten tags, a bucket 50, and an expression names at most ten.
    #[error("there are too many tags")]
    TooMany,
    /// A name is empty or too long.
    #[error("a tag's name has 1 to 128 characters")]
    NameLength,
    /// A value is too long.
    #[error("a tag's value has at most 256 characters")]
    ValueLength,
    /// A character that the protocol does not allow in names and values.
    #[error("a tag has letters, digits, spaces and + - . / : = _ only")]
    Character,
    /// The expression is larger or deeper than any that makes sense.
    #[error("the expression is too large")]
    TooLarge,
    /// The expression is not of the grammar.
    #[error("the expression is malformed")]
    Malformed,
}

/// The characters of names and values, as a protocol has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagCharacters {
    /// Azure's: ASCII letters and digits, space, `+ - . / : = _`.
    Azure,
    /// S3's: letters, digits and spaces of any script, `+ - . / : = _ @`.
    S3,
}

impl TagCharacters {
    fn has(self, c: char) -> bool {
        let common = is_of_a_word(c) || " +-./:=".contains(c);
        common || self == Self::S3 && (c == '@' || c.is_alphanumeric() || c.is_whitespace() && !c.is_control())
    }
}

/// Checks tags against the rules that Azure and S3 share: at most ten, names of 1 to 128 characters, values of up to 256; and
/// against the characters of the one that they came by.
pub fn check_tags(tags: &Tags, characters: TagCharacters) -> Result<(), TagFault> {
    check(tags, MOST_TAGS, characters)
}

/// Checks tags against the rules of S3 for a bucket's: at most 50, with names, values and characters as an object's.
pub fn check_bucket_tags(tags: &Tags) -> Result<(), TagFault> {
    check(tags, MOST_BUCKET_TAGS, TagCharacters::S3)
}

fn check(tags: &Tags, most: usize, characters: TagCharacters) -> Result<(), TagFault> {
    if tags.len() > most {
        return Err(TagFault::TooMany);
    }
    tags.iter().try_for_each(|(name, value)| check_name(name, characters).and_then(|()| check_value(value, characters)))
}

/// What the tags of an object must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagExpression(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Compare { subject: Subject, operator: Operator, value: String },
    All(Vec<Self>),
    Any(Vec<Self>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Tag(String),
    Container,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Values of one tag that every object has for which an expression holds: `from..below`, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRange<'e> {
    /// The tag's name.
    pub name: &'e str,
    /// The least value.
    pub from: String,
    /// All values are less than this; `None`: there is no such bound.
    pub below: Option<String>,
}

impl TagExpression {
    /// Reads the `where` of a search: comparisons with `=`, `>`, `>=`, `<`, `<=`, joined by `AND`; `@container = '…'` is one,
    /// too.
    pub fn parse_search(text: &str) -> Result<Self, TagFault> {
        Parser::new(text, false)?.whole().map(Self)
    }

    /// Reads the value of `x-ms-if-tags`: as a search, with `<>` and `OR`, without `@container`.
    pub fn parse_condition(text: &str) -> Result<Self, TagFault> {
        Parser::new(text, true)?.whole().map(Self)
    }

    /// Whether it holds for an object with these tags. Comparisons with a container hold.
    pub fn holds(&self, tags: &Tags) -> bool {
        self.0.holds(None, tags)
    }

    /// Whether it holds for an object with these tags in that container.
    pub fn holds_in(&self, container: &str, tags: &Tags) -> bool {
        self.0.holds(Some(container), tags)
    }

    /// The container that objects must be in, if it names one.
    pub fn container(&self) -> Option<&str> {
        self.required().into_iter().find_map(|node| match node {
            Node::Compare { subject: Subject::Container, value, .. } => Some(value.as_str()),
            _ => None,
        })
    }

    /// What every object has for which it holds, one range for each tag; for an index to search by.
    pub fn ranges(&self) -> Vec<TagRange<'_>> {
        let mut ranges: BTreeMap<&str, TagRange<'_>> = BTreeMap::new();
        for node in self.required() {
            let Node::Compare { subject: Subject::Tag(name), operator, value } = node else { continue };
            let whole = || TagRange { name, from: String::new(), below: None };
            ranges.entry(name).or_insert_with(whole).narrow(*operator, value);
        }
        ranges.into_values().collect()
    }

    /// Comparisons that must all hold.
    fn required(&self) -> Vec<&Node> {
        let (mut open, mut found) = (vec![&self.0], Vec::new());
        while let Some(node) = open.pop() {
            match node {
                Node::All(nodes) => open.extend(nodes),
                Node::Compare { .. } => found.push(node),
                Node::Any(_) => {}
            }
        }
        found
    }
}

impl TagRange<'_> {
    fn narrow(&mut self, operator: Operator, value: &str) {
        let (at, behind) = (value.to_owned(), format!("{value}\0"));
        let (from, below) = match operator {
            Operator::Equal => (Some(at), Some(behind)),
            Operator::Greater => (Some(behind), None),
            Operator::GreaterOrEqual => (Some(at), None),
            Operator::Less => (None, Some(at)),
            Operator::LessOrEqual => (None, Some(behind)),
            Operator::NotEqual => (None, None),
        };
        if let Some(from) = from.filter(|from| *from > self.from) {
            self.from = from;
        }
        if let Some(below) = below.filter(|new| self.below.as_ref().is_none_or(|below| new < below)) {
            self.below = Some(below);
        }
    }
}

impl Node {
    fn holds(&self, container: Option<&str>, tags: &Tags) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(container, tags)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(container, tags)),
            Self::Compare { subject: Subject::Container, value, .. } => container.is_none_or(|name| name == value),
            Self::Compare { subject: Subject::Tag(name), operator, value } => {
                tags.get(name).is_some_and(|tag| operator.holds(tag.as_str().cmp(value)))
            }
        }
    }
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

/// Reads an expression by recursive descent.
struct Parser<'t> {
    rest: &'t str,
    condition: bool,
    depth: usize,
    comparisons: usize,
    names: BTreeSet<&'t str>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, condition: bool) -> Result<Self, TagFault> {
        if text.len() > LONGEST_EXPRESSION {
            return Err(TagFault::TooLarge);
        }
        Ok(Self { rest: text, condition, depth: 0, comparisons: 0, names: BTreeSet::new() })
    }

    fn whole(mut self) -> Result<Node, TagFault> {
        let node = self.any()?;
        self.skip();
        if self.rest.is_empty() { Ok(node) } else { Err(TagFault::Malformed) }
    }

    fn any(&mut self) -> Result<Node, TagFault> {
        let first = self.all()?;
        let mut nodes = vec![first];
        while self.condition && self.word("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, TagFault> {
        let mut nodes = vec![self.group()?];
        while self.word("and") {
            nodes.push(self.group()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn group(&mut self) -> Result<Node, TagFault> {
        if !self.sign("(") {
            return self.comparison();
        }
        if self.depth == DEEPEST {
            return Err(TagFault::TooLarge);
        }
        self.depth += 1;
        let node = self.any()?;
        self.depth -= 1;
        if self.sign(")") { Ok(node) } else { Err(TagFault::Malformed) }
    }

    fn comparison(&mut self) -> Result<Node, TagFault> {
        self.comparisons += 1;
        if self.comparisons > MOST_COMPARISONS {
            return Err(TagFault::TooLarge);
        }
        let subject = self.subject()?;
        let operator = self.operator()?;
        self.skip();
        let value = self.quoted('\'')?.to_owned();
        check_value(&value, TagCharacters::Azure)?;
        if subject == Subject::Container && operator != Operator::Equal {
            return Err(TagFault::Malformed);
        }
        Ok(Node::Compare { subject, operator, value })
    }

    fn subject(&mut self) -> Result<Subject, TagFault> {
        if self.sign("@") {
            let container = !self.condition && self.identifier() == "container";
            return if container { Ok(Subject::Container) } else { Err(TagFault::Malformed) };
        }
        let name = match self.rest.starts_with('"') {
            true => self.quoted('"')?,
            false => Some(self.identifier()).filter(|name| !name.is_empty()).ok_or(TagFault::Malformed)?,
        };
        check_name(name, TagCharacters::Azure)?;
        self.names.insert(name);
        if self.names.len() > MOST_TAGS { Err(TagFault::TooMany) } else { Ok(Subject::Tag(name.to_owned())) }
    }

    fn operator(&mut self) -> Result<Operator, TagFault> {
        let known = [
            ("=", Operator::Equal),
            (">=", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("<>", Operator::NotEqual),
            (">", Operator::Greater),
            ("<", Operator::Less),
        ];
        let found = known.into_iter().find(|(sign, _)| self.sign(sign)).map(|(_, operator)| operator);
        found.filter(|operator| self.condition || *operator != Operator::NotEqual).ok_or(TagFault::Malformed)
    }

    /// The text between two `quote`s. What is quoted may hold no quote: no name or value has one.
    fn quoted(&mut self, quote: char) -> Result<&'t str, TagFault> {
        let inner = self.rest.strip_prefix(quote).ok_or(TagFault::Malformed)?;
        let (text, rest) = inner.split_once(quote).ok_or(TagFault::Malformed)?;
        self.rest = rest;
        Ok(text)
    }

    /// Letters, digits and underscores: what a name may have without quotes.
    fn identifier(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !is_of_a_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Takes a word, in any case, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let before = self.rest;
        let found = self.identifier().eq_ignore_ascii_case(word);
        if !found {
            self.rest = before;
        }
        found
    }

    /// Takes a sign if it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        self.skip();
        self.rest.strip_prefix(sign).inspect(|rest| self.rest = rest).is_some()
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            many(nodes)
        }
        None => many(nodes),
    }
}

fn check_name(name: &str, characters: TagCharacters) -> Result<(), TagFault> {
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(TagFault::NameLength);
    }
    check_characters(name, characters)
}

fn check_value(value: &str, characters: TagCharacters) -> Result<(), TagFault> {
    if value.chars().count() > LONGEST_VALUE {
        return Err(TagFault::ValueLength);
    }
    check_characters(value, characters)
}

fn check_characters(text: &str, characters: TagCharacters) -> Result<(), TagFault> {
    if text.chars().all(|c| characters.has(c)) { Ok(()) } else { Err(TagFault::Character) }
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
#[path = "tags_tests.rs"]
mod tests;
