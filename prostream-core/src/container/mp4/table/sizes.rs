//! Sizes of samples, in as few bits as each stretch of them needs.

use super::Budget;
use crate::Result;
use crate::container::mp4::stored::inconsistent;
use crate::container::stored::{Reader, Writer};

/// Samples of a block: as many words as bits a sample then hold them.
pub(super) const BLOCK: u32 = 64;

/// The sizes of one track.
#[derive(Debug)]
pub(in crate::container::mp4) enum Sizes {
    Fixed(u32),
    Packed(Packed),
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes::Fixed(0)
    }
}

/// Sizes that differ: in each block what they are above its smallest.
#[derive(Debug)]
pub(in crate::container::mp4) struct Packed {
    /// One for each block, and one behind the last.
    blocks: Vec<Block>,
    words: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    /// Sum of all sizes before.
    sum: u64,
    least: u32,
    /// Its first word. As many as there are to the next block's first is how many bits a sample takes.
    word: u32,
}

impl Packed {
    /// Packs `count` sizes.
    pub(super) fn pack(sizes: impl Iterator<Item = u32>, count: u32, budget: &mut Budget) -> Result<Self> {
        let block_count = usize::try_from(count.div_ceil(BLOCK)).unwrap_or(usize::MAX).saturating_add(1);
        budget.take::<Block>(block_count)?;
        let mut blocks = Vec::with_capacity(block_count);
        let mut words: Vec<u64> = Vec::new();
        let mut sizes = sizes.peekable();
        let mut sum = 0u64;
        let word = |words: &Vec<u64>| u32::try_from(words.len()).unwrap_or(u32::MAX);
        while sizes.peek().is_some() {
            let block: Vec<u32> = sizes.by_ref().take(BLOCK as usize).collect();
            let least = block.iter().copied().min().unwrap_or(0);
            let most = block.iter().copied().max().unwrap_or(0);
            let width = u32::BITS.saturating_sub(most.saturating_sub(least).leading_zeros());
            blocks.push(Block { sum, least, word: word(&words) });
            budget.take::<u64>(usize::try_from(width).unwrap_or(usize::MAX))?;
            let mut packed = Bits::default();
            for size in &block {
                packed.push(u64::from(size.saturating_sub(least)), width, &mut words);
                sum = sum.saturating_add((*size).into());
            }
            // A last block that is not full takes all its words too.
            for _ in block.len()..BLOCK as usize {
                packed.push(0, width, &mut words);
            }
        }
        blocks.push(Block { sum, least: 0, word: word(&words) });
        words.shrink_to_fit();
        Ok(Self { blocks, words })
    }

    /// Width and smallest size of each block, then all words: sums and places follow from them.
    fn write(&self, writer: &mut Writer) {
        let Self { blocks, words } = self;
        let pairs = blocks.iter().zip(blocks.iter().skip(1));
        for (block, next) in pairs {
            let Block { sum: _, least, word } = *block;
            writer.number(next.word.saturating_sub(word).into());
            writer.number(least.into());
        }
        writer.column(words.iter().map(|word| word.to_le_bytes()));
    }

    fn read(reader: &mut Reader<'_>, count: u32) -> Result<Self> {
        let mut blocks = Vec::new();
        let mut word = 0u32;
        let block_count = usize::try_from(count.div_ceil(BLOCK)).unwrap_or(usize::MAX);
        reader.take_items::<Block>(block_count.saturating_add(1), 1)?;
        blocks.reserve_exact(block_count.saturating_add(1));
        for _ in 0..block_count {
            let width: u32 = reader.small()?;
            if width > u32::BITS {
                return Err(inconsistent("sizes over 32 bits"));
            }
            blocks.push(Block { sum: 0, least: reader.small()?, word });
            word = word.saturating_add(width);
        }
        blocks.push(Block { sum: 0, least: 0, word });
        let words = reader.column(u64::from_le_bytes)?;
        if u32::try_from(words.len()) != Ok(word) {
            return Err(inconsistent("sizes of other samples"));
        }
        let mut packed = Self { blocks, words };
        let mut sum = 0u64;
        for at in 0..packed.blocks.len() {
            let first = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(BLOCK);
            let samples = first..first.saturating_add(BLOCK).min(count);
            if let Some(block) = packed.blocks.get_mut(at) {
                block.sum = sum;
            }
            sum = samples.fold(sum, |sum, sample| sum.saturating_add(packed.at(sample).into()));
        }
        Ok(packed)
    }

