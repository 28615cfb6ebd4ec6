//! Rules for the pages of other origins (CORS): which page may send what, and read which headers of the answer.
//!
//! A browser keeps to them; they allow nobody anything that credentials do not.
//!
//! Source: Fetch, "CORS protocol"; S3 "CORS configuration"; "Cross-Origin Resource Sharing (CORS) support for Azure Storage".

use super::{BucketName, BucketRef, TenantId};

/// Most headers that a page may ask for at once: what a preflight costs is bounded.
pub const MOST_ASKED_HEADERS: usize = 64;

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsRule {
    /// What its maker calls it.
    pub id: Option<String>,
    /// Origins as browsers write them, each with one `*` at most.
    pub origins: Vec<String>,
    /// Methods, in capital letters.
    pub methods: Vec<String>,
    /// Request headers, each with one `*` at most.
    pub headers: Vec<String>,
    /// Headers of answers that pages may read; in Azure's rules with a `*` at the end.
    pub exposed: Vec<String>,
    /// How long a browser may remember a preflight, in seconds.
    pub max_age: Option<u32>,
}

/// What the rules are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsPlace {
    /// A bucket.
    Bucket(BucketRef),
    /// Everything of a tenant.
    Account(TenantId),
}

/// The same as a client names it, in its own tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsTarget {
    /// A bucket.
    Bucket(BucketName),
    /// The whole account.
    Account,
}

/// A request of a page, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct CrossOrigin<'a> {
    /// The page's origin.
    pub origin: &'a str,
    /// The method that it uses or wants to use.
    pub method: &'a str,
    /// The headers that it wants to send, parted by commas.
    pub headers: &'a str,
}

/// What fits a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorsMatch<'a> {
    /// The first rule that fits.
    pub rule: &'a CorsRule,
    /// It fits because it is of every origin, and not because it names this one.
    pub any_origin: bool,
}

impl CorsRule {
    /// Whether each part is as it may be: names can be written into headers, and a pattern has one `*` at most.
    pub fn is_sound(&self) -> bool {
        let visible = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let token = |text: &String| visible(text) && !text.contains([',', ';', ':', '"', '(', ')', '/', '\\', ' ']);
        let one_star = |text: &String| text.matches('*').count() <= 1;
        self.origins.iter().all(|origin| visible(origin) && !origin.contains(',') && one_star(origin))
            && self.methods.iter().all(|method| method.bytes().all(|byte| byte.is_ascii_uppercase()))
            && self.headers.iter().chain(&self.exposed).all(|header| token(header) && one_star(header))
            && !self.origins.is_empty()
            && !self.methods.is_empty()
    }

    fn fits(&self, asked: &CrossOrigin<'_>) -> Option<CorsMatch<'_>> {
        if !self.methods.iter().any(|method| method == asked.method) {
            return None;
        }
        let named = self.origins.iter().any(|pattern| pattern != "*" && is_like(asked.origin, pattern));
        let every = self.origins.iter().any(|pattern| pattern == "*");
        let headers = asked.headers.split(',').map(str::trim_ascii).filter(|name| !name.is_empty());
        let allowed = |name: &str| self.headers.iter().any(|pattern| is_like_header(name, pattern));
        ((named || every) && headers.clone().count() <= MOST_ASKED_HEADERS && headers.clone().all(allowed))
            .then_some(CorsMatch { rule: self, any_origin: !named })
    }

    /// Whether a page may read this header of an answer.
    pub fn exposes(&self, name: &str) -> bool {
        self.exposed.iter().any(|pattern| is_like_header(name, pattern))
    }
}

/// The first rule that fits.
pub fn first_that_fits<'r>(rules: &'r [CorsRule], asked: &CrossOrigin<'_>) -> Option<CorsMatch<'r>> {
    rules.iter().find_map(|rule| rule.fits(asked))
}

/// Whether a text is like a pattern with one `*` at most.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((begin, end)) => text.len() >= begin.len() + end.len() && text.starts_with(begin) && text.ends_with(end),
    }
}

/// The same without regard to case, as names of headers are compared.
fn is_like_header(name: &str, pattern: &str) -> bool {
    let same = |a: Option<&[u8]>, b: &str| a.is_some_and(|a| a.eq_ignore_ascii_case(b.as_bytes()));
    let name = name.as_bytes();
    match pattern.split_once('*') {
        None => same(Some(name), pattern),
        Some((begin, end)) => {
            name.len() >= begin.len() + end.len()
                && same(name.get(..begin.len()), begin)
                && same(name.get(name.len() - end.len()..), end)
        }
    }
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
