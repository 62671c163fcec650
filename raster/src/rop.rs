//! Two-operand raster operations, and what all are by their truth tables.

/// One of the sixteen functions of source and destination bits, by GDI's `R2_` names (the pen is the source).
///
/// The number is the truth table: bit `S << 1 | D` is the result for source bit S and destination bit D.
/// Every function works on raw pixels, all bits alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rop2 {
    /// 0 (`BLACKNESS`).
    Black = 0,
    /// !(S | D) (`NOTSRCERASE`).
    NotMergePen = 1,
    /// !S & D.
    MaskNotPen = 2,
    /// !S (`NOTSRCCOPY`).
    NotCopyPen = 3,
    /// S & !D (`SRCERASE`).
    MaskPenNot = 4,
    /// !D (`DSTINVERT`).
    Not = 5,
    /// S ^ D (`SRCINVERT`).
    XorPen = 6,
    /// !(S & D).
    NotMaskPen = 7,
    /// S & D (`SRCAND`).
    MaskPen = 8,
    /// !(S ^ D).
    NotXorPen = 9,
    /// D: nothing changes.
    Nop = 10,
    /// !S | D (`MERGEPAINT`).
    MergeNotPen = 11,
    /// S (`SRCCOPY`).
    CopyPen = 12,
    /// S | !D.
    MergePenNot = 13,
    /// S | D (`SRCPAINT`).
    MergePen = 14,
    /// All ones (`WHITENESS`).
    White = 15,
}

impl Rop2 {
    /// The source as it is: SPICE's `PUT`.
    pub const PUT: Self = Self::CopyPen;

    /// All sixteen, by truth table.
    pub const ALL: [Self; 16] = [
        Self::Black,
        Self::NotMergePen,
        Self::MaskNotPen,
        Self::NotCopyPen,
        Self::MaskPenNot,
        Self::Not,
        Self::XorPen,
        Self::NotMaskPen,
        Self::MaskPen,
        Self::NotXorPen,
        Self::Nop,
        Self::MergeNotPen,
        Self::CopyPen,
        Self::MergePenNot,
        Self::MergePen,
        Self::White,
    ];

    /// The function with this truth table (its low four bits).
    pub const fn from_truth_table(table: u8) -> Self {
        Self::ALL[(table & 15) as usize]
    }

    /// Bit `S << 1 | D` is the result for these operand bits.
    pub const fn truth_table(self) -> u8 {
        self as u8
    }

    /// The function of the complemented source.
    pub const fn invert_source(self) -> Self {
        let t = self as u8;
        Self::from_truth_table(t >> 2 | t << 2)
    }

    /// The function of the complemented destination.
    pub const fn invert_dest(self) -> Self {
        let t = self as u8;
        Self::from_truth_table((t >> 1 & 5) | (t & 5) << 1)
    }

    /// The complement of the function.
    pub const fn invert_result(self) -> Self {
        Self::from_truth_table(!(self as u8))
    }

    /// Whether the result depends on what was there before.
    pub const fn reads_dest(self) -> bool {
        let t = self as u8;
        (t >> 1 ^ t) & 5 != 0
    }

    /// Whether the result depends on the source.
    pub const fn reads_source(self) -> bool {
        let t = self as u8;
        (t >> 2 ^ t) & 3 != 0
    }

    /// The function, bit by bit.
    pub const fn apply(self, source: u32, dest: u32) -> u32 {
        rop2_bits(self as u8, source, dest)
    }

    /// The function of a fixed source as masks (a, x) with result = (D & a) ^ x.
    pub(crate) const fn masks(self, source: u32) -> (u32, u32) {
        let x = self.apply(source, 0);
        (x ^ self.apply(source, u32::MAX), x)
    }
}

/// A function by truth table, one minterm after the other: the plain reading, not the fast one.
const fn rop2_bits(table: u8, s: u32, d: u32) -> u32 {
    let mut result = 0;
    if table & 1 != 0 {
        result |= !s & !d;
    }
    if table & 2 != 0 {
        result |= !s & d;
    }
    if table & 4 != 0 {
        result |= s & !d;
    }
    if table & 8 != 0 {
        result |= s & d;
    }
    result
}

/// A three-operand function by its truth table, in the same way.
pub(crate) fn rop3_bits(code: u8, p: u32, s: u32, d: u32) -> u32 {
    (0..8).filter(|bit| code >> bit & 1 != 0).fold(0, |result, bit| {
        let p = if bit & 4 != 0 { p } else { !p };
        let s = if bit & 2 != 0 { s } else { !s };
        let d = if bit & 1 != 0 { d } else { !d };
        result | p & s & d
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inversions_are_those_of_the_operands() {
        let values = [0u32, !0, 0b1100, 0b1010, 0x1234_5678];
        for rop in Rop2::ALL {
            for s in values {
                for d in values {
                    assert_eq!(rop.invert_source().apply(s, d), rop.apply(!s, d));
                    assert_eq!(rop.invert_dest().apply(s, d), rop.apply(s, !d));
                    assert_eq!(rop.invert_result().apply(s, d), !rop.apply(s, d));
                    let (a, x) = rop.masks(s);
                    assert_eq!((d & a) ^ x, rop.apply(s, d));
                }
            }
            assert_eq!(u32::from(rop.truth_table()), rop.apply(0b1100, 0b1010) & 15);
            let reads_dest = (0..2).any(|s| rop.apply(s, 0) & 1 != rop.apply(s, 1) & 1);
            let reads_source = (0..2).any(|d| rop.apply(0, d) & 1 != rop.apply(1, d) & 1);
            assert_eq!((rop.reads_dest(), rop.reads_source()), (reads_dest, reads_source));
        }
    }

    #[test]
    fn names_mean_what_they_say() {
        let (s, d) = (0b1100, 0b1010);
        assert_eq!(Rop2::PUT.apply(s, d), s);
        assert_eq!(Rop2::XorPen.apply(s, d), s ^ d);
        assert_eq!(Rop2::MaskPen.apply(s, d), s & d);
        assert_eq!(Rop2::MergePen.apply(s, d), s | d);
        assert_eq!(Rop2::Not.apply(s, d), !d);
        assert_eq!(Rop2::Nop.apply(s, d), d);
        assert_eq!(Rop2::MaskPenNot.apply(s, d), s & !d);
        assert_eq!(Rop2::MergeNotPen.apply(s, d), !s | d);
    }
}
