use bytes::Bytes;

use super::unreadable;
use crate::Result;
use crate::container::MAX_INDEX_BYTES;

/// Longest number, in bytes: 64 bits, seven in each.
const MAX_NUMBER_SIZE: u32 = 10;

/// Writes the parts of an index one after the other.
#[derive(Debug, Default)]
pub(in crate::container) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(in crate::container) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes without their length.
    pub(in crate::container) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(in crate::container) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(in crate::container) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    /// LEB128: seven bits a byte, lowest first.
    pub(in crate::container) fn number(&mut self, mut number: u64) {
        while number > 0x7F {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    /// A number that may be negative: small ones of either sign are short.
    pub(in crate::container) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Bytes behind their length.
    pub(in crate::container) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(in crate::container) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(in crate::container) fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(in crate::container) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    /// A column of one width.
    pub(in crate::container) fn column<const N: usize>(&mut self, items: impl ExactSizeIterator<Item = [u8; N]>) {
        self.number(items.len() as u64);
        self.bytes.reserve(items.len().saturating_mul(N));
        items.for_each(|item| self.raw(&item));
    }

    /// A column whose neighbours are near each other, as differences.
    pub(in crate::container) fn differences(&mut self, items: impl ExactSizeIterator<Item = u64>) {
        self.number(items.len() as u64);
        let mut last = 0u64;
        for item in items {
            self.signed(item.wrapping_sub(last).cast_signed());
            last = item;
        }
    }
}

/// Reads what a [`Writer`] wrote. Nothing is allocated for what is not there, and never more than an index may take.
#[derive(Debug)]
pub(in crate::container) struct Reader<'a> {
    rest: &'a [u8],
    /// Memory that may still be taken, in bytes.
    budget_bytes: u64,
}

