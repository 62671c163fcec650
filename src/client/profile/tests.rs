//! Profiles as files, fingerprints, and what the built-in ones support.

use super::*;
use crate::client::caps::{Announcement, CommonCaps, DisplayCaps};
use crate::qxl::{
    Bitmap, Brush, Clip, Drawable, Image, ImageData, Op, QMask, Rect, Ropd, ScaleMode, SurfaceDeps,
};
use crate::wire::{DisplayInit, DrawRef};
use bytes::Bytes;

fn builtin(name: &str) -> Profile {
    Profile::builtin(name).unwrap()
}

#[test]
fn builtins_print_as_toml_and_read_back() {
    for name in Profile::builtin_names() {
        let profile = builtin(name);
        let toml = profile.to_toml();
        assert_eq!(profile.name, name);
        assert_eq!(Profile::from_toml(&toml).as_ref(), Ok(&profile), "{toml}");
    }
}

/// Every field away from its default in some profile, at random.
#[test]
fn random_profiles_print_as_toml_and_read_back() {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 32 ^ state << 31
    };
    for _ in 0..300 {
        let mut p = Profile::nothing();
        p.name = format!("a \"name\" {}", random());
        p.comment = "tab\there, ünd \\ so".to_owned();
        p.minor = random() as u32;
        p.primary = Set::from_bits(random()).intersection(Set::all());
        p.off_screen = Set::from_bits(random()).intersection(Set::all());
        p.image_cache = random() >> 1;
        p.glz_window = random() as u32;
        p.palette_cache = random() as u32;
        p.preferred = (random() % 2 == 0).then(|| ImageCompression::ALL[1 + random() as usize % 7]);
        for kind in ImageKind::ALL {
            let all = builtin::formats_of(kind);
            let some = if kind.carries_pixels() { all.intersection(Set::from_bits(random())) } else { all };
            *p.image_mut(kind) = if random() % 3 == 0 { Set::NONE } else { some };
        }
        let messages = ServerKind::ALL.iter().filter(|k| k.op().is_none() && random() % 2 == 0);
        p.ignored = Set::of(&messages.copied().collect::<Vec<_>>());
        for kind in &OpKind::ALL[1..] {
            let all = Feature::of_op(*kind);
            let op = p.op_mut(*kind);
            op.drawn = [Drawn::No, Drawn::AsCopy, Drawn::Yes][random() as usize % 3];
            op.features = all.intersection(Set::from_bits(random()));
            op.ignores = all.intersection(Set::from_bits(random()));
            if builtin::has_rop(*kind) {
                op.rops = Set::from_bits(random() & 0xffff);
                op.rop_as_put = random() % 2 == 0;
            }
        }
        p.rop3 = Rop3Set(std::array::from_fn(|_| random() & random()));
        p.operators = Operator::defined().intersection(Set::from_bits(random()));
        p.quirks = Quirks {
            jpeg_reorders: random() % 2 == 0,
            lz_top_down_only: random() % 2 == 0,
            jpeg_alpha_opaque: random() % 2 == 0,
            composite_sticks: random() % 2 == 0,
        };
        let toml = p.to_toml();
        assert_eq!(Profile::from_toml(&toml).as_ref(), Ok(&p), "{toml}");
    }
}

