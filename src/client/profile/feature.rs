//! What an operation may ask of a client beyond being known.

use super::set::{Member, Set};
use crate::qxl::{BitmapFormat, OpKind, Ropd, SurfaceFormat};
use crate::wire::ServerKind;

macro_rules! members {
    ($(#[$meta:meta])* $name:ident { $($(#[$m:meta])* $member:ident $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$m])* $member,)* }

        impl Member for $name {
            const ALL: &'static [Self] = &[$(Self::$member,)*];
            fn name(self) -> &'static str {
                match self { $(Self::$member => $text,)* }
            }
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

members! {
    /// Something that an operation asks for.
    Feature {
        /// A clip of one rectangle.
        ClipRect "clip-rect",
        /// A clip of none or several rectangles.
        ClipRects "clip-rects",
        /// A mask (`QMask`).
        Mask "mask",
        /// A mask whose 0 bits draw.
        MaskInvers "mask-invers",
        /// A mask that is a surface.
        MaskSurface "mask-surface",
        /// A source of another size than the box, nearest pixel.
        ScaleNearest "scale-nearest",
        /// A source of another size than the box, bilinear.
        ScaleInterpolate "scale-interpolate",
        /// A source area that does not start at the image's top left corner.
        SrcOffset "src-offset",
        /// A source area that starts there but ends before the image does.
        SrcPart "src-part",
        /// A source that is a surface.
        SrcSurface "src-surface",
        /// A source area that is not known to be a whole surface. (SRC_OFFSET and SRC_PART are for images only.)
        SurfacePart "surface-part",
        /// No brush: colour 0.
        BrushNone "brush-none",
        /// A brush of one colour.
        BrushSolid "brush-solid",
        /// A brush that is a tile.
        BrushPattern "brush-pattern",
        /// A tile that is a surface.
        PatternSurface "pattern-surface",
        /// STROKE: dashes.
        Styled "styled",
        /// STROKE: Bézier curves.
        Bezier "bezier",
        /// TEXT: glyphs of 1 bit a pixel.
        TextA1 "text-a1",
        /// TEXT: glyphs of 4 bits a pixel.
        TextA4 "text-a4",
        /// TEXT: glyphs of 8 bits a pixel.
        TextA8 "text-a8",
        /// TEXT: a background.
        TextBack "text-back",
        /// ALPHA_BLEND: the destination's x byte is alpha.
        DestHasAlpha "dest-has-alpha",
        /// ALPHA_BLEND: the source surface's x byte is alpha.
        SrcSurfaceHasAlpha "src-surface-has-alpha",
        /// COMPOSITE: a mask.
        CompositeMask "composite-mask",
        /// COMPOSITE: a mask for each channel.
        ComponentAlpha "component-alpha",
        /// COMPOSITE: a transform of the source.
        SrcTransform "src-transform",
        /// COMPOSITE: a transform of the mask.
        MaskTransform "mask-transform",
        /// COMPOSITE: a bilinear filter, on source or mask.
        Bilinear "bilinear",
        /// COMPOSITE: source or mask repeated.
        RepeatNormal "repeat-normal",
        /// COMPOSITE: source or mask continued by their border.
        RepeatPad "repeat-pad",
        /// COMPOSITE: source or mask mirrored.
        RepeatReflect "repeat-reflect",
        /// COMPOSITE: a source surface read without its alpha.
        SourceOpaque "source-opaque",
    }
}

impl Feature {
    /// This feature's bit in a [`Set`].
    pub const fn bit(self) -> u64 {
        1 << self as u8
    }

    /// All features that an operation of this kind can ask for.
    pub const fn of_op(kind: OpKind) -> Set<Feature> {
        use Feature as F;
        const CLIP: u64 = F::ClipRect.bit() | F::ClipRects.bit();
        const MASK: u64 = F::Mask.bit() | F::MaskInvers.bit() | F::MaskSurface.bit();
        const SRC: u64 = F::SrcOffset.bit()
            | F::SrcPart.bit()
            | F::SrcSurface.bit()
            | F::SurfacePart.bit()
            | F::ScaleNearest.bit();
        const SCALE: u64 = F::ScaleInterpolate.bit();
        const BRUSH: u64 =
            F::BrushNone.bit() | F::BrushSolid.bit() | F::BrushPattern.bit() | F::PatternSurface.bit();
        Set::from_bits(match kind {
            OpKind::Nop => 0,
            OpKind::Fill => CLIP | MASK | BRUSH,
            OpKind::Opaque | OpKind::Rop3 => CLIP | MASK | SRC | SCALE | BRUSH,
            OpKind::Copy | OpKind::Blend => CLIP | MASK | SRC | SCALE,
            OpKind::CopyBits => CLIP,
            OpKind::Blackness | OpKind::Whiteness | OpKind::Invers => CLIP | MASK,
            OpKind::Stroke => CLIP | BRUSH | F::Styled.bit() | F::Bezier.bit(),
            OpKind::Text => {
                CLIP | BRUSH | F::TextA1.bit() | F::TextA4.bit() | F::TextA8.bit() | F::TextBack.bit()
            }
            OpKind::Transparent => CLIP | SRC,
            OpKind::AlphaBlend => CLIP | SRC | F::DestHasAlpha.bit() | F::SrcSurfaceHasAlpha.bit(),
            OpKind::Composite => {
                CLIP | F::SrcSurface.bit()
                    | F::MaskSurface.bit()
                    | F::CompositeMask.bit()
                    | F::ComponentAlpha.bit()
                    | F::SrcTransform.bit()
                    | F::MaskTransform.bit()
                    | F::Bilinear.bit()
                    | F::RepeatNormal.bit()
                    | F::RepeatPad.bit()
                    | F::RepeatReflect.bit()
                    | F::SourceOpaque.bit()
            }
        })
    }
}

members! {
    /// A raster operation of two operands, s (brush or source) and d (destination; OPAQUE: the source image), with
    /// X's names. The number has bit s<<1|d set where the result is 1.
    Rop2 {
        /// 0: BLACKNESS.
        Clear "clear",
        /// ~(s | d).
        Nor "nor",
        /// ~s & d.
        AndInverted "and-inverted",
        /// ~s.
        CopyInverted "copy-inverted",
        /// s & ~d.
        AndReverse "and-reverse",
        /// ~d: INVERS.
        Invert "invert",
        /// s ^ d.
        Xor "xor",
        /// ~(s & d).
        Nand "nand",
        /// s & d.
        And "and",
        /// ~(s ^ d).
        Equiv "equiv",
        /// d. No rop descriptor says it.
        Noop "noop",
        /// ~s | d.
        OrInverted "or-inverted",
        /// s: PUT.
        Copy "copy",
        /// s | ~d.
        OrReverse "or-reverse",
        /// s | d.
        Or "or",
        /// All ones: WHITENESS.
        Set "set",
    }
}

impl Rop2 {
    /// The inversion bits of s and d in the descriptors of an operation.
    const fn inversions(kind: OpKind) -> (u16, u16) {
        match kind {
            OpKind::Copy | OpKind::Blend => (Ropd::INVERS_SRC, Ropd::INVERS_DEST),
            OpKind::Opaque => (Ropd::INVERS_BRUSH, Ropd::INVERS_SRC),
            _ => (Ropd::INVERS_BRUSH, Ropd::INVERS_DEST),
        }
    }

    /// What a rop descriptor means in an operation of this kind.
    pub fn of(rop: Ropd, kind: OpKind) -> Self {
        let (invers_s, invers_d) = Self::inversions(kind);
        let has = |bit: u16| rop.0 & bit != 0;
        let s = if has(invers_s) { 0b0011 } else { 0b1100u8 };
        let d = if has(invers_d) { 0b0101 } else { 0b1010u8 };
        let res = if has(Ropd::INVERS_RES) { 0b1111 } else { 0 };
        let bits = if has(Ropd::OP_PUT) {
            s ^ res
        } else if has(Ropd::OP_OR) {
            (s | d) ^ res
        } else if has(Ropd::OP_AND) {
            (s & d) ^ res
        } else if has(Ropd::OP_XOR) {
            s ^ d ^ res
        } else if has(Ropd::OP_BLACKNESS) {
            0
        } else if has(Ropd::OP_WHITENESS) {
            0b1111
        } else if has(Ropd::OP_INVERS) {
            0b0101
        } else {
            0b1100
        };
        Self::ALL[usize::from(bits)]
    }

    /// The plainest descriptor that means this in an operation of this kind; `None` for [`Rop2::Noop`].
    pub const fn descriptor(self, kind: OpKind) -> Option<Ropd> {
        let (s, d) = Self::inversions(kind);
        Some(Ropd(match self {
            Self::Clear => Ropd::OP_BLACKNESS,
            Self::Nor => Ropd::OP_OR | Ropd::INVERS_RES,
            Self::AndInverted => Ropd::OP_AND | s,
            Self::CopyInverted => Ropd::OP_PUT | s,
            Self::AndReverse => Ropd::OP_AND | d,
            Self::Invert => Ropd::OP_INVERS,
            Self::Xor => Ropd::OP_XOR,
            Self::Nand => Ropd::OP_AND | Ropd::INVERS_RES,
            Self::And => Ropd::OP_AND,
            Self::Equiv => Ropd::OP_XOR | Ropd::INVERS_RES,
            Self::Noop => return None,
            Self::OrInverted => Ropd::OP_OR | s,
            Self::Copy => Ropd::OP_PUT,
            Self::OrReverse => Ropd::OP_OR | d,
            Self::Or => Ropd::OP_OR,
            Self::Set => Ropd::OP_WHITENESS,
        }))
    }
}

/// A RENDER operator (`PIXMAN_OP_*`), by its number, below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator(u8);

impl Operator {
    /// The operator of a number; `None` from 64 on. Not every number below has a meaning.
    pub const fn new(number: u8) -> Option<Self> {
        if number < 64 { Some(Self(number)) } else { None }
    }
}

impl Member for Operator {
    const ALL: &'static [Self] = &{
        let mut all = [Self(0); 64];
        let mut i = 0;
        while i < 64 {
            all[i] = Self(i as u8);
            i += 1;
        }
        all
    };
    fn index(self) -> usize {
        self.0.into()
    }
    #[rustfmt::skip]
    fn name(self) -> &'static str {
        // Numbers without a meaning have a name too, so that every set can be written.
        const NAMES: [&str; 64] = [
            "CLEAR", "SRC", "DST", "OVER", "OVER_REVERSE", "IN", "IN_REVERSE", "OUT",
            "OUT_REVERSE", "ATOP", "ATOP_REVERSE", "XOR", "ADD", "SATURATE", "0x0e", "0x0f",
            "DISJOINT_CLEAR", "DISJOINT_SRC", "DISJOINT_DST", "DISJOINT_OVER",
            "DISJOINT_OVER_REVERSE", "DISJOINT_IN", "DISJOINT_IN_REVERSE", "DISJOINT_OUT",
            "DISJOINT_OUT_REVERSE", "DISJOINT_ATOP", "DISJOINT_ATOP_REVERSE", "DISJOINT_XOR",
            "0x1c", "0x1d", "0x1e", "0x1f",
            "CONJOINT_CLEAR", "CONJOINT_SRC", "CONJOINT_DST", "CONJOINT_OVER",
            "CONJOINT_OVER_REVERSE", "CONJOINT_IN", "CONJOINT_IN_REVERSE", "CONJOINT_OUT",
            "CONJOINT_OUT_REVERSE", "CONJOINT_ATOP", "CONJOINT_ATOP_REVERSE", "CONJOINT_XOR",
            "0x2c", "0x2d", "0x2e", "0x2f",
            "MULTIPLY", "SCREEN", "OVERLAY", "DARKEN", "LIGHTEN", "COLOR_DODGE", "COLOR_BURN", "HARD_LIGHT",
            "SOFT_LIGHT", "DIFFERENCE", "EXCLUSION", "HSL_HUE", "HSL_SATURATION", "HSL_COLOR", "HSL_LUMINOSITY",
            "0x3f",
        ];
        NAMES[usize::from(self.0)]
    }
}

impl Member for BitmapFormat {
    const ALL: &'static [Self] = &BitmapFormat::ALL;
    fn name(self) -> &'static str {
        self.name()
    }
    fn index(self) -> usize {
        self as usize - 1
    }
}

