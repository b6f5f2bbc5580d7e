//! Says of nearly every gap in a text that no value goes on across it.

use super::LONG_WORD;
use super::folded::Folded;
use super::gap::{self, At};

/// The bits of one join in a Bloom filter.
type Bits = [usize; 3];

/// How many bytes on each side of a gap are compared.
pub(super) const SIDE_BYTES: usize = 3;
/// Bits of the set of joins, for each join that is in it, and at least and at most.
const BITS_PER_JOIN: usize = 32;
const JOIN_BITS: (usize, usize) = (1 << 12, 1 << 23);

/// The bytes on both sides of each place of each pattern where a gap may be.
#[derive(Default)]
pub(super) struct Joins {
    /// [`SIDE_BYTES`] before a place, hashed.
    befores: Vec<u64>,
    /// Up to [`SIDE_BYTES`] on each side, hashed.
    joins: Vec<u64>,
    shift: u32,
    /// What patterns begin with.
    first: Vec<First>,
}

/// What patterns do that begin with a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum First {
    #[default]
    None,
    /// They begin with a word of [`SIDE_BYTES`] and more.
    Long,
    /// Some have a gap sooner.
    Short,
}

/// The last bytes before a gap, or the first ones after it, without gaps between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Side {
    bytes: [u8; SIDE_BYTES],
    len: usize,
}

/// What may go on across a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Join {
    Nothing,
    /// A value that begins so many bytes before the gap.
    Near(usize),
    /// A value that may begin anywhere.
    Far,
}

impl Side {
    /// The last bytes of a text.
    pub(super) fn last_of(text: &[u8]) -> Self {
        let mut this = Self::default();
        for &byte in text
            .iter()
            .rev()
            .filter(|&&byte| byte != b' ')
            .take(SIDE_BYTES)
        {
            this.bytes[this.len] = byte;
            this.len += 1;
        }
        this.bytes[..this.len].reverse();
        this
    }

    /// Whether there are as many bytes as are compared.
    pub(super) const fn is_full(&self) -> bool {
        self.len == SIDE_BYTES
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The first bytes of a text; and whether its end cuts them off.
    fn first_of(mut text: &[u8], whole: bool) -> (Self, bool) {
        let mut this = Self::default();
        while this.len < SIDE_BYTES {
            match (gap::at_start(text, whole), text.split_first()) {
                (At::Gap(gap), _) => text = &text[gap.len..],
                (At::Text, Some((&first, rest))) => {
                    this.bytes[this.len] = first;
                    this.len += 1;
                    text = rest;
                }
                (At::Cut(_), _) | (At::Text, None) => return (this, !whole),
            }
        }
        (this, false)
    }
}

impl Joins {
    pub(super) fn new(patterns: &[Folded]) -> Self {
        let places: usize = patterns.iter().map(|it| it.text.len()).sum();
        let bits = (places * BITS_PER_JOIN)
            .next_power_of_two()
            .clamp(JOIN_BITS.0, JOIN_BITS.1);
        let mut this = Self {
            befores: vec![0; bits / 64],
            joins: vec![0; bits / 64],
            shift: u64::BITS - bits.trailing_zeros(),
            first: vec![First::None; 256],
        };
        for pattern in patterns {
            this.add(pattern);
        }
        this
    }

    fn add(&mut self, pattern: &Folded) {
        let text = &pattern.text;
        for depth in 1..text.len() {
            let before = &text[depth.saturating_sub(SIDE_BYTES)..depth];
            let after = &text[depth..text.len().min(depth + SIDE_BYTES)];
            let hash = self.hash(before, after);
            set_all(&mut self.joins, hash);
            if depth >= SIDE_BYTES {
                let hash = self.hash(before, &[]);
                set_all(&mut self.befores, hash);
            }
        }
        let has_short = pattern.gaps().next().is_some_and(|it| it < SIDE_BYTES);
        let does = if has_short { First::Short } else { First::Long };
        let first = &mut self.first[usize::from(text[0])];
        *first = does.max(*first);
    }

    /// Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    fn hash(&self, before: &[u8], after: &[u8]) -> Bits {
        let all = before.iter().chain(after);
        let bytes = all.fold(0, |it, &byte| it << 8 | u64::from(byte));
        let lengths = (before.len() * (SIDE_BYTES + 1) + after.len()) as u64;
        let hash = (bytes << 8 | lengths).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        [0, 13, 26].map(|turn| usize::try_from(hash.rotate_left(turn) >> self.shift).unwrap_or(0))
    }

    /// Whether a value may go on behind the last bytes before a gap, which are those of a text.
    pub(super) fn may_go_on(&self, before: &Side, text: &[u8]) -> bool {
        let bytes = before.bytes();
        if before.is_full() && has_all(&self.befores, self.hash(bytes, &[])) {
            return true;
        }
        let near = bytes.iter().rev().take(SIDE_BYTES - 1);
        let first = near.map(|&byte| self.first[usize::from(byte)]).max();
        match first.unwrap_or_default() {
            First::None => false,
            First::Short => true,
            First::Long => may_end_long_word(text),
        }
    }

    /// What may go on across a gap, from what precedes it to a text that follows it.
    pub(super) fn across(&self, before: &Side, after: &[u8], whole: bool) -> Join {
        let (after, is_cut) = Side::first_of(after, whole);
        if is_cut {
            return Join::Far;
        }
        let before = before.bytes();
        let near = (1..=before.len()).rev().find(|&size| {
            let before = &before[before.len() - size..];
            (1..=after.len).any(|len| has_all(&self.joins, self.hash(before, &after.bytes[..len])))
        });
        match near {
            None => Join::Nothing,
            Some(SIDE_BYTES) => Join::Far,
            Some(size) => Join::Near(size),
        }
    }
}

/// Whether a text ends with a word of [`LONG_WORD`], or is too short to tell.
fn may_end_long_word(text: &[u8]) -> bool {
    let end = &text[text.len().saturating_sub(LONG_WORD)..];
    end.iter().all(u8::is_ascii_graphic)
}

fn set_all(set: &mut [u64], bits: Bits) {
    for bit in bits {
        set[bit / 64] |= 1 << (bit % 64);
    }
}

fn has_all(set: &[u64], bits: Bits) -> bool {
    let has = |bit: usize| {
        set.get(bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    };
    bits.into_iter().all(has)
}
