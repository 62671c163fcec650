//! Bytes of whole pictures for one client: `encode_pictures PICTURE.png...`, each as 256-pixel tiles.

use spice_raster::{Rect, Surface, SurfaceFormat};
use spice_render::client::encode::{Costs, ImageEncoder, Quality, Sizes};
use spice_render::client::profile::Profile;
use std::collections::BTreeMap;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| picture | profile | LAN | 10 Mbit/s | lossy | estimate (LAN) | codecs on LAN |");
    println!("|-|-|-:|-:|-:|-:|-|");
    for path in std::env::args().skip(1) {
        let picture = image::open(&path)?.to_rgb8();
        let (width, height) = picture.dimensions();
        let mut s = Surface::new(SurfaceFormat::X8R8G8B8, width, height, 1 << 28)?;
        let mut view = s.view_mut();
        for (x, y, px) in picture.enumerate_pixels() {
            view.row(y)[x as usize] = u32::from_be_bytes([0, px[0], px[1], px[2]]);
        }
        for name in ["full", "safe"] {
            let profile = Profile::builtin(name).ok_or("no such profile")?;
            let mut sums = [0; 4];
            let mut codecs = BTreeMap::new();
            let slow = Costs::of_bandwidth(10_000_000);
            let runs = [(Costs::LAN, Quality::EXACT), (slow, Quality::EXACT), (slow, Quality::LOSSY)];
            for (i, (costs, quality)) in runs.into_iter().enumerate() {
                let mut encoder = ImageEncoder::new(&profile, Sizes::of_profile(&profile));
                for (top, left) in
                    (0..height).step_by(256).flat_map(|y| (0..width).step_by(256).map(move |x| (y, x)))
                {
                    let (right, bottom) = ((left + 256).min(width), (top + 256).min(height));
                    let area = Rect::new(left as i32, top as i32, right as i32, bottom as i32);
                    if i == 0 {
                        sums[3] += encoder.estimate(s.view(), area, SurfaceFormat::X8R8G8B8, &quality)?;
                    }
                    let coded = encoder.encode(s.view(), area, SurfaceFormat::X8R8G8B8, &quality, &costs)?;
                    sums[i] += coded.bytes;
                    if i == 0 {
                        *codecs.entry(coded.codec.name()).or_insert(0) += 1;
                    }
                }
            }
            let name =
                std::path::Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let [lan, slow, lossy, guess] = sums;
            println!("| {name} | {} | {lan} | {slow} | {lossy} | {guess} | {codecs:?} |", profile.name);
        }
    }
    Ok(())
}
