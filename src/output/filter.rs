//! Passes over what cannot be the beginning of a pattern.

use super::forms::MIN_CHARS;

/// Bytes at the start of a pattern by which it is looked up. No pattern is shorter.
const NEEDLE_BYTES: usize = MIN_CHARS;
/// The start of a pattern.
pub(super) type Needle = [u8; NEEDLE_BYTES];

/// Says of nearly every position of a text that no needle begins there.
pub(super) struct Filter {
    /// One bit for each value of the hash of four bytes.
    bits: Vec<u64>,
    /// How far a hash is shifted to give a bit.
    shift: u32,
    /// Which bytes needles begin with.
    first: [bool; 256],
}

/// Bits of the filter: 8 KiB fit into the fastest cache; with many needles it has to be larger so as
/// not to let everything pass, up to 512 KiB.
const FILTER_BITS: (usize, usize) = (1 << 16, 1 << 22);
/// Bits for each needle: one position in so many passes the filter for nothing.
const BITS_PER_NEEDLE: usize = 256;

impl Filter {
    pub(super) fn new<'a>(needles: impl ExactSizeIterator<Item = &'a Needle>) -> Self {
        let bits = (needles.len() * BITS_PER_NEEDLE)
            .next_power_of_two()
            .clamp(FILTER_BITS.0, FILTER_BITS.1);
        let mut this = Self {
            bits: vec![0; if needles.len() == 0 { 0 } else { bits / 64 }],
            shift: u32::BITS - bits.trailing_zeros(),
            first: [false; 256],
        };
        for needle in needles {
            let [a, b, c, d, ..] = *needle;
            let bit = this.bit_of([a, b, c, d]);
            this.bits[bit / 64] |= 1 << (bit % 64);
            this.first[usize::from(a)] = true;
        }
        this
    }

    /// Whether some needle begins with a byte.
    pub(super) fn has_start(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }

    /// Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    const fn bit_of(&self, start: [u8; 4]) -> usize {
        (u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    /// Calls back for every position at which a needle may begin, in rising order.
    pub(super) fn each_start(&self, text: &[u8], mut found: impl FnMut(usize)) {
        if self.bits.is_empty() {
            return;
        }
        for (start, window) in text.windows(4).enumerate() {
            let bit = self.bit_of([window[0], window[1], window[2], window[3]]);
            if self.bits[bit / 64] & (1 << (bit % 64)) != 0 {
                found(start);
            }
        }
    }
}
