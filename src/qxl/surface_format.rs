//! Protocol numbers and names of the surface formats.

use super::SurfaceFormat;

/// Every surface format with its `SPICE_SURFACE_FMT_*` number and name.
const TABLE: [(SurfaceFormat, u32, &str); 6] = [
    (SurfaceFormat::A1, 1, "1_A"),
    (SurfaceFormat::A8, 8, "8_A"),
    (SurfaceFormat::X1R5G5B5, 16, "16_555"),
    (SurfaceFormat::R5G6B5, 80, "16_565"),
    (SurfaceFormat::X8R8G8B8, 32, "32_xRGB"),
    (SurfaceFormat::A8R8G8B8, 96, "32_ARGB"),
];

/// The surface format of a `SPICE_SURFACE_FMT_*` number; `None` for 0 (invalid) and unknown ones.
pub fn surface_format_from_number(number: u32) -> Option<SurfaceFormat> {
    TABLE.iter().find(|row| row.1 == number).map(|row| row.0)
}

/// The `SPICE_SURFACE_FMT_*` number of a surface format.
pub const fn surface_format_number(format: SurfaceFormat) -> u32 {
    TABLE[index(format)].1
}

/// The protocol's name of a surface format without its prefix, as in `32_xRGB`.
pub const fn surface_format_name(format: SurfaceFormat) -> &'static str {
    TABLE[index(format)].2
}

const fn index(format: SurfaceFormat) -> usize {
    match format {
        SurfaceFormat::A1 => 0,
        SurfaceFormat::A8 => 1,
        SurfaceFormat::X1R5G5B5 => 2,
        SurfaceFormat::R5G6B5 => 3,
        SurfaceFormat::X8R8G8B8 => 4,
        SurfaceFormat::A8R8G8B8 => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_formats_agree() {
        for (format, number, name) in TABLE {
            assert_eq!(surface_format_from_number(number), Some(format));
            assert_eq!(surface_format_number(format), number);
            assert_eq!(surface_format_name(format), name);
        }
        assert_eq!(surface_format_from_number(0), None);
        assert_eq!(surface_format_from_number(24), None);
    }
}
