//! A client's profile among the fields: every set is a word of bits.

use super::fields::{In, Out};
use super::{RestoreError, Result};
use crate::client::profile::{Drawn, Member, OpProfile, Profile, Quirks, Rop3Set, Set};
use crate::qxl::OpKind;
use crate::wire::{ImageCompression, ImageKind};

const DRAWN: [Drawn; 3] = [Drawn::No, Drawn::AsCopy, Drawn::Yes];

impl Out {
    fn set<T>(&mut self, set: Set<T>) {
        self.u64(set.bits());
    }

    pub(super) fn compression(&mut self, preferred: Option<ImageCompression>) {
        self.u8(preferred.map_or(u8::MAX, |p| p as u8));
    }

    pub(super) fn profile(&mut self, profile: &Profile) {
        let Profile { name, comment, minor, primary, off_screen, image_cache, glz_window, .. } = profile;
        let Profile { palette_cache, preferred, images, ignored, ops, rop3, operators, quirks, .. } = profile;
        self.bytes(name.as_bytes());
        self.bytes(comment.as_bytes());
        self.u32(*minor);
        self.set(*primary);
        self.set(*off_screen);
        self.u64(*image_cache);
        self.u32(*glz_window);
        self.u32(*palette_cache);
        self.compression(*preferred);
        images.iter().for_each(|formats| self.set(*formats));
        self.set(*ignored);
        for OpProfile { drawn, features, rops, ignores, rop_as_put } in ops {
            self.u8(*drawn as u8);
            self.set(*features);
            self.set(*rops);
            self.set(*ignores);
            self.flag(*rop_as_put);
        }
        rop3.0.iter().for_each(|codes| self.u64(*codes));
        self.set(*operators);
        let Quirks { jpeg_reorders, lz_top_down_only, jpeg_alpha_opaque, composite_sticks } = *quirks;
        for quirk in [jpeg_reorders, lz_top_down_only, jpeg_alpha_opaque, composite_sticks] {
            self.flag(quirk);
        }
    }
}

