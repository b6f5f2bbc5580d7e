//! Skips positions at which no pattern can begin.

use crate::output::encodings::MIN_CHARS;

/// Length of the prefix by which a pattern is looked up. No pattern is shorter.
const NEEDLE_BYTES: usize = MIN_CHARS;
/// The prefix of a pattern.
pub(crate) type Needle = [u8; NEEDLE_BYTES];

/// Number of bytes that are hashed.
const GRAM_BYTES: usize = 4;
/// Number of positions in a needle at which four bytes fit: one in so many positions of a text is tested.
const GRAMS: usize = NEEDLE_BYTES - GRAM_BYTES + 1;

/// Rules out nearly every position of a text as the start of a needle.
pub(crate) struct Prefilter {
    /// The four bytes at each position of each needle.
    grams: Bits,
    /// The first four bytes of each needle.
    starts: Bits,
    /// The bytes that needles begin with.
    first: [bool; 256],
}

/// One bit for each hash value of four bytes.
struct Bits {
    bits: Vec<u64>,
    /// How far a hash is shifted to get the bit number.
    shift: u32,
}

/// Bits of the filter: 8 KiB fit into the L1 cache; with many needles it has to be larger, up to 512 KiB, to stay
/// selective.
const FILTER_BITS: (usize, usize) = (1 << 16, 1 << 22);
/// Bits per needle: about one position in eighty is a false positive of the first filter, and of these one in two
/// hundred of the second.
const BITS_PER_NEEDLE: usize = 256;

impl Prefilter {
    pub(crate) fn new<'a>(needles: impl ExactSizeIterator<Item = &'a Needle>) -> Self {
        let mut this = Self {
            grams: Bits::new(needles.len()),
            starts: Bits::new(needles.len()),
            first: [false; 256],
        };
        for needle in needles {
            for gram in needle.windows(GRAM_BYTES) {
                this.grams.add(gram);
            }
            this.starts.add(needle);
            this.first[usize::from(needle[0])] = true;
        }
        this
    }

    /// Returns whether a needle begins with this byte.
    pub(crate) fn has_start(&self, byte: u8) -> bool {
        self.first[usize::from(byte)]
    }

    /// Returns whether a needle may begin a text, by the first four bytes.
    pub(crate) fn may_start(&self, text: &[u8]) -> bool {
        self.starts.has(text)
    }

    /// Calls back for every position at which a needle may begin, in rising order.
    pub(crate) fn each_start(&self, text: &[u8], mut found: impl FnMut(usize)) {
        if self.starts.bits.is_empty() {
            return;
        }
        // Exactly one position of each needle is tested, wherever it begins.
        let mut first = 0;
        while let Some(bytes) = text[first..].first_chunk::<NEEDLE_BYTES>() {
            if self.grams.has(&bytes[GRAMS - 1..]) {
                for start in first..first + GRAMS {
                    if self.starts.has(&text[start..]) {
                        found(start);
                    }
                }
            }
            first += GRAMS;
        }
        for start in first..text.len() {
            if self.starts.has(&text[start..]) {
                found(start);
            }
        }
    }
}

impl Bits {
    fn new(needles: usize) -> Self {
        let bits = (needles * BITS_PER_NEEDLE)
            .next_power_of_two()
            .clamp(FILTER_BITS.0, FILTER_BITS.1);
        Self {
            bits: vec![0; if needles == 0 { 0 } else { bits / 64 }],
            shift: u32::BITS - bits.trailing_zeros(),
        }
    }

    fn add(&mut self, text: &[u8]) {
        if let Some(gram) = text.first_chunk() {
            let bit = self.bit_of(*gram);
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Returns whether a text may begin like an added one; `false` if it is too short.
    #[inline]
    fn has(&self, text: &[u8]) -> bool {
        text.first_chunk().is_some_and(|gram| {
            let bit = self.bit_of(*gram);
            self.bits[bit / 64] & (1 << (bit % 64)) != 0
        })
    }

    /// Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    const fn bit_of(&self, gram: [u8; GRAM_BYTES]) -> usize {
        (u32::from_le_bytes(gram).wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }
}
