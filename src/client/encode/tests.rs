//! What is encoded is what a client decodes, and its caches are what their mirrors say.

use super::*;
use crate::draw::{Limits, Picture};
use crate::qxl;
use crate::viewer::images::{ImageDecoder, ImageLimits};
use crate::wire::{Bitmap, ImageData, PaletteRef};
use bytes::Bytes;
use spice_raster::Surface;
use std::sync::Arc;

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Runs `test` with many seeds, or with the one of SPICE_RENDER_SEED; a failure names its seed.
fn each_seed(n: u64, test: impl Fn(&mut Random)) {
    if let Some(seed) = std::env::var("SPICE_RENDER_SEED").ok().and_then(|s| s.parse().ok()) {
        return test(&mut Random(seed));
    }
    for seed in 0..n {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut Random(seed))));
        if let Err(e) = run {
            eprintln!("SPICE_RENDER_SEED={seed} replays this");
            std::panic::resume_unwind(e);
        }
    }
}

const FORMATS: [SurfaceFormat; 5] = [
    SurfaceFormat::X8R8G8B8,
    SurfaceFormat::A8R8G8B8,
    SurfaceFormat::X1R5G5B5,
    SurfaceFormat::R5G6B5,
    SurfaceFormat::A8,
];

/// A surface of some kind of content: noise, few colours, text-like, smooth, flat, with x bytes of every kind.
fn surface(r: &mut Random, format: SurfaceFormat, width: u32, height: u32) -> Surface {
    let mut s = Surface::new(format, width, height, 1 << 24).unwrap();
    let kind = r.below(6);
    let colours: Vec<u32> =
        (0..[1, 2, 3, 16, 17, 200, 256, 257][r.below(8) as usize]).map(|_| r.next() as u32).collect();
    let x = [0, 0, 0xff00_0000, 0x5500_0000][r.below(4) as usize];
    let x_noise = r.below(4) == 0;
    let slope = (r.below(5) as u32, r.below(5) as u32);
    for y in 0..height {
        let mut value = r.pick(&colours);
        let mut view = s.view_mut();
        for px in 0..width {
            value = match kind {
                0 => r.next() as u32,
                1 => r.pick(&colours),
                2 if r.below(9) > 0 => value,
                2 => r.pick(&colours),
                3 => {
                    let v = (px * slope.0 + y * slope.1 + r.below(3) as u32) & 0xff;
                    v | v << 8 | (v / 2) << 16
                }
                4 => colours[0],
                _ => colours[((px / 5 + y / 7) as usize) % colours.len()],
            };
            let noise = if x_noise { r.next() as u32 & 0xff00_0000 } else { x };
            let word = value & 0x00ff_ffff | noise;
            match format.bits_per_pixel() {
                32 => view.row(y)[px as usize] = word,
                16 => view.row16(y)[px as usize] = (value ^ value >> 7) as u16,
                _ => view.row8(y)[px as usize] = value as u8,
            }
        }
    }
    s
}

fn rect(r: &mut Random, width: u32, height: u32) -> Rect {
    let span = |r: &mut Random, n: u32| {
        let a = r.below(u64::from(n)) as i32;
        let b = a + 1 + r.below((n - a as u32).into()) as i32;
        if r.below(3) == 0 { (0, n as i32) } else { (a, b) }
    };
    let ((left, right), (top, bottom)) = (span(r, width), span(r, height));
    Rect::new(left, top, right, bottom)
}

/// The bits that a client shows of a format.
fn visible(format: SurfaceFormat, needs_x: bool) -> u32 {
    match format {
        SurfaceFormat::X8R8G8B8 if !needs_x => 0x00ff_ffff,
        SurfaceFormat::X1R5G5B5 if !needs_x => 0x7fff,
        _ => u32::MAX,
    }
}

fn pixel(view: SurfaceRef<'_>, x: u32, y: u32) -> u32 {
    match view.format().bits_per_pixel() {
        32 => view.row(y)[x as usize],
        16 => view.row16(y)[x as usize].into(),
        8 => view.row8(y)[x as usize].into(),
        _ => u32::from(view.bytes_of_row(y)[x as usize / 8]) >> (x % 8) & 1,
    }
}

