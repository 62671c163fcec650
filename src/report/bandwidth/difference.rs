//! How far what a client shows is from the truth.

use crate::draw::to_rgb;
use spice_raster::{SurfaceFormat, SurfaceRef};

/// The difference of two pictures, in their colour channels of 8 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Pixels that differ.
    pub pixels: u64,
    /// The largest difference of a channel.
    pub max_error: u8,
    /// The sum of all squared differences.
    squares: u64,
    /// How many channels of pixels there are.
    channels: u64,
}

impl Difference {
    /// Compares what a screen shows of two surfaces. Without one of the two, or with another size, everything
    /// differs as much as it can.
    pub fn of(shown: Option<SurfaceRef<'_>>, truth: Option<SurfaceRef<'_>>) -> Self {
        let (shown, truth) = match (shown, truth) {
            (None, None) => return Self::default(),
            (Some(s), Some(t)) if (s.width(), s.height()) == (t.width(), t.height()) => (s, t),
            (s, t) => {
                let pixels = s.iter().chain(&t).map(|s| u64::from(s.width()) * u64::from(s.height())).max();
                let pixels = pixels.unwrap_or(0).max(1);
                return Self {
                    pixels,
                    max_error: 255,
                    squares: pixels * 3 * 255 * 255,
                    channels: pixels * 3,
                };
            }
        };
        let mut all =
            Self { channels: u64::from(truth.width()) * u64::from(truth.height()) * 3, ..Self::default() };
        let wide =
            |s: &SurfaceRef<'_>| matches!(s.format(), SurfaceFormat::X8R8G8B8 | SurfaceFormat::A8R8G8B8);
        if wide(&shown) && wide(&truth) {
            for y in 0..truth.height() {
                let (a, b) = (shown.row(y), truth.row(y));
                let differs = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) & 0xff_ffff;
                if differs != 0 {
                    let bytes = |p: u32| [p as u8, (p >> 8) as u8, (p >> 16) as u8];
                    a.iter().zip(b).for_each(|(a, b)| all.pixel(bytes(*a), bytes(*b)));
                }
            }
        } else {
            let (a, b) = (to_rgb(shown), to_rgb(truth));
            a.as_chunks().0.iter().zip(b.as_chunks().0).for_each(|(a, b)| all.pixel(*a, *b));
        }
        all
    }

    fn pixel(&mut self, a: [u8; 3], b: [u8; 3]) {
        self.pixels += u64::from(a != b);
        for (a, b) in a.into_iter().zip(b) {
            let error = a.abs_diff(b);
            self.max_error = self.max_error.max(error);
            self.squares += u64::from(error) * u64::from(error);
        }
    }

    /// Whether nothing differs.
    pub fn is_none(&self) -> bool {
        self.max_error == 0
    }

    /// Peak signal to noise ratio in decibels; `None` where nothing differs.
    pub fn psnr(&self) -> Option<f64> {
        let mean = self.squares as f64 / self.channels.max(1) as f64;
        (self.squares > 0).then(|| 10.0 * (255.0 * 255.0 / mean).log10())
    }

    /// Whether it is worse than another: by the mean of squares.
    pub(super) fn is_worse(&self, than: &Self) -> bool {
        let per = |a: &Self, b: &Self| u128::from(a.squares) * u128::from(b.channels.max(1));
        per(self, than) > per(than, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spice_raster::Surface;

    #[test]
    fn errors_are_counted_and_x_bytes_are_not() {
        let mut a = Surface::new(SurfaceFormat::X8R8G8B8, 4, 1, 1 << 20).unwrap();
        let b = Surface::new(SurfaceFormat::X8R8G8B8, 4, 1, 1 << 20).unwrap();
        a.view_mut().row(0).copy_from_slice(&[0xff00_0000, 0, 0x0003_0000, 0x0000_0400]);
        let d = Difference::of(Some(a.view()), Some(b.view()));
        assert_eq!((d.pixels, d.max_error, d.squares, d.channels), (2, 4, 25, 12));
        assert!((d.psnr().unwrap() - 10.0 * (65025.0f64 * 12.0 / 25.0).log10()).abs() < 1e-9);
        let none = Difference::of(Some(b.view()), Some(b.view()));
        assert!(none.is_none() && none.psnr().is_none() && d.is_worse(&none) && !none.is_worse(&d));
        let black = Difference::of(None, Some(b.view()));
        assert_eq!((black.max_error, black.psnr()), (255, Some(0.0)));
        assert!(Difference::of(None, None).is_none());
        let c = Surface::new(SurfaceFormat::R5G6B5, 4, 1, 1 << 20).unwrap();
        assert_eq!(Difference::of(Some(a.view()), Some(c.view())).squares, 25);
    }
}
