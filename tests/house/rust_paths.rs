//! Reads Rust source just well enough to say which paths it names, and on which line.
//!
//! Not a parser: comments, strings and character literals are dropped, then `use` trees and `a::b` runs are followed.
//! Code under `#[cfg(test)]` is left out.

/// A path as it is written, with groups spelled out: `use crate::{a::b, c}` gives two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPath {
    /// Its line, counted from 1.
    pub line: usize,
    /// The inline modules that stand around it, outermost first.
    pub inline_modules: Vec<String>,
    /// `["crate", "a", "b"]`; a glob ends with `*`.
    pub segments: Vec<String>,
}

/// A word or a mark, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// All paths of two segments or more, and every path of a `use`, outside of test code.
pub fn named_paths(source: &str) -> Vec<NamedPath> {
    Scan { tokens: tokens(source), found: Vec::new(), blocks: Vec::new(), test_item: false }.run()
}

/// A `{` that is open: a module's name, and whether tests stand in it.
struct Block {
    module: Option<String>,
    test: bool,
}

struct Scan {
    tokens: Vec<Token>,
    found: Vec<NamedPath>,
    blocks: Vec<Block>,
    /// An attribute `#[cfg(test)]` was seen and its item has not begun its block or ended.
    test_item: bool,
}

impl Scan {
    fn run(mut self) -> Vec<NamedPath> {
        let mut at = 0;
        let mut module = None;
        while at < self.tokens.len() {
            match self.text(at) {
                "#" if self.text(at + 1) == "[" => at = self.attribute(at + 2),
                "mod" if self.text(at + 2) == "{" => {
                    module = Some(self.text(at + 1).to_owned());
                    at += 2;
                }
                "{" => {
                    self.blocks.push(Block { module: module.take(), test: self.test_item });
                    self.test_item = false;
                    at += 1;
                }
                "}" => {
                    self.blocks.pop();
                    self.test_item = false;
                    at += 1;
                }
                ";" => {
                    self.test_item = false;
                    at += 1;
                }
                "use" => at = self.use_tree(at + 1, &[]),
                text if is_word(text) => at = self.run_of_words(at),
                _ => at += 1,
            }
        }
        self.found
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    /// Skips an attribute, from behind its `#[`, and notes whether it is `cfg(test)`.
    fn attribute(&mut self, mut at: usize) -> usize {
        if self.text(at) == "cfg" && self.text(at + 2) == "test" {
            self.test_item = true;
        }
        let mut depth = 1;
        while depth > 0 && at < self.tokens.len() {
            match self.text(at) {
                "[" => depth += 1,
                "]" => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Follows one branch of a `use` tree; stops at the mark that ends it.
    fn use_tree(&mut self, mut at: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        let next = self.use_tree(at, &segments);
                        at = next + usize::from(next == at || self.text(next) == ",");
                    }
                    return at + 1;
                }
                "self" if !prefix.is_empty() => at += 1,
                "as" => at += 2,
                text if text == "*" || is_word(text) => {
                    segments.push(text.to_owned());
                    at += 1;
                }
                _ => {
                    self.push(line, segments);
                    return at;
                }
            }
        }
    }

    /// A run `a::b::c` in code.
    fn run_of_words(&mut self, mut at: usize) -> usize {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        let continues = at > 0 && matches!(self.text(at - 1), "." | "::");
        let mut segments = vec![self.text(at).to_owned()];
        while self.text(at + 1) == "::" && is_word(self.text(at + 2)) {
            segments.push(self.text(at + 2).to_owned());
            at += 2;
        }
        if segments.len() > 1 && !continues {
            self.push(line, segments);
        }
        at + 1
    }

    fn push(&mut self, line: usize, segments: Vec<String>) {
        if !self.test_item && !self.blocks.iter().any(|block| block.test) && !segments.is_empty() {
            let inline_modules = self.blocks.iter().filter_map(|block| block.module.clone()).collect();
            self.found.push(NamedPath { line, inline_modules, segments });
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let from = at;
        match (peek(at), peek(at + 1)) {
            ('/', '/') => {
                while at < chars.len() && peek(at) != '\n' {
                    at += 1;
                }
            }
            ('/', '*') => at = block_comment_end(&chars, at),
            ('"', _) => at = string_end(&chars, at),
            ('\'', '\\') => at = quote_end(&chars, at),
            ('\'', _) if peek(at + 2) == '\'' => at += 3,
            ('r', '"' | '#') | ('b' | 'c', 'r') if raw_string_end(&chars, at).is_some() => {
                at = raw_string_end(&chars, at).unwrap();
            }
            ('r', '#') => at += 2, // a raw identifier: `r#type`
            (c, _) if c.is_alphanumeric() || c == '_' => {
                while peek(at).is_alphanumeric() || peek(at) == '_' {
                    at += 1;
                }
                found.push(Token { text: chars[from..at].iter().collect(), line });
            }
            (':', ':') => {
                found.push(Token { text: "::".to_owned(), line });
                at += 2;
            }
            (c, _) => {
                if !c.is_whitespace() && c != '\'' {
                    found.push(Token { text: c.to_string(), line });
                }
                at += 1;
            }
        }
        line += chars[from..at].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// Comments nest.
fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(chars: &[char], at: usize) -> usize {
    delimited_end(chars, at, '"')
}

fn quote_end(chars: &[char], at: usize) -> usize {
    delimited_end(chars, at, '\'')
}

fn delimited_end(chars: &[char], mut at: usize, end: char) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != end {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of `r"…"`, `r#"…"#`, `br"…"`; `None` when no raw string begins here.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let mut at = if chars[at] == 'r' { at + 1 } else { at + 2 };
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    at += hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < chars.len() {
        let tail = &chars[at + 1..];
        if chars[at] == '"' && tail.len() >= hashes && tail.iter().take(hashes).all(|c| *c == '#') {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(at)
}
