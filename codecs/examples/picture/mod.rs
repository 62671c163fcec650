//! PNG files as pixels, for the tables.

use std::path::Path;

/// A picture: rows of B, G, R, 0, the top one first.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) data: Vec<u8>,
}

impl Picture {
    /// The picture of a file; alpha is left out.
    pub(crate) fn load(path: &Path) -> Self {
        let file = std::io::BufReader::new(std::fs::File::open(path).expect("picture"));
        let mut decoder = png::Decoder::new(file);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("png");
        let mut bytes = vec![0; reader.output_buffer_size().expect("size")];
        let info = reader.next_frame(&mut bytes).expect("frame");
        let n = info.color_type.samples();
        let pixel = |p: &[u8]| if n >= 3 { [p[2], p[1], p[0], 0] } else { [p[0], p[0], p[0], 0] };
        let data = bytes[..info.buffer_size()].chunks_exact(n).flat_map(pixel).collect();
        Self { width: info.width, height: info.height, data }
    }
}
