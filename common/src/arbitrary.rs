//! Arbitrary bytes for the tests of parsers, the same in every run. No tool uses them.

/// A generator of the xorshift family (Marsaglia).
#[derive(Debug)]
pub struct Arbitrary(u64);

impl Default for Arbitrary {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Arbitrary {
    /// The same sequence every time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    /// Some of these pieces, one after the other, and now and then another byte.
    pub fn text(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(24) {
            match self.below(8) {
                0 => text.push(self.below(256) as u8),
                _ => text.extend_from_slice(pieces[self.below(pieces.len())]),
            }
        }
        text
    }
}