/// What a client shows of `image` on a surface of `format`.
fn shown(image: &qxl::Image, format: SurfaceFormat) -> Surface {
    let limits = Limits::default();
    let picture = Picture::new(image, false, &limits).unwrap().unwrap();
    let view = picture.view(format, &limits).unwrap();
    let view = view.get();
    let mut s = Surface::new(view.format(), view.width(), view.height(), 1 << 28).unwrap();
    for y in 0..view.height() {
        s.view_mut().row(y).copy_from_slice(view.row(y));
    }
    s
}

fn deliver(decoder: &mut ImageDecoder, coded: &Coded) -> qxl::Image {
    for message in &coded.before {
        match message {
            ServerMessage::InvalList(list) => decoder.forget(list),
            ServerMessage::InvalPalette { id } => decoder.forget_palette(*id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(coded.bytes, coded.image.wire_len());
    assert_eq!(coded.codec, coded.image.data.kind());
    decoder.decode(&coded.image).unwrap_or_else(|e| panic!("{e}: {:?}", coded.codec))
}

fn in_step(encoder: &ImageEncoder, decoder: &ImageDecoder) {
    assert_eq!(encoder.image_cache().ids(), decoder.image_ids());
    assert_eq!(encoder.image_cache().cost(), decoder.cached_pixels());
    assert_eq!(encoder.palette_cache().ids(), decoder.palette_ids());
}

fn costs(r: &mut Random) -> Costs {
    r.pick(&[Costs::LAN, Costs::of_bandwidth(2_000_000), Costs { effort: Effort::Quick, ..Costs::LAN }])
}

/// Encodes areas of a surface in a row and looks at what the client shows.
fn check_profile(
    r: &mut Random,
    profile: &Profile,
    sizes: Sizes,
    truth: SurfaceFormat,
    target: SurfaceFormat,
) {
    let mut encoder = ImageEncoder::new(profile, sizes);
    let limits = ImageLimits {
        image_cache: sizes.image_cache,
        palettes: profile.palette_cache as usize,
        glz_window: sizes.glz_window,
        image_bytes: 1 << 24,
    };
    let mut decoder = ImageDecoder::new(profile, limits);
    let (width, height) = (1 + r.below(70) as u32, 1 + r.below(50) as u32);
    let mut s = surface(r, truth, width, height);
    for _ in 0..6 {
        if r.below(3) == 0 {
            s = surface(r, truth, width, height);
        }
        let area = rect(r, width, height);
        let quality = Quality { needs_x: r.below(3) == 0, ..Quality::EXACT };
        let costs = costs(r);
        let coded = match encoder.encode(s.view(), area, target, &quality, &costs) {
            Ok(coded) => coded,
            // A client whose raw 32-bit images are all it has for x bytes, and the like.
            Err(Unencodable::NoImage { format }) => {
                assert!(!encoder.formats(ImageKind::Bitmap).contains(format));
                continue;
            }
            Err(e) => panic!("{e}"),
        };
        assert!(!coded.lossy && sizes.minor >= coded.codec.since_minor());
        let raw = (s.format().bits_per_pixel().max(32) / 8 * area.width() * area.height()) as usize + 36;
        if encoder.formats(ImageKind::Bitmap) == Set::all() {
            assert!(coded.bytes <= raw, "{:?} {} {raw}", coded.codec, coded.bytes);
        }
        let back = shown(&deliver(&mut decoder, &coded), target);
        in_step(&encoder, &decoder);
        let expected = expected(s.view(), area, target);
        let mask = visible(target, quality.needs_x && s.format().bits_per_pixel() == target.bits_per_pixel());
        for y in 0..area.height() {
            for x in 0..area.width() {
                let (a, b) = (pixel(back.view(), x, y) & mask, pixel(expected.view(), x, y) & mask);
                assert_eq!(a, b, "{:?} at {x},{y} of {area:?}: {a:#x} {b:#x} {quality:?}", coded.codec);
            }
        }
    }
}

/// An area of a surface as pixels of another format.
fn expected(truth: SurfaceRef<'_>, area: Rect, target: SurfaceFormat) -> Surface {
    let mut s = Surface::new(target, area.width(), area.height(), 1 << 24).unwrap();
    for y in 0..area.height() {
        for x in 0..area.width() {
            let px = pixel(truth, x + area.left as u32, y + area.top as u32);
            let five = |v: u32| (v & 31) << 3 | (v & 31) >> 2;
            let px = match (truth.format(), target) {
                (SurfaceFormat::X1R5G5B5, SurfaceFormat::X8R8G8B8) => {
                    five(px >> 10) << 16 | five(px >> 5) << 8 | five(px)
                }
                (SurfaceFormat::R5G6B5, SurfaceFormat::X8R8G8B8) => {
                    let green = px >> 5 & 63;
                    five(px >> 11) << 16 | (green << 2 | green >> 4) << 8 | five(px)
                }
                (SurfaceFormat::A8, SurfaceFormat::X8R8G8B8) => 0,
                _ => px,
            };
            match target.bits_per_pixel() {
                32 => s.view_mut().row(y)[x as usize] = px,
                16 => s.view_mut().row16(y)[x as usize] = px as u16,
                _ => s.view_mut().row8(y)[x as usize] = px as u8,
            }
        }
    }
    s
}

#[test]
fn every_profile_decodes_what_was_encoded_for_it() {
    let profiles: Vec<Profile> = Profile::builtin_names().filter_map(Profile::builtin).collect();
    each_seed(150, |r| {
        for profile in &profiles {
            let truth = r.pick(&FORMATS);
            let target = if profile.primary.contains(truth) && r.below(2) == 0 {
                truth
            } else {
                SurfaceFormat::X8R8G8B8
            };
            let sizes = Sizes {
                image_cache: if profile.image_cache > 0 { r.pick(&[0, 300, 5000, 1 << 20]) } else { 0 },
                glz_window: if profile.glz_window > 0 { r.pick(&[0, 500, 4000, 1 << 20]) } else { 0 },
                minor: r.below(3) as u32,
            };
            let mut narrow = profile.clone().narrowed_to_minor(sizes.minor);
            narrow.palette_cache = if profile.palette_cache > 0 { r.pick(&[0, 1, 5, 128]) } else { 0 };
            check_profile(r, &narrow, sizes, truth, target);
        }
    });
}

#[test]
fn every_codec_alone() {
    let kinds = [
        ImageKind::Bitmap,
        ImageKind::Quic,
        ImageKind::LzPlt,
        ImageKind::LzRgb,
        ImageKind::GlzRgb,
        ImageKind::ZlibGlzRgb,
        ImageKind::Lz4,
    ];
    let full = Profile::builtin("full").unwrap();
    let mut used = [false; ImageKind::ALL.len()];
    let used = std::cell::RefCell::new(&mut used);
    each_seed(60, |r| {
        for kind in kinds {
            let mut profile = full.clone();
            profile.images = [Set::NONE; ImageKind::ALL.len()];
            *profile.image_mut(kind) = full.image(kind);
            let sizes = Sizes { image_cache: 0, ..Sizes::of_profile(&profile) };
            let truth = r.pick(&[SurfaceFormat::X8R8G8B8, SurfaceFormat::A8R8G8B8, SurfaceFormat::X1R5G5B5]);
            let target = if r.below(3) == 0 { SurfaceFormat::X8R8G8B8 } else { truth };
            let (width, height) = (3 + r.below(60) as u32, 3 + r.below(40) as u32);
            let s = surface(r, truth, width, height);
            let mut encoder = ImageEncoder::new(&profile, sizes);
            let mut decoder = ImageDecoder::new(&profile, ImageLimits::of_profile(&profile));
            for _ in 0..2 {
                let area = s.bounds();
                let Ok(coded) = encoder.encode(s.view(), area, target, &Quality::EXACT, &costs(r)) else {
                    let few = kind == ImageKind::LzPlt;
                    assert!(few, "{kind:?} {truth:?} {target:?}");
                    continue;
                };
                assert_eq!(coded.codec, kind);
                used.borrow_mut()[kind as usize] = true;
                let back = shown(&deliver(&mut decoder, &coded), target);
                let expected = expected(s.view(), area, target);
                let mask = visible(target, false);
                for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                    assert_eq!(
                        pixel(back.view(), x, y) & mask,
                        pixel(expected.view(), x, y) & mask,
                        "{kind:?}"
                    );
                }
            }
        }
    });
    if std::env::var_os("SPICE_RENDER_SEED").is_none() {
        for kind in kinds {
            assert!(used.borrow()[kind as usize], "{kind:?} was never used");
        }
    }
}

#[test]
fn the_same_pictures_give_the_same_images_shared_or_not_saved_or_not() {
    let profile = Profile::builtin("full").unwrap();
    let sizes = Sizes { image_cache: 6000, glz_window: 9000, minor: 2 };
    each_seed(40, |r| {
        let shared = SharedEncodes::default();
        let mut encoders = [
            ImageEncoder::new(&profile, sizes),
            ImageEncoder::with_shared(&profile, sizes, shared.clone()),
            ImageEncoder::with_shared(&profile, sizes, shared.clone()),
        ];
        let mut decoder = ImageDecoder::new(
            &profile,
            ImageLimits { image_cache: 6000, palettes: 128, glz_window: 9000, image_bytes: 1 << 24 },
        );
        let surfaces: Vec<Surface> = (0..5).map(|_| surface(r, SurfaceFormat::X8R8G8B8, 50, 40)).collect();
        for step in 0..20 {
            let s = &surfaces[r.below(5) as usize];
            let (area, costs) = (rect(r, 50, 40), costs(r));
            let coded = encoders
                .each_mut()
                .map(|e| e.encode(s.view(), area, SurfaceFormat::X8R8G8B8, &Quality::EXACT, &costs).unwrap());
            assert_eq!(coded[0], coded[1]);
            assert_eq!(coded[0], coded[2]);
            assert!(coded[0].spent <= costs.search);
            deliver(&mut decoder, &coded[0]);
            in_step(&encoders[0], &decoder);
            if step == 10 {
                // A client that moves on with its state must not notice. (GLZ bytes may differ from then on.)
                let mut moved = ImageEncoder::new(&profile, sizes);
                moved.restore(encoders[0].save()).unwrap();
                assert_eq!(moved.save(), encoders[0].save());
                encoders = [moved, ImageEncoder::new(&profile, sizes), ImageEncoder::new(&profile, sizes)];
                let saved = encoders[0].save();
                encoders[1..].iter_mut().for_each(|e| e.restore(saved.clone()).unwrap());
            }
        }
        let broken = EncoderState { glz: Some(vec![1, 2, 3]), ..encoders[0].save() };
        assert!(encoders[0].restore(broken).is_err());
    });
}

/// A guest's image of a random format.
fn guest_image(r: &mut Random) -> qxl::Image {
    let (width, height) = (1 + r.below(40) as u32, 1 + r.below(30) as u32);
    let format = r.pick(&BitmapFormat::ALL);
    let row = format.bytes_per_row(width) as usize;
    let stride = row + r.below(3) as usize * 4;
    let few = r.below(2) == 0;
    let byte = |r: &mut Random| if few { r.pick(&[0, 0xff, 7]) } else { r.next() as u8 };
    let data: Vec<u8> = (0..stride * height as usize).map(|_| byte(r)).collect();
    let entries = (0..1u32 << format.bits_per_pixel().min(8)).map(|_| r.next() as u32).collect();
    let palette = format.has_palette().then(|| Arc::new(qxl::Palette { unique: r.below(3), entries }));
    let bitmap = qxl::Bitmap {
        format,
        flags: if r.below(2) == 0 { qxl::Bitmap::TOP_DOWN } else { 0 },
        width,
        height,
        stride: stride as u32,
        palette,
        data: data.into(),
        chunks: Vec::new(),
    };
    let flags = r.pick(&[0, qxl::Image::CACHE, qxl::Image::HIGH_BITS_SET]);
    let data = qxl::ImageData::Bitmap(bitmap);
    if r.below(4) == 0 && width >= 3 && height >= 3 {
        let layout = r.pick(&[
            spice_codecs::PixelFormat::Rgb16,
            spice_codecs::PixelFormat::Rgb24,
            spice_codecs::PixelFormat::Rgb32,
            spice_codecs::PixelFormat::Rgba,
        ]);
        let row = layout.bytes_per_row(width);
        let bytes: Vec<u8> = (0..row * height as usize).map(|_| byte(r)).collect();
        let pixels = spice_codecs::Pixels::new(layout, width, height, row, true, &bytes).unwrap();
        let mut stream = Vec::new();
        spice_codecs::encode(&pixels, spice_codecs::Codec::Quic, &Default::default(), &mut stream).unwrap();
        return qxl::Image { id: 5, flags, width, height, data: qxl::ImageData::Quic(stream.into()) };
    }
    qxl::Image { id: 5, flags, width, height, data }
}

#[test]
fn operations_read_the_same_from_transcoded_images() {
    let limits = Limits::default();
    let profiles: Vec<Profile> = Profile::builtin_names().filter_map(Profile::builtin).collect();
    each_seed(150, |r| {
        let mut profile = r.pick(&profiles.iter().collect::<Vec<_>>()).clone();
        profile.image_cache = profile.image_cache.min(4000);
        let mut encoder = ImageEncoder::new(&profile, Sizes::of_profile(&profile));
        let mut decoder = ImageDecoder::new(&profile, ImageLimits::of_profile(&profile));
        for _ in 0..8 {
            let image = guest_image(r);
            let usage = ImageUse {
                reads: r.pick(&[Reads::Converted, Reads::Composite, Reads::AlphaBlend, Reads::Mask]),
                target: r.pick(&FORMATS),
                needs_x: r.below(2) == 0,
            };
            let costs = costs(r);
            let Some(coded) = encoder.transcode(&image, &usage, &Quality::EXACT, &costs, &limits) else {
                continue;
            };
            assert!(!coded.lossy);
            let back = deliver(&mut decoder, &coded);
            in_step(&encoder, &decoder);
            same_to_the_operation(&image, &back, &usage, coded.codec);
        }
    });
}

/// What the operation reads of both images.
fn same_to_the_operation(image: &qxl::Image, back: &qxl::Image, usage: &ImageUse, codec: ImageKind) {
    let limits = Limits::default();
    let mask = usage.reads == Reads::Mask;
    let pictures = [image, back].map(|i| Picture::new(i, mask, &limits).unwrap().unwrap());
    let target = usage.target;
    let format = |p: &Picture| match usage.reads {
        Reads::AlphaBlend => p.own_format(target),
        _ => p.image_format(target),
    };
    let views = pictures.each_ref().map(|p| match usage.reads {
        Reads::Mask => p.mask(&limits).unwrap(),
        _ => p.view(format(p).unwrap(), &limits).unwrap(),
    });
    // Pixels as premultiplied ARGB: the x byte is opaque to who reads alpha.
    let argb = |v: SurfaceRef<'_>, x, y| {
        let px = pixel(v, x, y);
        let five = |c: u32| (px >> c & 31) << 3 | (px >> c & 31) >> 2;
        match v.format() {
            SurfaceFormat::X8R8G8B8 => px | 0xff00_0000,
            SurfaceFormat::X1R5G5B5 => 0xff00_0000 | five(10) << 16 | five(5) << 8 | five(0),
            SurfaceFormat::R5G6B5 => {
                let green = px >> 5 & 63;
                0xff00_0000 | five(11) << 16 | (green << 2 | green >> 4) << 8 | five(0)
            }
            _ => px,
        }
    };
    let [a, b] = views.each_ref().map(|v| v.get());
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    for (x, y) in (0..a.height()).flat_map(|y| (0..a.width()).map(move |x| (x, y))) {
        let (p, q) = (pixel(a, x, y), pixel(b, x, y));
        let context = || format!("{codec:?} {usage:?} at {x},{y}: {p:#x} {q:#x} of {image:?}");
        match usage.reads {
            Reads::Mask => assert_eq!(p, q, "{}", context()),
            Reads::Converted => {
                let m = visible(target, usage.needs_x);
                assert_eq!(p & m, q & m, "{}", context());
            }
            Reads::Composite | Reads::AlphaBlend => {
                assert_eq!(argb(a, x, y), argb(b, x, y), "{}", context());
                if usage.needs_x && a.format() == b.format() && usage.reads == Reads::Composite {
                    assert_eq!(p, q, "{}", context());
                }
            }
        }
    }
}

#[test]
fn photos_go_as_jpeg_where_that_is_allowed_and_text_never() {
    let profile = Profile::builtin("full").unwrap();
    let mut encoder = ImageEncoder::new(&profile, Sizes::of_profile(&profile));
    let mut decoder = ImageDecoder::new(&profile, ImageLimits::of_profile(&profile));
    let slow = Costs::of_bandwidth(1_000_000);
    for (format, codec) in
        [(SurfaceFormat::X8R8G8B8, ImageKind::Jpeg), (SurfaceFormat::A8R8G8B8, ImageKind::JpegAlpha)]
    {
        let mut s = Surface::new(format, 200, 160, 1 << 24).unwrap();
        let mut r = Random(7);
        for y in 0..160u32 {
            for x in 0..200u32 {
                let v = x * x / 600 + y * y / 400 + r.below(20) as u32;
                s.view_mut().row(y)[x as usize] = 0xff00_0000 | v << 16 | (v / 2 + 40) << 8 | (200 - v);
            }
        }
        let mut other = ImageEncoder::new(&profile, Sizes::of_profile(&profile));
        let exact = other.encode(s.view(), s.bounds(), format, &Quality::EXACT, &slow).unwrap();
        assert!(!exact.lossy);
        let lossy = encoder.encode(s.view(), s.bounds(), format, &Quality::LOSSY, &slow).unwrap();
        assert!(
            lossy.lossy && lossy.codec == codec && lossy.bytes * 2 < exact.bytes,
            "{:?} {:?} {} {}",
            lossy.codec,
            exact.codec,
            lossy.bytes,
            exact.bytes
        );
        assert_eq!(lossy.image.flags & crate::wire::Image::CACHE_ME, 0);
        let back = shown(&deliver(&mut decoder, &lossy), format);
        for (x, y) in (0..160).flat_map(|y| (0..200).map(move |x| (x, y))) {
            let (a, b) = (pixel(back.view(), x, y), pixel(s.view(), x, y));
            assert!((0..24).step_by(8).all(|c| (a >> c & 255).abs_diff(b >> c & 255) < 40), "{a:#x} {b:#x}");
            assert!(codec == ImageKind::Jpeg || a >> 24 == b >> 24);
        }
        // A line of letters in it.
        for (x, y) in (40..56).flat_map(|y| (30..100u32).map(move |x| (x, y))) {
            s.view_mut().row(y)[x as usize] =
                if x.is_multiple_of(5) || y.is_multiple_of(6) { 0xff00_0000 } else { 0xffff_ffff };
        }
        let text = encoder.encode(s.view(), s.bounds(), format, &Quality::LOSSY, &slow).unwrap();
        assert!(!text.lossy);
        deliver(&mut decoder, &text);
        // What the client holds exactly is not sent as JPEG.
        let again = encoder.encode(s.view(), s.bounds(), format, &Quality::LOSSY, &slow).unwrap();
        assert_eq!((again.codec, again.lossy), (ImageKind::FromCache, false));
    }
}

#[test]
fn the_preferred_compression_is_kept() {
    let profile = Profile::builtin("full").unwrap();
    let mut encoder = ImageEncoder::new(&profile, Sizes { image_cache: 0, ..Sizes::of_profile(&profile) });
    each_seed(20, |r| {
        let mut encoder =
            ImageEncoder::new(&profile, Sizes { image_cache: 0, ..Sizes::of_profile(&profile) });
        let s = surface(r, SurfaceFormat::X8R8G8B8, 60, 50);
        for preferred in ImageCompression::ALL {
            encoder.set_preferred(Some(preferred));
            let coded = encoder
                .encode(s.view(), s.bounds(), SurfaceFormat::X8R8G8B8, &Quality::EXACT, &Costs::LAN)
                .unwrap();
            assert!(
                encoder.formats(coded.codec).contains(BitmapFormat::Bit32) || coded.codec == ImageKind::LzPlt
            );
            if preferred == ImageCompression::Off {
                assert_eq!(coded.codec, ImageKind::Bitmap);
            }
        }
    });
    encoder.reset();
}

#[test]
fn areas_and_formats_that_cannot_be() {
    let profile = Profile::builtin("full").unwrap();
    let mut encoder = ImageEncoder::new(&profile, Sizes::of_profile(&profile));
    let s = Surface::new(SurfaceFormat::X8R8G8B8, 20, 10, 1 << 20).unwrap();
    for area in
        [Rect::new(0, 0, 21, 10), Rect::new(-1, 0, 5, 5), Rect::new(5, 5, 5, 9), Rect::new(0, 9, 4, 11)]
    {
        let wrong = encoder.encode(s.view(), area, SurfaceFormat::X8R8G8B8, &Quality::EXACT, &Costs::LAN);
        assert_eq!(wrong, Err(Unencodable::Area { rect: area }));
    }
    let wrong = encoder.encode(s.view(), s.bounds(), SurfaceFormat::A8, &Quality::EXACT, &Costs::LAN);
    assert_eq!(wrong, Err(Unencodable::Format { truth: SurfaceFormat::X8R8G8B8, target: SurfaceFormat::A8 }));
    let nothing = Profile { images: [Set::NONE; ImageKind::ALL.len()], ..profile };
    let mut encoder = ImageEncoder::new(&nothing, Sizes::of_profile(&nothing));
    let wrong = encoder.encode(s.view(), s.bounds(), SurfaceFormat::X8R8G8B8, &Quality::EXACT, &Costs::LAN);
    assert_eq!(wrong, Err(Unencodable::NoImage { format: BitmapFormat::Bit32 }));
    assert_eq!(wrong.unwrap_err().to_string(), "the client decodes no image of 32BIT pixels");
}

#[test]
fn estimates_learn() {
    let profile = Profile::builtin("full").unwrap();
    let mut encoder = ImageEncoder::new(&profile, Sizes { image_cache: 0, glz_window: 0, minor: 2 });
    let mut r = Random(3);
    // The same kind of noise again and again: after some images the estimate is close.
    let mut last = (0, 0);
    for _ in 0..30 {
        let mut s = Surface::new(SurfaceFormat::X8R8G8B8, 128, 96, 1 << 20).unwrap();
        for y in 0..96 {
            for px in s.view_mut().row(y) {
                *px = 0x0040_4040 + r.below(16) as u32 * 0x0001_0101;
            }
        }
        let (area, target) = (s.bounds(), SurfaceFormat::X8R8G8B8);
        let guess = encoder.estimate(s.view(), area, target, &Quality::EXACT).unwrap();
        let coded = encoder.encode(s.view(), area, target, &Quality::EXACT, &Costs::LAN).unwrap();
        last = (guess, coded.bytes);
    }
    assert!(last.0 * 4 > last.1 * 3 && last.0 * 3 < last.1 * 4, "{last:?}");
}

#[test]
fn the_decoder_refuses_what_a_client_must_not_get() {
    use crate::viewer::images::ImageError as E;
    let profile = Profile::builtin("full").unwrap();
    let limits = ImageLimits { image_cache: 10, palettes: 1, glz_window: 100, image_bytes: 1 << 20 };
    let mut decoder = ImageDecoder::new(&profile, limits);
    let bitmap = |w: u32, h: u32| Bitmap {
        format: BitmapFormat::Bit32,
        flags: Bitmap::TOP_DOWN,
        width: w,
        height: h,
        stride: w * 4,
        palette: PaletteRef::None,
        data: vec![0; (w * h * 4) as usize].into(),
    };
    let image = |id, flags, width, height, data| Image { id, flags, width, height, data };
    let raw = |id, flags, w, h| image(id, flags, w, h, ImageData::Bitmap(bitmap(w, h)));
    assert_eq!(decoder.decode(&image(3, 0, 2, 2, ImageData::FromCache)), Err(E::NotCached { id: 3 }));
    assert!(decoder.decode(&raw(3, Image::CACHE_ME, 2, 2)).is_ok());
    assert!(decoder.decode(&image(3, 0, 2, 2, ImageData::FromCache)).is_ok());
    assert_eq!(decoder.decode(&raw(3, Image::CACHE_ME, 2, 2)), Err(E::CachedTwice { id: 3 }));
    assert!(decoder.decode(&raw(3, Image::CACHE_REPLACE_ME, 2, 2)).is_ok());
    assert_eq!(
        decoder.decode(&raw(4, Image::CACHE_ME, 7, 1)),
        Err(E::CacheFull { pixels: 11, announced: 10 })
    );
    assert!(matches!(
        decoder.decode(&image(0, 0, 3, 2, ImageData::Bitmap(bitmap(2, 2)))),
        Err(E::Size { .. })
    ));
    for data in [
        ImageData::Quic(Bytes::from_static(b"QUIC")),
        ImageData::LzRgb(Bytes::new()),
        ImageData::GlzRgb(Bytes::new()),
        ImageData::Jpeg(Bytes::new()),
        ImageData::Lz4(Bytes::new()),
        ImageData::ZlibGlzRgb { glz_size: u32::MAX, data: Bytes::new() },
        ImageData::JpegAlpha { flags: 0, jpeg_size: 9, data: Bytes::new() },
    ] {
        assert!(matches!(decoder.decode(&image(0, 0, 3, 2, data)), Err(E::Stream { .. })));
    }
    let safe = Profile::builtin("safe").unwrap();
    let mut decoder = ImageDecoder::new(&safe, limits);
    let unsupported = decoder.decode(&image(0, 0, 3, 2, ImageData::Lz4(Bytes::new())));
    assert_eq!(unsupported, Err(E::Unsupported { kind: ImageKind::Lz4, format: None }));
    assert_eq!(unsupported.unwrap_err().to_string(), "the client decodes no LZ4 image");
}
