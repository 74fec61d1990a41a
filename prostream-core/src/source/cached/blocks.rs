use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{ByteRange, Extents, Rope};

/// Which file: the identity of its source.
pub(super) type FileName = Arc<str>;

/// Blocks of files in memory, least recently used ones dropped first. A block may be there in part: what was fetched is kept as
/// it came, and nothing is fetched only to fill a block.
#[derive(Debug)]
pub(super) struct Blocks {
    block_size: u64,
    /// Of one file.
    file_budget_bytes: u64,
    used_bytes: u64,
    uses: u64,
    /// By the number of the last use; the first is the oldest.
    by_use: BTreeMap<u64, (FileName, u64)>,
    files: HashMap<FileName, Holding>,
}

/// What is held of one file.
#[derive(Debug, Default)]
struct Holding {
    used_bytes: u64,
    /// By their number in the file.
    blocks: BTreeMap<u64, Block>,
    /// Their numbers by the number of their last use.
    by_use: BTreeMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Block {
    have: Extents,
    len: u64,
    last_use: u64,
}

impl Blocks {
    pub(super) fn new(block_size: u64, file_budget_bytes: u64) -> Self {
        Self { block_size, file_budget_bytes, used_bytes: 0, uses: 0, by_use: BTreeMap::new(), files: HashMap::new() }
    }

    /// The end of the block that holds the byte at `offset`.
    pub(super) fn end_of_block(&self, offset: u64) -> u64 {
        (offset / self.block_size).saturating_add(1).saturating_mul(self.block_size)
    }

    /// The bytes from the start of `range` that are here, at most to the end of their block; `None` when not one is.
    pub(super) fn read(&mut self, file: &FileName, range: ByteRange) -> Option<Rope> {
        let number = range.start / self.block_size;
        let holding = self.files.get_mut(file)?;
        let block = holding.blocks.get_mut(&number)?;
        let end = block.have.end_of_run(range.start).min(range.end);
        let rope = block.have.rope(ByteRange::new(range.start, end)).filter(|rope| !rope.is_empty())?;
        let before = block.last_use;
        self.uses = self.uses.saturating_add(1);
        block.last_use = self.uses;
        holding.by_use.remove(&before);
        holding.by_use.insert(self.uses, number);
        if let Some(key) = self.by_use.remove(&before) {
            self.by_use.insert(self.uses, key);
        }
        Some(rope)
    }

    /// How far the bytes reach without a hole from `offset`, at most to `end`: `offset` itself when there is nothing.
    pub(super) fn end_of_run(&self, file: &FileName, offset: u64, end: u64) -> u64 {
        let Some(holding) = self.files.get(file) else { return offset };
        let mut at = offset;
        while at < end {
            let Some(block) = holding.blocks.get(&(at / self.block_size)) else { break };
            let reached = block.have.end_of_run(at);
            if reached <= at {
                break;
            }
            at = reached;
        }
        at.min(end)
    }

    /// The first offset after the start of `range` from which at least `least` bytes are here in a row; the end of `range` when there
    /// is no such place. What is less is cheaper to fetch once more than to begin another request behind it.
    pub(super) fn next_run(&self, file: &FileName, range: ByteRange, least: u64) -> u64 {
        let Some(holding) = self.files.get(file) else { return range.end };
        let mut run = ByteRange::new(range.start, range.start);
        let numbers = range.start / self.block_size..=range.end.saturating_sub(1).max(range.start) / self.block_size;
        for (start, rope) in holding.blocks.range(numbers).flat_map(|(_, block)| block.have.iter()) {
            if start > run.end || run.is_empty() {
                run.start = start;
            }
            run.end = start.saturating_add(rope.len());
            if run.start > range.start && run.len() >= least {
                return run.start.min(range.end);
            }
        }
        // What reaches to the end need not be long.
        if run.start > range.start && !run.is_empty() && run.end >= range.end {
            run.start.min(range.end)
        } else {
            range.end
        }
    }

    /// Keeps bytes that lie within one block, and drops the oldest of the file beyond its budget.
    pub(super) fn insert(&mut self, file: &FileName, offset: u64, rope: Rope) {
        let number = offset / self.block_size;
        let holding = self.files.entry(file.clone()).or_default();
        let block = holding.blocks.entry(number).or_default();
        block.have.insert(offset, rope);
        let (len, len_before, before) = (block.have.len(), block.len, block.last_use);
        self.uses = self.uses.saturating_add(1);
        (block.len, block.last_use) = (len, self.uses);
        holding.by_use.remove(&before);
        holding.by_use.insert(self.uses, number);
        self.by_use.remove(&before);
        self.by_use.insert(self.uses, (file.clone(), number));
        let add = |sum: u64| sum.saturating_sub(len_before).saturating_add(len);
        self.used_bytes = add(self.used_bytes);
        holding.used_bytes = add(holding.used_bytes);
        while let Some(holding) = self.files.get(file).filter(|file| file.used_bytes > self.file_budget_bytes) {
            let Some((&oldest, _)) = holding.by_use.first_key_value() else { break };
            self.drop_used_at(oldest);
        }
    }

    /// Drops the oldest blocks until no more than `budget_bytes` are held.
    pub(super) fn shrink_to(&mut self, budget_bytes: u64) {
        while self.used_bytes > budget_bytes {
            let Some((&oldest, _)) = self.by_use.first_key_value() else { break };
            self.drop_used_at(oldest);
        }
    }

