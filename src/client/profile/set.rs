//! Sets of named things, one bit each.

use std::fmt;
use std::marker::PhantomData;

/// Something of which there are at most 64, each with a name.
pub trait Member: Copy + PartialEq + 'static {
    /// All of them; the position of each is its bit.
    const ALL: &'static [Self];
    /// The name that a profile file uses.
    fn name(self) -> &'static str;
    /// The position in `ALL`.
    fn index(self) -> usize {
        Self::ALL.iter().position(|m| *m == self).unwrap_or(Self::ALL.len())
    }
}

/// A set of members.
pub struct Set<T> {
    bits: u64,
    of: PhantomData<T>,
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Set<T> {}
impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<T> Eq for Set<T> {}
impl<T> Default for Set<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> Set<T> {
    /// The empty set.
    pub const NONE: Self = Self::from_bits(0);

    /// The set of the members at these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self { bits, of: PhantomData }
    }
    /// One bit for each member, at its position.
    pub const fn bits(self) -> u64 {
        self.bits
    }
    /// Whether it has no member.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }
    /// Members of either.
    pub const fn union(self, other: Self) -> Self {
        Self::from_bits(self.bits | other.bits)
    }
    /// Members of both.
    pub const fn intersection(self, other: Self) -> Self {
        Self::from_bits(self.bits & other.bits)
    }
    /// Members of `self` that `other` lacks.
    pub const fn without(self, other: Self) -> Self {
        Self::from_bits(self.bits & !other.bits)
    }
}

impl<T: Member> Set<T> {
    /// The set of these.
    pub fn of(members: &[T]) -> Self {
        Self::from_bits(members.iter().fold(0, |bits, m| bits | 1 << m.index()))
    }
    /// The set of all.
    pub fn all() -> Self {
        Self::of(T::ALL)
    }
    /// Whether it has this member.
    pub fn contains(self, member: T) -> bool {
        self.bits >> member.index() & 1 == 1
    }
    /// The members, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().enumerate().filter(move |(i, _)| self.bits >> i & 1 == 1).map(|(_, m)| m)
    }
    /// The member of the lowest bit.
    pub fn first(self) -> Option<T> {
        T::ALL.get(self.bits.trailing_zeros() as usize).copied()
    }
}

impl<T: Member> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Member::name)).finish()
    }
}

/// A set of the 256 ternary raster operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rop3Set(pub [u64; 4]);

impl Rop3Set {
    /// All codes.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// The codes that depend on pattern, source and destination: the 218 that SPICE's own clients have.
    pub fn ternary() -> Self {
        let depends = |code: u8, shift: u8, low: u8| (code >> shift ^ code) & low != 0;
        Self::of((0..=255).filter(|c| depends(*c, 4, 0x0f) && depends(*c, 2, 0x33) && depends(*c, 1, 0x55)))
    }

    /// The set of these.
    pub fn of(codes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        codes.into_iter().for_each(|c| set.0[usize::from(c >> 6)] |= 1 << (c & 63));
        set
    }

    /// Whether it has this code.
    pub const fn contains(self, code: u8) -> bool {
        self.0[(code >> 6) as usize] >> (code & 63) & 1 == 1
    }

    /// The codes, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..=255).filter(move |c| self.contains(*c))
    }
}