#[test]
fn mistakes_in_files_name_the_key() {
    let fails = |toml: &str| Profile::from_toml(toml).unwrap_err().to_string();
    assert_eq!(fails(""), "name: missing");
    assert_eq!(fails("name = 1"), "name: 1 is not a text");
    assert_eq!(
        fails("name = 'a'\nminr = 1"),
        "minr: unknown key, there are base, name, comment, minor, preferred-compression, ignored-messages, \
         surfaces, caches, images, quirks, ops"
    );
    assert_eq!(fails("name = 'a'\nminor = -1"), "minor: -1 is not a number in range");
    assert_eq!(
        fails("name = 'a'\n[ops.COPY]\nrop = []"),
        "ops.COPY.rop: unknown key, there are drawn, features, ignores, rops, rop-as-put"
    );
    assert_eq!(
        fails("name = 'a'\n[ops.COPY_BITS]\nfeatures = ['clip-rect', 'mask']"),
        "ops.COPY_BITS.features[1]: \"mask\" is not one of \"clip-rect\", \"clip-rects\""
    );
    assert_eq!(
        fails("name = 'a'\n[images]\nJPEG_ALPHA = ['24BIT']"),
        "images.JPEG_ALPHA[0]: \"24BIT\" is not one of \"RGBA\""
    );
    assert_eq!(fails("name = 'a'\n[images]\nSURFACE = 1"), "images.SURFACE: 1 is not true or false");
    assert_eq!(
        fails("name = 'a'\n[ops.ROP3]\ncodes = [1, 256]"),
        "ops.ROP3.codes[1]: 256 is not a number in range"
    );
    assert_eq!(fails("name = 'a'\nsurfaces = 3"), "surfaces: 3 is not a table");
    assert_eq!(fails("name = 'a'\ncaches.images = -1"), "caches.images: -1 is not a number in range");
    assert!(
        fails("base = 'nobody'\nname = 'a'").starts_with("base: \"nobody\" is not one of \"spice-gtk\", ")
    );
    let syntax = fails("name = 'a'\nminor = = 1");
    assert!(syntax.contains("line 2"), "{syntax}");
}

#[test]
fn a_file_can_start_from_a_builtin() {
    let p = Profile::from_toml(
        "base = 'spice-html5'\nname = 'mine'\n[ops.COPY]\nfeatures = []\n[caches]\nimages = 0",
    );
    let p = p.unwrap();
    let mut want = builtin("spice-html5");
    want.name = "mine".to_owned();
    want.op_mut(OpKind::Copy).features = Set::NONE;
    want.image_cache = 0;
    assert_eq!(p, want);
}

fn announcement(display: u64, cache: i64, glz: i32, preferred: Option<ImageCompression>) -> Announcement {
    let init = DisplayInit {
        pixmap_cache_id: 1,
        pixmap_cache_size: cache,
        glz_dictionary_id: 1,
        glz_dictionary_window_size: glz,
    };
    Announcement {
        minor: 2,
        common: CommonCaps(0xd),
        display: DisplayCaps(display),
        display_words: u32::from(display != 0),
        init: Some(init),
        preferred,
        channels: 0,
    }
}

/// What CLIENTS.md says that each announces; the first row is what Debian's spice-client-glib 0.42 sent to a real server.
#[test]
fn every_known_client_is_told_by_what_it_announces() {
    use ImageCompression::{AutoLz, Off};
    for (name, display, cache, glz, preferred) in [
        ("spice-gtk", 0x3bf, 80 << 20 >> 2, 12 << 20 >> 2, None),
        ("spice-gtk", 0x7f9f, 80 << 20 >> 2, 64 << 20 >> 2, None),
        ("spicec", 0xc, 20 << 20, 16 << 20, None),
        ("android-2011", 0, 20 << 20, 16 << 20, None),
        ("spice-html5", 0x311, 10 << 20, 0, None),
        ("spice-html5", 0x711, 10 << 20, 0, None),
        ("spice-html5-eshtek", 0x331, 10 << 20, 0, None),
        ("spice-html5-eshtek", 0x2f31, 10 << 20, 0, None),
        ("spice-web-client", 0, 0, 1, None),
        ("purespice", 0x40, 0, 0, Some(Off)),
        ("shells-spice", 0x73, 0, 0, Some(AutoLz)),
        ("spice-viewer", 0x1b41, 80 << 20 >> 2, 16 << 20 >> 2, None),
        ("ryll", 0x1b7f, 1 << 20, 1 << 20, None),
        ("rust-spice-client", 0x311, 1 << 20, 1 << 20, None),
        ("swiftspice", 0, 16 << 20, 8 << 20, None),
    ] {
        let announced = announcement(display, cache, glz, preferred);
        let choice = Profile::choose(&announced, UnknownPolicy::Safe);
        assert_eq!(choice.matched, Some(name), "{display:#x} {cache} {glz}");
        assert_eq!(choice.profile.name, name);
        let before_init = Announcement { init: None, ..announced };
        assert_eq!(Profile::choose(&before_init, UnknownPolicy::Safe).matched, None);
    }
}