impl Member for SurfaceFormat {
    const ALL: &'static [Self] =
        &[Self::A1, Self::A8, Self::X1R5G5B5, Self::R5G6B5, Self::X8R8G8B8, Self::A8R8G8B8];
    fn name(self) -> &'static str {
        match self {
            Self::A1 => "1_A",
            Self::A8 => "8_A",
            Self::X1R5G5B5 => "16_555",
            Self::R5G6B5 => "16_565",
            Self::X8R8G8B8 => "32_xRGB",
            Self::A8R8G8B8 => "32_ARGB",
        }
    }
    fn index(self) -> usize {
        match self {
            Self::A1 => 0,
            Self::A8 => 1,
            Self::X1R5G5B5 => 2,
            Self::R5G6B5 => 3,
            Self::X8R8G8B8 => 4,
            Self::A8R8G8B8 => 5,
        }
    }
}

impl Member for ServerKind {
    const ALL: &'static [Self] = ServerKind::ALL;
    fn name(self) -> &'static str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_means_what_the_protocol_says() {
        // SEMANTICS.md, section 2, one bit at a time.
        for kind in [OpKind::Fill, OpKind::Copy, OpKind::Opaque, OpKind::Stroke] {
            let (invers_s, invers_d) = match kind {
                OpKind::Copy => (1, 4),
                OpKind::Opaque => (2, 1),
                _ => (2, 4),
            };
            for rop in 0..2048u16 {
                let code = Rop2::of(Ropd(rop), kind) as u8;
                for operands in 0..4u8 {
                    let (s, d) = (operands >> 1 & 1 == 1, operands & 1 == 1);
                    let (si, di) = (s ^ (rop & invers_s != 0), d ^ (rop & invers_d != 0));
                    let inverted = rop & 1024 != 0;
                    let want = match rop >> 3 & 0x7f {
                        0 => s,
                        op if op & 1 != 0 => si ^ inverted,
                        op if op & 2 != 0 => (si | di) ^ inverted,
                        op if op & 4 != 0 => (si & di) ^ inverted,
                        op if op & 8 != 0 => (si ^ di) ^ inverted,
                        op if op & 16 != 0 => false,
                        op if op & 32 != 0 => true,
                        _ => !d,
                    };
                    assert_eq!(code >> operands & 1 == 1, want, "{kind:?} {rop:#x} {operands}");
                }
            }
            for rop in Rop2::ALL {
                match rop.descriptor(kind) {
                    Some(d) => assert_eq!(Rop2::of(d, kind), *rop),
                    None => assert_eq!(*rop, Rop2::Noop),
                }
            }
        }
    }

    #[test]
    fn members_stand_at_their_index() {
        fn check<T: Member + std::fmt::Debug>() {
            assert!(T::ALL.len() <= 64);
            for (i, m) in T::ALL.iter().enumerate() {
                assert_eq!(m.index(), i, "{m:?}");
                assert_eq!(T::ALL.iter().filter(|n| n.name() == m.name()).count(), 1, "{m:?}");
            }
        }
        check::<Feature>();
        check::<Rop2>();
        check::<Operator>();
        check::<BitmapFormat>();
        check::<SurfaceFormat>();
        check::<ServerKind>();
    }
}