    fn block(&self, sample: u32) -> Option<(Block, u32)> {
        let at = usize::try_from(sample / BLOCK).ok()?;
        let (block, next) = self.blocks.get(at).copied().zip(self.blocks.get(at.saturating_add(1)))?;
        Some((block, next.word.saturating_sub(block.word)))
    }

    fn at(&self, sample: u32) -> u32 {
        let Some((block, width)) = self.block(sample) else { return 0 };
        block.least.saturating_add(self.above_least(block, width, sample % BLOCK))
    }

    /// What a sample of a block is above its smallest.
    fn above_least(&self, block: Block, width: u32, in_block: u32) -> u32 {
        let bit = in_block.saturating_mul(width);
        let first = usize::try_from(block.word.saturating_add(bit / u64::BITS)).unwrap_or(usize::MAX);
        bits_at(&self.words, first, bit % u64::BITS, width)
    }

    fn sum_before(&self, sample: u32) -> u64 {
        let Some((block, width)) = self.block(sample) else {
            return self.blocks.last().map_or(0, |block| block.sum);
        };
        let count = sample % BLOCK;
        let base = block.sum.saturating_add(u64::from(block.least).saturating_mul(count.into()));
        if width == 0 {
            return base;
        }
        (0..count).fold(base, |sum, at| sum.saturating_add(self.above_least(block, width, at).into()))
    }
}

/// `width` bits (at most 32) that begin at a bit of a word.
pub(super) fn bits_at(words: &[u64], first: usize, bit: u32, width: u32) -> u32 {
    let low = words.get(first).copied().unwrap_or(0).checked_shr(bit).unwrap_or(0);
    // Nothing of the next word where the field ends in this one: a shift by 64 has no value.
    let high = words.get(first.saturating_add(1)).copied().unwrap_or(0);
    let high = high.checked_shl(u64::BITS.saturating_sub(bit)).unwrap_or(0);
    let mask = 1u64.checked_shl(width).unwrap_or(0).wrapping_sub(1);
    u32::try_from((low | high) & mask).unwrap_or(u32::MAX)
}

/// Fields of bits, written one behind the other, lowest first.
#[derive(Debug, Default)]
pub(super) struct Bits {
    used: u32,
}

impl Bits {
    /// Adds a field of `width` bits (at most 32), which `value` fits into.
    pub(super) fn push(&mut self, value: u64, width: u32, words: &mut Vec<u64>) {
        if width == 0 {
            return;
        }
        let bit = self.used % u64::BITS;
        if bit == 0 {
            words.push(0);
        }
        if let Some(last) = words.last_mut() {
            *last |= value.checked_shl(bit).unwrap_or(0);
        }
        let rest = u64::BITS.saturating_sub(bit);
        if width > rest {
            words.push(value.checked_shr(rest).unwrap_or(0));
        }
        self.used = self.used.wrapping_add(width);
    }
}

impl Sizes {
    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Sizes::Fixed(size) => {
                writer.byte(0);
                writer.number((*size).into());
            }
            Sizes::Packed(packed) => {
                writer.byte(1);
                packed.write(writer);
            }
        }
    }

    /// The sizes of `count` samples.
    pub(super) fn read(reader: &mut Reader<'_>, count: u32) -> Result<Self> {
        match reader.byte()? {
            0 => Ok(Sizes::Fixed(reader.small()?)),
            1 => Ok(Sizes::Packed(Packed::read(reader, count)?)),
            _ => Err(inconsistent("unknown sizes")),
        }
    }

    pub(super) fn at(&self, sample: u32) -> u32 {
        match self {
            Sizes::Fixed(size) => *size,
            Sizes::Packed(packed) => packed.at(sample),
        }
    }

    /// Sum of the sizes before a sample.
    pub(super) fn sum_before(&self, sample: u32) -> u64 {
        match self {
            Sizes::Fixed(size) => u64::from(*size).saturating_mul(u64::from(sample)),
            Sizes::Packed(packed) => packed.sum_before(sample),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Sizes::Fixed(_) => 0,
            Sizes::Packed(packed) => {
                size_of_val(packed.blocks.as_slice()).saturating_add(size_of_val(packed.words.as_slice()))
            }
        }
    }
}