#[test]
fn profiles_are_narrowed_to_what_is_announced() {
    let gtk = announcement(0x39f, 1000, 2000, Some(ImageCompression::Lz));
    let p = Profile::choose(&Announcement { minor: 0, ..gtk }, UnknownPolicy::Safe).profile;
    for kind in [ImageKind::Jpeg, ImageKind::JpegAlpha, ImageKind::ZlibGlzRgb, ImageKind::Lz4] {
        assert!(p.image(kind).is_empty(), "{kind:?}");
    }
    assert!(!p.image(ImageKind::GlzRgb).is_empty() && !p.image(ImageKind::FromCache).is_empty());
    assert_eq!((p.image_cache, p.glz_window, p.preferred), (1000, 2000, Some(ImageCompression::Lz)));

    let unknown = announcement(0x8, 0, 1, None);
    assert_eq!(Profile::choose(&unknown, UnknownPolicy::Safe).profile, Profile::safe());
    let trusted = Profile::choose(&unknown, UnknownPolicy::TrustCaps);
    assert_eq!((trusted.matched, trusted.profile.op(OpKind::Composite).drawn), (None, Drawn::No));
    assert!(trusted.profile.off_screen.contains(SurfaceFormat::A8));
    for kind in [ImageKind::FromCache, ImageKind::GlzRgb] {
        assert!(trusted.profile.image(kind).is_empty(), "{kind:?}");
    }
}

fn image(format: BitmapFormat, width: u32, height: u32) -> Image {
    let stride = format.bytes_per_row(width) as u32;
    let data = Bytes::from(vec![0; (stride * height) as usize]);
    let bitmap = Bitmap {
        format,
        flags: 4,
        width,
        height,
        stride,
        palette: None,
        data: data.into(),
        chunks: Vec::new(),
    };
    Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) }
}

fn copy(format: BitmapFormat) -> Drawable {
    let area = Rect::new(0, 0, 8, 8);
    Drawable {
        surface_id: 0,
        effect: 0,
        mm_time: 0,
        bbox: Rect::new(10, 10, 18, 18),
        clip: Clip::None,
        self_bitmap: None,
        surface_deps: SurfaceDeps::default(),
        op: Op::Copy {
            src: Some(image(format, 8, 8)),
            src_area: area,
            rop: Ropd::PUT,
            scale_mode: ScaleMode::NEAREST,
            mask: QMask::default(),
        },
    }
}

fn ask(profile: &Profile, d: &Drawable) -> Result<(), Lack> {
    let draw = DrawRef { surface_id: d.surface_id, bbox: d.bbox, clip: &d.clip, op: &d.op };
    profile.supports(&draw, |id| match id {
        0 => Some(SurfaceFormat::X8R8G8B8),
        7 => Some(SurfaceFormat::A8),
        _ => None,
    })
}

#[test]
fn a_plain_copy_is_drawn_by_every_profile() {
    for name in Profile::builtin_names() {
        assert_eq!(ask(&builtin(name), &copy(BitmapFormat::Bit32)), Ok(()), "{name}");
    }
}

/// Changes the source, source area, rop and mask of a COPY.
type Change<'a> = &'a dyn Fn(&mut Option<Image>, &mut Rect, &mut Ropd, &mut QMask);