    /// Drops the block that was used last at this number.
    fn drop_used_at(&mut self, last_use: u64) {
        let Some((file, number)) = self.by_use.remove(&last_use) else { return };
        let Some(holding) = self.files.get_mut(&file) else { return };
        holding.by_use.remove(&last_use);
        let len = holding.blocks.remove(&number).map_or(0, |block| block.len);
        holding.used_bytes = holding.used_bytes.saturating_sub(len);
        self.used_bytes = self.used_bytes.saturating_sub(len);
        if holding.blocks.is_empty() {
            self.files.remove(&file);
        }
    }

    /// Bytes held.
    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn rope(len: usize) -> Rope {
        Bytes::from(vec![7; len]).into()
    }

    /// Goal: the budget holds at every moment, and what was used last stays.
    #[test]
    fn the_least_recently_used_block_goes_first() {
        let mut blocks = Blocks::new(10, u64::MAX);
        let file: FileName = "a".into();
        for n in 0..3 {
            blocks.insert(&file, n * 10, rope(10));
        }
        assert!(blocks.read(&file, ByteRange::new(0, 10)).is_some());
        blocks.insert(&file, 30, rope(10));
        blocks.shrink_to(30);
        assert_eq!(blocks.used_bytes(), 30);
        assert!(blocks.read(&file, ByteRange::new(10, 20)).is_none(), "the oldest");
        for start in [0, 20, 30] {
            assert!(blocks.read(&file, ByteRange::new(start, start + 10)).is_some(), "{start}");
        }
        assert!(blocks.read(&"b".into(), ByteRange::new(0, 10)).is_none(), "another file");
        assert_eq!(blocks.files[&file].blocks.len(), blocks.by_use.len());
    }

    /// Goal: one film that is read from end to end drops its own oldest blocks, not those of another.
    #[test]
    fn a_file_has_a_budget_of_its_own() {
        let mut blocks = Blocks::new(10, 30);
        let (film, other): (FileName, FileName) = ("film".into(), "other".into());
        blocks.insert(&other, 0, rope(10));
        for n in 0..20 {
            blocks.insert(&film, n * 10, rope(10));
        }
        assert_eq!(blocks.used_bytes(), 40);
        assert!(blocks.read(&other, ByteRange::new(0, 10)).is_some());
        assert!(blocks.read(&film, ByteRange::new(160, 170)).is_none());
        for start in [170, 180, 190] {
            assert!(blocks.read(&film, ByteRange::new(start, start + 10)).is_some(), "{start}");
        }
        let counts = blocks.files.values().map(|holding| (holding.blocks.len(), holding.by_use.len()));
        assert_eq!(counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)), (4, 4));
        assert_eq!(blocks.by_use.len(), 4);
    }

    /// Goal: parts of a block count and are found as what they are.
    #[test]
    fn a_block_may_be_there_in_part() {
        let mut blocks = Blocks::new(10, u64::MAX);
        let file: FileName = "a".into();
        blocks.insert(&file, 14, rope(3));
        blocks.insert(&file, 17, rope(2));
        blocks.insert(&file, 14, rope(3));
        assert_eq!(blocks.used_bytes(), 5);
        assert_eq!(blocks.read(&file, ByteRange::new(15, 30)).map(|rope| rope.len()), Some(4));
        assert!(blocks.read(&file, ByteRange::new(13, 15)).is_none());
        assert_eq!(blocks.end_of_run(&file, 15, 100), 19);
        assert_eq!(blocks.end_of_run(&file, 15, 17), 17);
        assert_eq!(blocks.end_of_run(&file, 13, 100), 13);
        assert_eq!(blocks.end_of_block(14), 20);
        assert_eq!(blocks.end_of_block(20), 30);
    }

    /// Goal: a request ends where much is here already, and reads through what is little.
    #[test]
    fn little_is_read_through() {
        let mut blocks = Blocks::new(10, u64::MAX);
        let file: FileName = "a".into();
        blocks.insert(&file, 14, rope(5));
        blocks.insert(&file, 36, rope(4));
        blocks.insert(&file, 40, rope(10));
        let next = |start, end, least| blocks.next_run(&file, ByteRange::new(start, end), least);
        assert_eq!(next(3, 60, 1), 14);
        assert_eq!(next(3, 60, 6), 36, "across blocks");
        assert_eq!(next(3, 60, 15), 60);
        assert_eq!(next(3, 12, 1), 12);
        assert_eq!(next(14, 60, 1), 36, "where it begins does not count");
        assert_eq!(next(20, 45, 100), 36, "what reaches to the end");
        assert_eq!(blocks.next_run(&"b".into(), ByteRange::new(0, 9), 1), 9);
    }

    /// Goal: a budget of nothing keeps nothing, and nothing breaks.
    #[test]
    fn a_budget_of_nothing_keeps_nothing() {
        let mut blocks = Blocks::new(10, u64::MAX);
        let file: FileName = "a".into();
        blocks.insert(&file, 0, rope(10));
        blocks.shrink_to(0);
        assert_eq!(blocks.used_bytes(), 0);
        assert!(blocks.files.is_empty() && blocks.by_use.is_empty());
    }
}
