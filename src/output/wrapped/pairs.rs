//! A set of pairs of bytes.

/// The pairs of bytes that occur. An empty set allocates no memory.
#[derive(Default)]
pub(super) struct Pairs(Vec<u64>);

impl Pairs {
    pub(super) fn add(&mut self, first: u8, second: u8) {
        if self.0.is_empty() {
            self.0 = vec![0; 256 * 256 / 64];
        }
        let bit = place(first, second);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    #[inline]
    pub(super) fn has(&self, first: u8, second: u8) -> bool {
        let bit = place(first, second);
        self.0
            .get(bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}

impl FromIterator<(u8, u8)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (u8, u8)>>(pairs: I) -> Self {
        let mut this = Self::default();
        for (first, second) in pairs {
            this.add(first, second);
        }
        this
    }
}

const fn place(first: u8, second: u8) -> usize {
    (first as usize) << 8 | second as usize
}
