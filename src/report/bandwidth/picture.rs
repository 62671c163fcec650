//! Small pictures inside a page.

use super::run::Shot;

/// The widest picture in a page, in pixels.
const WIDTH: u32 = 480;

/// A picture as the `src` of an image: reduced to at most 480 columns, as PNG. `None` if it has no pixels.
pub(super) fn data_uri(shot: &Shot) -> Option<String> {
    let (small, width, height) = reduced(shot)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&small).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", base64(&file)))
}

/// Where two pictures differ: brighter where more, eight times as bright as the difference is. `None` for pictures
/// of different sizes.
pub(super) fn difference(a: &Shot, b: &Shot) -> Option<Shot> {
    if (a.width, a.height) != (b.width, b.height) {
        return None;
    }
    let rgb = a.rgb.iter().zip(&b.rgb).map(|(a, b)| a.abs_diff(*b).saturating_mul(8)).collect();
    Some(Shot { rgb, ..*a })
}

/// Means of equal boxes.
fn reduced(shot: &Shot) -> Option<(Vec<u8>, u32, u32)> {
    if shot.width == 0 || shot.height == 0 || shot.rgb.len() as u64 != area(shot) * 3 {
        return None;
    }
    let by = shot.width.div_ceil(WIDTH);
    let (width, height) = (shot.width.div_ceil(by), shot.height.div_ceil(by));
    let (pixels, _) = shot.rgb.as_chunks::<3>();
    let mut out = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut count) = ([0u32; 3], 0);
            for row in y * by..((y + 1) * by).min(shot.height) {
                let row = &pixels[row as usize * shot.width as usize..][..shot.width as usize];
                for pixel in &row[(x * by) as usize..((x + 1) * by).min(shot.width) as usize] {
                    sum.iter_mut().zip(pixel).for_each(|(sum, c)| *sum += u32::from(*c));
                    count += 1;
                }
            }
            out.extend(sum.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    Some((out, width, height))
}

fn area(shot: &Shot) -> u64 {
    u64::from(shot.width) * u64::from(shot.height)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, i| word << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn pictures_shrink_to_means() {
        let mut shot = Shot { width: 961, height: 2, rgb: vec![10; 961 * 2 * 3] };
        shot.rgb[0] = 46;
        let (small, width, height) = reduced(&shot).unwrap();
        assert_eq!((width, height, small[0], small[1]), (321, 1, 16, 10));
        assert!(data_uri(&shot).unwrap().starts_with("data:image/png;base64,iVBOR"));
        assert_eq!(data_uri(&Shot::default()), None);
        let other = Shot { rgb: vec![12; 961 * 2 * 3], ..shot.clone() };
        assert_eq!(difference(&shot, &other).unwrap().rgb[..2], [255, 16]);
    }
}
