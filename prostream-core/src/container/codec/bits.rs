//! Reading of bit fields and of plain big-endian fields. Nothing here panics: what is not there is `None`.

/// Bits of a slice, most significant first (ISO/IEC 14496-10 section 7.2, AV1 section 4.10).
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at_bit: u64,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at_bit: 0 }
    }

    /// The next `count` bits as a number; `None` past the end or for more than 32.
    pub(super) fn bits(&mut self, count: u32) -> Option<u32> {
        if count > 32 || u64::from(count) > self.left() {
            return None;
        }
        // At most 7 + 32 bits from the start of a byte: eight bytes hold them.
        let rest = usize::try_from(self.at_bit / 8).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let mut window = [0; 8];
        window.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        let from_here = u64::from_be_bytes(window) << (self.at_bit % 8);
        self.skip(count.into());
        // No bits at all are a shift by 64, which has no value.
        u32::try_from(from_here.checked_shr(64u32.saturating_sub(count)).unwrap_or(0)).ok()
    }

    /// The next `count` bits (at most 8) as a byte.
    pub(super) fn byte(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.bits(count)?).ok()
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        self.bits(1).map(|bit| bit == 1)
    }

    /// Leaves out `count` bits; past the end the next read fails.
    pub(super) fn skip(&mut self, count: u64) {
        self.at_bit = self.at_bit.saturating_add(count);
    }

    /// How many bits are left.
    pub(super) fn left(&self) -> u64 {
        (self.bytes.len() as u64).saturating_mul(8).saturating_sub(self.at_bit)
    }

    /// An unsigned Exp-Golomb number (ISO/IEC 14496-10 section 9.1).
    pub(super) fn ue(&mut self) -> Option<u32> {
        let mut zeros: u32 = 0;
        while !self.flag()? {
            zeros = zeros.saturating_add(1);
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        (1u32 << zeros).checked_sub(1)?.checked_add(rest)
    }

    /// An unsigned Exp-Golomb number that may not exceed `most`.
    pub(super) fn ue_up_to(&mut self, most: u32) -> Option<u32> {
        self.ue().filter(|value| *value <= most)
    }

    /// Leaves out `count` Exp-Golomb numbers.
    pub(super) fn skip_ue(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.ue().map(drop))
    }

    /// A signed Exp-Golomb number (ISO/IEC 14496-10 section 9.1.1).
    pub(super) fn se(&mut self) -> Option<i64> {
        let code = i64::from(self.ue()?);
        let is_positive = code % 2 == 1;
        let half = (code / 2).checked_add(code % 2)?;
        if is_positive { Some(half) } else { half.checked_neg() }
    }
}

/// Big-endian fields of a slice, front to back.
#[derive(Clone, Copy, Debug)]
pub(in crate::container) struct ByteReader<'a> {
    rest: &'a [u8],
}

impl<'a> ByteReader<'a> {
    /// Starts at the first byte.
    pub(in crate::container) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub(in crate::container) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub(in crate::container) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    /// One byte.
    pub(in crate::container) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes.
    pub(in crate::container) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    pub(in crate::container) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub(in crate::container) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Four bytes with a sign.
    pub(in crate::container) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight bytes with a sign.
    pub(in crate::container) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A four-character code.
    pub(in crate::container) fn fourcc(&mut self) -> Option<[u8; 4]> {
        self.array()
    }
}

/// The payload of a NAL unit: emulation prevention bytes taken out (ISO/IEC 14496-10 section 7.4.1).
pub(super) fn rbsp(nal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0u8;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros.saturating_add(1) } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: fields that cross bytes come out whole, and the end is no panic.
    #[test]
    fn bits_cross_bytes_and_end_in_none() {
        let mut bits = BitReader::new(&[0b1010_0101, 0b1100_0011]);
        assert_eq!(bits.bits(3), Some(0b101));
        assert_eq!(bits.bits(9), Some(0b0_0101_1100));
        assert_eq!(bits.left(), 4);
        assert_eq!(bits.bits(4), Some(3));
        assert_eq!(bits.bits(1), None);
        assert_eq!(bits.bits(33), None);
    }

    /// Goal: Exp-Golomb codes as the table of the standard gives them, the longest included.
    #[test]
    fn exp_golomb_follows_the_standard() {
        // 1, 010, 011, 00100 and padding.
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!((bits.ue(), bits.ue(), bits.ue(), bits.ue()), (Some(0), Some(1), Some(2), Some(3)));
        let mut signed = BitReader::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!((signed.se(), signed.se(), signed.se(), signed.se()), (Some(0), Some(1), Some(-1), Some(2)));
        let longest = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE];
        assert_eq!(BitReader::new(&longest).ue(), Some(u32::MAX - 1));
        assert_eq!(BitReader::new(&[0; 9]).ue(), None);
    }

    /// Goal: only the third byte of 00 00 03 is taken out.
    #[test]
    fn emulation_prevention_is_undone() {
        assert_eq!(rbsp(&[0, 0, 3, 1, 0, 3, 0, 0, 3, 0, 0, 3]), [0, 0, 1, 0, 3, 0, 0, 0, 0]);
    }
}