impl<'a> Reader<'a> {
    pub(in crate::container) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, budget_bytes: MAX_INDEX_BYTES }
    }

    /// Nothing is left?
    pub(in crate::container) fn finish(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(unreadable("something follows it")) }
    }

    pub(in crate::container) fn raw(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| unreadable("cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(in crate::container) fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or_else(|| unreadable("cut short"))?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(in crate::container) fn flag(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(unreadable("neither yes nor no")),
        }
    }

    pub(in crate::container) fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for at in 0..MAX_NUMBER_SIZE {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            let shift = at.saturating_mul(7);
            let moved = bits.checked_shl(shift).unwrap_or(0);
            if moved.checked_shr(shift) != Some(bits) {
                break;
            }
            number |= moved;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(unreadable("a number over 64 bits"))
    }

    /// A number that fits a smaller type.
    pub(in crate::container) fn small<T: TryFrom<u64>>(&mut self) -> Result<T> {
        T::try_from(self.number()?).map_err(|_| unreadable("a number that is too large"))
    }

    pub(in crate::container) fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ (number & 1).cast_signed().saturating_neg())
    }

    /// A signed number that fits a smaller type.
    pub(in crate::container) fn small_signed<T: TryFrom<i64>>(&mut self) -> Result<T> {
        T::try_from(self.signed()?).map_err(|_| unreadable("a number that is too large"))
    }

    /// Bytes behind their length; copied, so that they do not hold all of the stored index.
    pub(in crate::container) fn bytes(&mut self) -> Result<Bytes> {
        let len = self.small()?;
        self.take_memory::<u8>(len)?;
        self.raw(len).map(Bytes::copy_from_slice)
    }

    pub(in crate::container) fn text(&mut self) -> Result<String> {
        let len = self.small()?;
        self.take_memory::<u8>(len)?;
        let text = std::str::from_utf8(self.raw(len)?).map_err(|_| unreadable("no text"))?;
        Ok(text.to_owned())
    }

    pub(in crate::container) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        self.flag()?.then(|| read(self)).transpose()
    }

    /// A list whose items take at least `min_size` bytes each.
    pub(in crate::container) fn list<T>(
        &mut self,
        min_size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let count = self.count::<T>(min_size)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// What [`Writer::column`] wrote.
    pub(in crate::container) fn column<const N: usize, T>(&mut self, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let count = self.count::<T>(N)?;
        let bytes = self.raw(count.saturating_mul(N))?;
        Ok(bytes.chunks_exact(N).filter_map(|item| item.first_chunk().copied()).map(read).collect())
    }

    /// What [`Writer::differences`] wrote.
    pub(in crate::container) fn differences<T: TryFrom<u64>>(&mut self) -> Result<Vec<T>> {
        let mut last = 0u64;
        self.list(1, |reader| {
            last = last.wrapping_add(reader.signed()?.cast_unsigned());
            T::try_from(last).map_err(|_| unreadable("a number that is too large"))
        })
    }

    /// How many items of `T` follow: only as many as the bytes can hold.
    fn count<T>(&mut self, min_size: usize) -> Result<usize> {
        let count = self.small()?;
        self.take_items::<T>(count, min_size)?;
        Ok(count)
    }

    /// Takes the room for `count` items of `T` that take at least `min_size` bytes each.
    pub(in crate::container) fn take_items<T>(&mut self, count: usize, min_size: usize) -> Result<()> {
        if count.saturating_mul(min_size.max(1)) > self.rest.len() {
            return Err(unreadable("more items than bytes"));
        }
        self.take_memory::<T>(count)
    }

    /// Takes the room for `count` items of `T`.
    pub(in crate::container) fn take_memory<T>(&mut self, count: usize) -> Result<()> {
        let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
        self.budget_bytes = self.budget_bytes.checked_sub(bytes).ok_or_else(|| unreadable("over 64 MiB"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Goal: what is written is read, to the last byte, and no shorter piece of it is.
        #[test]
        fn parts_come_back(numbers: Vec<u64>, signed: Vec<i64>, narrow: Vec<u16>, text: String, some: Option<u64>) {
            let mut writer = Writer::default();
            writer.list(&numbers, |writer, number| writer.number(*number));
            writer.list(&signed, |writer, number| writer.signed(*number));
            writer.differences(numbers.iter().copied());
            writer.column(narrow.iter().map(|number| number.to_le_bytes()));
            writer.text(&text);
            writer.option(some.as_ref(), |writer, number| writer.number(*number));
            let bytes = writer.into_bytes();
            let read = |bytes: &[u8]| {
                let mut reader = Reader::new(bytes);
                let read = (
                    reader.list(1, Reader::number)?,
                    reader.list(1, Reader::signed)?,
                    reader.differences::<u64>()?,
                    reader.column(u16::from_le_bytes)?,
                    reader.text()?,
                    reader.option(Reader::number)?,
                );
                reader.finish().map(|()| read)
            };
            prop_assert_eq!(read(&bytes).unwrap(), (numbers.clone(), signed, numbers, narrow, text, some));
            for len in 0..bytes.len() {
                prop_assert!(read(&bytes[..len]).is_err());
            }
        }

        /// Goal: bytes of any kind neither panic nor allocate more than they are worth.
        #[test]
        fn hostile_counts_allocate_nothing(count: u64, rest: [u8; 16]) {
            let mut writer = Writer::default();
            writer.number(count);
            writer.raw(&rest);
            let bytes = writer.into_bytes();
            let list = Reader::new(&bytes).list(1, Reader::byte).map_or(0, |list| list.capacity());
            let column = Reader::new(&bytes).column(u64::from_le_bytes).map_or(0, |list| list.capacity());
            prop_assert!(list <= 16 && column <= 2);
            prop_assert!(Reader::new(&bytes).bytes().map_or(0, |bytes| bytes.len()) <= 16);
        }
    }

    /// Goal: a number has one largest length, and what is beyond 64 bits is none.
    #[test]
    fn numbers_end() {
        assert_eq!(Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]).number().unwrap(), u64::MAX);
        assert!(Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]).number().is_err());
        assert!(Reader::new(&[0x80; 11]).number().is_err());
        assert!(Reader::new(&[2]).flag().is_err());
    }

    /// Goal: an index that would take more memory than any file may is refused before it does.
    #[test]
    fn the_memory_of_one_index_has_a_limit() {
        let mut writer = Writer::default();
        let count = usize::try_from(MAX_INDEX_BYTES).unwrap() / 2;
        writer.number(count as u64);
        writer.raw(&vec![0; count]);
        let bytes = writer.into_bytes();
        assert!(Reader::new(&bytes).list::<[u64; 4]>(1, |_| unreachable!()).is_err());
        assert_eq!(Reader::new(&bytes).list(1, Reader::byte).unwrap().len(), count);
    }
}
