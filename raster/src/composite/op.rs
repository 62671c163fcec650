//! The operators and what is known of each before a pixel is seen.

use CompositeOp::*;

/// How a source meets the target: the operators of the X Render extension under pixman's numbers.
///
/// Colours are premultiplied. `Over` lays the source on the target; `Src` replaces it; `In`, `Out`, `Atop`, `Xor`
/// and the `Reverse` forms are those of Porter and Duff; the disjoint and conjoint families assume that the
/// coverages of source and target avoid or contain each other; from `Multiply` on these are the blend modes of PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum CompositeOp {
    Clear = 0x00,
    Src = 0x01,
    Dst = 0x02,
    Over = 0x03,
    OverReverse = 0x04,
    In = 0x05,
    InReverse = 0x06,
    Out = 0x07,
    OutReverse = 0x08,
    Atop = 0x09,
    AtopReverse = 0x0a,
    Xor = 0x0b,
    Add = 0x0c,
    Saturate = 0x0d,
    DisjointClear = 0x10,
    DisjointSrc = 0x11,
    DisjointDst = 0x12,
    DisjointOver = 0x13,
    DisjointOverReverse = 0x14,
    DisjointIn = 0x15,
    DisjointInReverse = 0x16,
    DisjointOut = 0x17,
    DisjointOutReverse = 0x18,
    DisjointAtop = 0x19,
    DisjointAtopReverse = 0x1a,
    DisjointXor = 0x1b,
    ConjointClear = 0x20,
    ConjointSrc = 0x21,
    ConjointDst = 0x22,
    ConjointOver = 0x23,
    ConjointOverReverse = 0x24,
    ConjointIn = 0x25,
    ConjointInReverse = 0x26,
    ConjointOut = 0x27,
    ConjointOutReverse = 0x28,
    ConjointAtop = 0x29,
    ConjointAtopReverse = 0x2a,
    ConjointXor = 0x2b,
    Multiply = 0x30,
    Screen = 0x31,
    Overlay = 0x32,
    Darken = 0x33,
    Lighten = 0x34,
    ColorDodge = 0x35,
    ColorBurn = 0x36,
    HardLight = 0x37,
    SoftLight = 0x38,
    Difference = 0x39,
    Exclusion = 0x3a,
    HslHue = 0x3b,
    HslSaturation = 0x3c,
    HslColor = 0x3d,
    HslLuminosity = 0x3e,
}

impl CompositeOp {
    /// Every operator, by number.
    #[rustfmt::skip]
    pub const ALL: [CompositeOp; 53] = [
        Clear, Src, Dst, Over, OverReverse, In, InReverse, Out, OutReverse, Atop, AtopReverse, Xor, Add, Saturate,
        DisjointClear, DisjointSrc, DisjointDst, DisjointOver, DisjointOverReverse, DisjointIn, DisjointInReverse,
        DisjointOut, DisjointOutReverse, DisjointAtop, DisjointAtopReverse, DisjointXor,
        ConjointClear, ConjointSrc, ConjointDst, ConjointOver, ConjointOverReverse, ConjointIn, ConjointInReverse,
        ConjointOut, ConjointOutReverse, ConjointAtop, ConjointAtopReverse, ConjointXor,
        Multiply, Screen, Overlay, Darken, Lighten, ColorDodge, ColorBurn, HardLight, SoftLight, Difference,
        Exclusion, HslHue, HslSaturation, HslColor, HslLuminosity,
    ];

    /// The operator with this number in bits 0 to 7 of the flags of `SpiceComposite`; `None` for the numbers that
    /// mean nothing.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.number() == number)
    }

    /// Whether it mixes hue, saturation and luminosity: the modes that do not work channel by channel.
    pub(super) const fn is_hsl(self) -> bool {
        matches!(self, Self::HslHue | Self::HslSaturation | Self::HslColor | Self::HslLuminosity)
    }

    /// Its number in the protocol and in pixman.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The operator that does the same work, given that source and mask are opaque everywhere (or that they are
    /// not). It matters beyond speed: the x byte of x8r8g8b8 targets depends on which one runs, and a saturating
    /// sum becomes an 8-bit one.
    pub(super) fn simplified(self, source_opaque: bool) -> Self {
        match self {
            DisjointClear | ConjointClear => Clear,
            DisjointSrc | ConjointSrc => Src,
            DisjointDst | ConjointDst => Dst,
            Over if source_opaque => Src,
            InReverse if source_opaque => Dst,
            OutReverse if source_opaque => Clear,
            Atop if source_opaque => In,
            AtopReverse if source_opaque => OverReverse,
            Xor if source_opaque => Out,
            Saturate if source_opaque => OverReverse,
            op => op,
        }
    }

    /// Whether it is computed in single-precision floats: those that divide or take roots.
    pub(super) fn in_float(self) -> bool {
        match self.number() {
            0x13..=0x1b | 0x23..=0x2b | 0x3b..=0x3e => true,
            _ => matches!(self, Saturate | ColorDodge | ColorBurn | SoftLight),
        }
    }

    /// Whether it adds up a part of the source and a part of the target, each by the other's alpha.
    pub(super) fn is_porter_duff(self) -> bool {
        self.number() <= Add.number()
    }

    /// Whether the x byte of an x8r8g8b8 target goes through the arithmetic as if it were alpha. With the others
    /// such a target is opaque and its x byte ends as 0.
    pub(super) fn keeps_x_as_alpha(self) -> bool {
        matches!(self, Clear | Src | Over | InReverse | OutReverse | Add)
    }
}
