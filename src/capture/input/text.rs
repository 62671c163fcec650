//! Lines of known words and numbers.

use super::super::error::{ErrorKind, Excerpt};
use super::{Fail, Input, Res};
use std::io::Read;

impl<R: Read> Input<R> {
    /// The text differs from `word`: the end of the recording if it ends within `word`, otherwise an error.
    #[cold]
    fn mismatch<T>(&self, word: &str, field: &'static str) -> Res<T> {
        if self.ended && word.as_bytes().starts_with(self.rest()) {
            return Err(Fail::End);
        }
        self.unexpected(field)
    }

    /// Whether the next line begins with this.
    #[inline(always)]
    pub(in crate::capture) fn looking_at(&mut self, word: &str) -> Res<bool> {
        self.need_line()?;
        Ok(self.rest().starts_with(word.as_bytes()))
    }

    /// Goes over `word` at the beginning of a line.
    #[inline(always)]
    pub(in crate::capture) fn word(&mut self, word: &'static str) -> Res<()> {
        self.need_line()?;
        self.more(word, word)
    }

    /// Goes over `word` within a line.
    #[inline(always)]
    pub(super) fn more(&mut self, word: &'static str, field: &'static str) -> Res<()> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.mismatch(word, field);
        }
        self.pos += word.len();
        Ok(())
    }

    /// Goes over the end of a line.
    #[inline(always)]
    pub(in crate::capture) fn eol(&mut self, field: &'static str) -> Res<()> {
        if let [b'\n', ..] = self.rest() {
            self.pos += 1;
            return Ok(());
        }
        self.eol_other(field)
    }

    #[cold]
    fn eol_other(&mut self, field: &'static str) -> Res<()> {
        match self.rest() {
            [b'\r', b'\n', ..] => {
                self.pos += 2;
                Ok(())
            }
            [] | [b'\r'] if self.ended => Err(Fail::End),
            _ => self.bad(field, ErrorKind::Number { found: Excerpt::new(self.rest()) }),
        }
    }

    /// A line that holds one word.
    #[inline(always)]
    pub(in crate::capture) fn title(&mut self, word: &'static str) -> Res<()> {
        self.word(word)?;
        if let [b'\n', ..] = self.rest() {
            self.pos += 1;
            return Ok(());
        }
        match self.rest() {
            [b'\r', b'\n', ..] => self.pos += 2,
            [] | [b'\r'] if self.ended => return Err(Fail::End),
            _ => return self.unexpected(word),
        }
        Ok(())
    }

    /// Digits, at least one; the sign apart.
    #[inline(always)]
    fn digits(&mut self, field: &'static str) -> Res<(bool, u64)> {
        let rest = self.rest();
        let negative = rest.first() == Some(&b'-');
        let digits = &rest[usize::from(negative)..];
        let mut value = 0u64;
        let mut len = 0;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            len += 1;
        }
        // 19 digits cannot overflow.
        if len == 0 || len > 19 || len == digits.len() {
            value = self.odd_digits(field, negative, len)?;
        }
        self.pos += usize::from(negative) + len;
        Ok((negative, value))
    }

    /// The rare cases: none, too many, or the recording ends with a digit.
    #[cold]
    fn odd_digits(&self, field: &'static str, negative: bool, len: usize) -> Res<u64> {
        let rest = self.rest();
        let digits = &rest[usize::from(negative)..];
        if len == digits.len() && self.ended {
            return Err(Fail::End);
        }
        let value = digits[..len]
            .iter()
            .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        match value {
            Some(value) if len > 0 => Ok(value),
            _ => self.bad(field, ErrorKind::Number { found: Excerpt::new(rest) }),
        }
    }

    /// A number within bounds; they are given as wide as any field is.
    #[inline(always)]
    pub(in crate::capture) fn number(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        let start = self.pos;
        let (negative, value) = self.digits(field)?;
        let signed = if negative { (value as i64).wrapping_neg() } else { value as i64 };
        if value > i64::MAX as u64 || signed < min || signed > max {
            self.pos = start;
            let value = if negative { -i128::from(value) } else { i128::from(value) };
            return self.bad(field, ErrorKind::OutOfRange { value, min, max: max as u64 });
        }
        Ok(signed)
    }

    pub(in crate::capture) fn number_u64(&mut self, field: &'static str) -> Res<u64> {
        let start = self.pos;
        let (negative, value) = self.digits(field)?;
        if negative && value > 0 {
            self.pos = start;
            let value = -i128::from(value);
            return self.bad(field, ErrorKind::OutOfRange { value, min: 0, max: u64::MAX });
        }
        Ok(value)
    }

    /// A number that a 32-bit field holds; recorders print unsigned ones as if they were signed.
    #[inline(always)]
    pub(in crate::capture) fn number_u32(&mut self, field: &'static str) -> Res<u32> {
        Ok(self.number(field, i64::from(i32::MIN), i64::from(u32::MAX))? as u32)
    }

    #[inline(always)]
    pub(in crate::capture) fn number_i32(&mut self, field: &'static str) -> Res<i32> {
        Ok(self.number(field, i64::from(i32::MIN), i64::from(i32::MAX))? as i32)
    }

    /// Goes over the space between two numbers of a line.
    #[inline(always)]
    pub(in crate::capture) fn space(&mut self, field: &'static str) -> Res<()> {
        self.more(" ", field)
    }

    #[inline(never)]
    fn value(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        self.space(field)?;
        let value = self.number(field, min, max)?;
        self.eol(field)?;
        Ok(value)
    }

    /// The line `field NUMBER`, bounded.
    #[inline(always)]
    pub(in crate::capture) fn int(&mut self, field: &'static str, min: i64, max: i64) -> Res<i64> {
        self.word(field)?;
        self.value(field, min, max)
    }

    #[inline(always)]
    pub(in crate::capture) fn u8(&mut self, field: &'static str) -> Res<u8> {
        Ok(self.int(field, 0, 0xff)? as u8)
    }

    #[inline(always)]
    pub(in crate::capture) fn u16(&mut self, field: &'static str) -> Res<u16> {
        Ok(self.int(field, 0, 0xffff)? as u16)
    }

    #[inline(always)]
    pub(in crate::capture) fn u32(&mut self, field: &'static str) -> Res<u32> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(u32::MAX))? as u32)
    }

    #[inline(always)]
    pub(in crate::capture) fn i32(&mut self, field: &'static str) -> Res<i32> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(i32::MAX))? as i32)
    }

    pub(in crate::capture) fn u64(&mut self, field: &'static str) -> Res<u64> {
        self.word(field)?;
        self.space(field)?;
        let value = self.number_u64(field)?;
        self.eol(field)?;
        Ok(value)
    }

    /// The line `field 0` or `field N`: whether it is not 0.
    #[inline(always)]
    pub(in crate::capture) fn flag(&mut self, field: &'static str) -> Res<bool> {
        Ok(self.int(field, i64::from(i32::MIN), i64::from(u32::MAX))? != 0)
    }

    /// A number that was read last but means nothing: the error points at its line.
    #[cold]
    pub(in crate::capture) fn unknown<T>(
        &self,
        offset: u64,
        field: &'static str,
        value: impl Into<i64>,
    ) -> Res<T> {
        self.bad_at(offset, field, ErrorKind::Unknown { value: value.into() })
    }
}
