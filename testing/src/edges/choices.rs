//! Decisions, read from bytes: the same bytes lead to the same requests, whoever made them.

/// Bytes from which decisions are read. When they have ended, every decision is the first.
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left to be decided.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `end`, which is at least 1.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let mut number = 0_usize;
        for _ in 0..if end > 256 { 2 } else { 1 } {
            let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
            self.0 = rest;
            number = number << 8 | usize::from(first);
        }
        number % end
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of a table.
    pub(super) fn of<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        &table[self.below(table.len())]
    }

    /// One of a few texts.
    pub(super) fn text(&mut self, table: &[&'static str]) -> &'static str {
        table[self.below(table.len())]
    }
}