#[test]
fn lacks_are_named() {
    let html5 = builtin("spice-html5");
    let plain = || copy(BitmapFormat::Bit32);
    let change = |f: &dyn Fn(&mut Drawable)| {
        let mut d = plain();
        f(&mut d);
        assert!(!matches!(ask(&builtin("full"), &d), Err(Lack::Feature(_) | Lack::Rop(_))));
        ask(&html5, &d).map_err(|l| l.to_string())
    };
    let op = |op: Op| change(&move |d| d.op = op.clone());
    let no = |what: &str| Err(format!("no {what}"));

    assert_eq!(change(&|d| d.clip = Clip::Rects(vec![Rect::new(0, 0, 12, 12)])), no("clip-rect"));
    assert_eq!(
        change(&|d| d.clip = Clip::Rects(vec![d.bbox])),
        Ok(()),
        "it ignores the clip, which is right here"
    );
    assert_eq!(change(&|d| d.clip = Clip::Rects(vec![d.bbox; 2])), no("clip-rects"));
    assert_eq!(change(&|d| d.bbox.right += 1), no("scale-nearest"));
    assert_eq!(change(&|d| d.surface_id = 7), Err("no surface 7 of 8_A".to_owned()));
    assert_eq!(change(&|d| d.surface_id = 9), Err("there is no surface 9".to_owned()));
    let with = |f: Change<'_>| {
        change(&|d| {
            let Op::Copy { src, src_area, rop, mask, .. } = &mut d.op else { unreachable!() };
            f(src, src_area, rop, mask);
        })
    };
    assert_eq!(with(&|s, _, _, _| *s = None), no("source image"));
    assert_eq!(with(&|s, _, _, _| *s = Some(image(BitmapFormat::Bit8, 8, 8))), no("images of 8BIT"));
    assert_eq!(with(&|s, _, _, _| *s = Some(image(BitmapFormat::Bit32, 9, 8))), no("src-part"));
    assert_eq!(with(&|_, a, _, _| *a = Rect::new(1, 0, 9, 8)), no("src-offset"));
    assert_eq!(with(&|_, _, r, _| *r = Ropd(Ropd::OP_XOR)), no("rop xor"));
    assert_eq!(with(&|_, _, r, _| *r = Ropd(Ropd::OP_PUT | Ropd::INVERS_DEST)), Ok(()), "the same as PUT");
    assert_eq!(
        with(&|_, _, _, m| m.image = Some(image(BitmapFormat::Bit1Be, 8, 8).into())),
        Err("no BITMAP images of 1BIT_BE".to_owned())
    );
    assert_eq!(op(Op::Nop), Ok(()));
    assert_eq!(op(Op::Invers { mask: QMask::default() }), no("INVERS"));
    let fill = |brush| Op::Fill { brush, rop: Ropd::PUT, mask: QMask::default() };
    assert_eq!(op(fill(Brush::Solid(1))), Ok(()));
    assert_eq!(op(fill(Brush::None)), no("brush-none"));
    let tile =
        Brush::Pattern { image: Some(image(BitmapFormat::Bit32, 4, 4).into()), pos: Default::default() };
    assert_eq!(op(fill(tile)), no("brush-pattern"));
}

/// What a profile has or ignores of an operation is something that the operation can ask for; not both at once.
#[test]
fn features_belong_to_their_operations() {
    for name in Profile::builtin_names() {
        let p = builtin(name);
        for kind in OpKind::ALL {
            let (op, all) = (p.op(kind), Feature::of_op(kind));
            assert!(op.features.without(all).is_empty(), "{name} {kind:?} {:?}", op.features.without(all));
            assert!(op.ignores.without(all).is_empty(), "{name} {kind:?} {:?}", op.ignores.without(all));
            assert!(op.ignores.intersection(op.features).is_empty(), "{name} {kind:?}");
            assert!(op.drawn == Drawn::Yes || op.features.is_empty(), "{name} {kind:?}");
        }
    }
}

#[test]
fn ternary_codes_are_the_218() {
    let absent: Vec<u8> = (0..=255).filter(|c| !Rop3Set::ternary().contains(*c)).collect();
    // QUIRKS.md, first row of the first table.
    let left_out = "00 03 05 0a 0c 0f 11 22 30 33 3c 3f 44 50 55 5a 5f 66 77 88 99 a0 a5 aa af bb c0 c3 cc cf dd \
                    ee f0 f3 f5 fa fc ff";
    let left_out: Vec<u8> = left_out.split_whitespace().map(|c| u8::from_str_radix(c, 16).unwrap()).collect();
    assert_eq!(absent, left_out);
}

/// Prints what one answer costs: `cargo test --release --lib cost_of_supports -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_supports() {
    let draws = [BitmapFormat::Bit32, BitmapFormat::Bit8, BitmapFormat::Alpha8].map(copy);
    for name in ["spice-gtk", "spice-html5", "raw-only"] {
        let profile = builtin(name);
        for d in &draws {
            const ROUNDS: u32 = 2_000_000;
            let start = std::time::Instant::now();
            let yes = (0..ROUNDS).filter(|_| ask(std::hint::black_box(&profile), d).is_ok()).count();
            println!("{name} {:.1} ns ({})", start.elapsed().as_nanos() as f64 / f64::from(ROUNDS), yes > 0);
        }
    }
}