impl In<'_> {
    /// Members that this version does not know are refused: what the client would do with them is not known.
    fn set<T: Member>(&mut self, field: &'static str) -> Result<Set<T>> {
        let set = Set::from_bits(self.u64(field)?);
        if set.without(Set::all()).is_empty() { Ok(set) } else { Err(RestoreError::Field { field }) }
    }

    fn text(&mut self, field: &'static str) -> Result<String> {
        let text = std::str::from_utf8(self.bytes(field)?);
        text.map(str::to_owned).map_err(|_| RestoreError::Field { field })
    }

    pub(super) fn compression(&mut self, field: &'static str) -> Result<Option<ImageCompression>> {
        match self.u8(field)? {
            u8::MAX => Ok(None),
            n => match ImageCompression::ALL.get(usize::from(n)) {
                Some(known) => Ok(Some(*known)),
                None => Err(RestoreError::Field { field }),
            },
        }
    }

    fn op(&mut self) -> Result<OpProfile> {
        let field = "profile's operations";
        let drawn = usize::from(self.u8(field)?);
        Ok(OpProfile {
            drawn: *DRAWN.get(drawn).ok_or(RestoreError::Field { field })?,
            features: self.set(field)?,
            rops: self.set(field)?,
            ignores: self.set(field)?,
            rop_as_put: self.flag(field)?,
        })
    }

    /// The fields of [`Out::profile`], in its order, which is that of the expressions here.
    pub(super) fn profile(&mut self) -> Result<Profile> {
        let (codes, quirks) = ("profile's ternary rops", "profile's quirks");
        Ok(Profile {
            name: self.text("profile's name")?,
            comment: self.text("profile's comment")?,
            minor: self.u32("profile's minor version")?,
            primary: self.set("profile's primary surface")?,
            off_screen: self.set("profile's off-screen surfaces")?,
            image_cache: self.u64("profile's image cache")?,
            glz_window: self.u32("profile's GLZ window")?,
            palette_cache: self.u32("profile's palette cache")?,
            preferred: self.compression("profile's compression")?,
            images: {
                let mut images = [Set::NONE; ImageKind::ALL.len()];
                for formats in &mut images {
                    *formats = self.set("profile's images")?;
                }
                images
            },
            ignored: self.set("profile's ignored messages")?,
            ops: {
                let mut ops = [OpProfile::default(); OpKind::ALL.len()];
                for op in &mut ops {
                    *op = self.op()?;
                }
                ops
            },
            rop3: Rop3Set([self.u64(codes)?, self.u64(codes)?, self.u64(codes)?, self.u64(codes)?]),
            operators: self.set("profile's operators")?,
            quirks: Quirks {
                jpeg_reorders: self.flag(quirks)?,
                lz_top_down_only: self.flag(quirks)?,
                jpeg_alpha_opaque: self.flag(quirks)?,
                composite_sticks: self.flag(quirks)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::encode::content_hash;
    use crate::client::profile::{Feature, Operator, Rop2};
    use crate::client::save::VERSION;
    use crate::qxl::testing::Rng;
    use crate::qxl::{BitmapFormat, SurfaceFormat};
    use crate::wire::ServerKind;

    fn written(profile: &Profile) -> Vec<u8> {
        let mut out = Out::default();
        out.profile(profile);
        out.0
    }

    #[test]
    fn every_profile_comes_back() {
        for profile in Profile::builtin_names().filter_map(Profile::builtin) {
            let bytes = written(&profile);
            let mut from = In(&bytes);
            assert_eq!(from.profile().as_ref(), Ok(&profile));
            assert!(from.0.is_empty());
            for len in 0..bytes.len() {
                let cut = In(&bytes[..len]).profile();
                assert!(matches!(cut, Err(RestoreError::Truncated { .. })), "{len} bytes: {cut:?}");
            }
        }
    }

    /// Whatever the bytes say is refused or is what would be written again.
    #[test]
    fn damaged_profiles_are_refused_or_another_profile() {
        let mut rng = Rng::seeded(31);
        let (mut taken, mut refused) = (0, 0);
        for profile in Profile::builtin_names().filter_map(Profile::builtin) {
            let good = written(&profile);
            for _ in 0..500 {
                let mut bad = good.clone();
                for _ in 0..=rng.below(3) {
                    let at = rng.below(bad.len() as u32) as usize;
                    bad[at] = if rng.one_in(2) { rng.next_u32() as u8 } else { bad[at] ^ 1 << rng.below(8) };
                }
                let mut from = In(&bad);
                match from.profile() {
                    Ok(profile) => {
                        taken += 1;
                        assert_eq!(written(&profile), bad[..bad.len() - from.0.len()]);
                    }
                    Err(RestoreError::Truncated { .. } | RestoreError::Field { .. }) => refused += 1,
                    Err(e) => panic!("{e}"),
                }
            }
        }
        assert!(taken > 500 && refused > 500, "{taken} {refused}");
    }

    /// Bits mean the same to every library that writes this version: a new member comes last, or the version changes.
    #[test]
    fn bits_stay_where_they_are() {
        fn names<T: Member>() -> String {
            T::ALL.iter().map(|m| format!("{} ", m.name())).collect()
        }
        let all = [
            names::<SurfaceFormat>(),
            names::<BitmapFormat>(),
            names::<ServerKind>(),
            names::<Feature>(),
            names::<Rop2>(),
            names::<Operator>(),
            ImageKind::ALL.map(ImageKind::name).join(" "),
            OpKind::ALL.map(OpKind::name).join(" "),
            ImageCompression::ALL.map(ImageCompression::name).join(" "),
        ];
        let hash = content_hash([0, 0], all.join("\n").as_bytes()).0;
        assert_eq!((VERSION, hash), (6, 314310323526567792344806645922753410023), "{all:#?}");
    }
}
