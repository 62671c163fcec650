//! Content classes of the codec corpus's pictures.

mod common;

use spice_codecs::{Content, ContentClass, PixelFormat, Pixels};

#[test]
fn the_corpus_s_pictures_fall_into_their_classes() {
    let Some(corpus) = common::corpus() else { return };
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(corpus.join("images/index.json")).expect("index"))
            .expect("json");
    for image in index.as_array().expect("array") {
        let (name, class) = (image["name"].as_str().expect("name"), image["cls"].as_str().expect("class"));
        let file = std::fs::File::open(corpus.join(format!("images/{name}.png"))).expect("picture");
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("png");
        let mut bytes = vec![0; reader.output_buffer_size().expect("size")];
        let info = reader.next_frame(&mut bytes).expect("frame");
        let n = info.color_type.samples();
        let data: Vec<u8> = bytes.chunks_exact(n).flat_map(|p| [p[2], p[1], p[0], 0]).collect();
        let pixels =
            Pixels::new(PixelFormat::Rgb32, info.width, info.height, info.width as usize * 4, true, &data)
                .expect("pixels");
        let content = Content::sample(&pixels).expect("a layout to sample");
        println!("{name:20} {class:10} {content:?}");
        use ContentClass::{FewColours, Noise, Smooth, Solid, Text};
        let allowed: &[ContentClass] = match class {
            "text" => &[Text, FewColours],
            "ui" => &[Text, FewColours],
            "photo" if name == "photo_grain" || name == "photo_text" => continue,
            "photo" => &[Smooth],
            "noise" => &[Noise],
            "gradient" => &[Smooth],
            "flat" => &[Solid, FewColours],
            _ => continue,
        };
        assert!(allowed.contains(&content.class), "{name} ({class}) is taken for {content:?}");
    }
}
