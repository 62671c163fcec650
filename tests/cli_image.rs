//! `spice-render image` as its user meets it.

use spice_render::images::Picture;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the program starts")
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).expect("a folder");
    dir
}

fn picture(has_alpha: bool, colours: u32) -> Picture {
    let (width, height) = (37, 21);
    let data = (0..width * height)
        .flat_map(|i| {
            let v = ((i / 5 * 7) % colours * (255 / colours)) as u8;
            [v, v / 2, 255 - v, if has_alpha { v | 1 } else { 255 }]
        })
        .collect();
    Picture { width, height, has_alpha, data }
}

fn save(dir: &Path, name: &str, picture: &Picture) {
    picture.write(std::fs::File::create(dir.join(name)).expect("a file")).expect("a picture");
}

fn load(dir: &Path, name: &str) -> Picture {
    Picture::read(std::io::BufReader::new(std::fs::File::open(dir.join(name)).expect("a file")))
        .expect("a picture")
}

fn done(out: &Output) {
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn lossless_codecs_give_the_picture_back() {
    let dir = folder("cli_image_lossless");
    for (name, alpha) in [("plain.png", false), ("alpha.png", true)] {
        let original = picture(alpha, 200);
        save(&dir, name, &original);
        for codec in ["quic", "lz", "glz", "zlib-glz", "lz4"] {
            for order in [&[][..], &["--bottom-up"]] {
                let encode = ["image", "encode", name, "--codec", codec, "-o", "stream"];
                done(&run(&[&encode, order].concat(), &dir));
                let mut decode = vec!["image", "decode", "stream", "-o", "back.png"];
                if codec == "lz4" {
                    decode.extend(["--codec", "lz4", "--width", "37", "--height", "21"]);
                }
                done(&run(&decode, &dir));
                assert!(load(&dir, "back.png") == original, "{codec} {name} {order:?}");
            }
        }
    }
}

#[test]
fn palettes_and_sequences() {
    let dir = folder("cli_image_palette");
    for (format, colours) in [("plt1", 2), ("plt1-le", 2), ("plt4-be", 9), ("plt4-le", 16), ("plt8", 100)] {
        let original = picture(false, colours);
        save(&dir, "in.png", &original);
        let encode = ["image", "encode", "in.png", "--codec", "lz", "--format", format, "-o", "in.lz"];
        done(&run(&[&encode[..], &["--palette", "in.pal"]].concat(), &dir));
        done(&run(&["image", "decode", "in.lz", "--palette", "in.pal", "-o", "back.png"], &dir));
        assert!(load(&dir, "back.png") == original, "{format}");
        let out = run(&["image", "decode", "in.lz", "-o", "back.png"], &dir);
        assert_eq!(out.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&out.stderr).contains("--palette"));
    }
    let (a, b) = (picture(false, 100), picture(false, 31));
    save(&dir, "a.png", &a);
    save(&dir, "b.png", &b);
    done(&run(&["image", "encode", "a.png", "b.png", "--codec", "glz", "-o", "a.glz", "-o", "b.glz"], &dir));
    done(&run(&["image", "decode", "a.glz", "b.glz", "-o", "last.png"], &dir));
    assert!(load(&dir, "last.png") == b);
    done(&run(&["image", "decode", "a.glz", "b.glz", "-o", "1.png", "-o", "2.png"], &dir));
    assert!(load(&dir, "1.png") == a && load(&dir, "2.png") == b);
}

#[test]
fn compare_prints_a_table_and_json() {
    let dir = folder("cli_image_compare");
    save(&dir, "in.png", &picture(false, 50));
    let out = run(&["image", "compare", "--time", "1", "in.png"], &dir);
    done(&out);
    let text = String::from_utf8(out.stdout).expect("text");
    assert!(text.contains("quic") && text.contains("jpeg") && !text.contains("NOT EXACT"), "{text}");
    let out = run(&["image", "compare", "--time", "1", "--json", "in.png"], &dir);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(json["rows"][0]["codec"], "quic");
    assert_eq!(json["rows"][0]["exact"], true);
}

#[test]
fn wrong_input_is_an_error_with_the_file_s_name() {
    let dir = folder("cli_image_wrong");
    std::fs::write(dir.join("junk"), b"QUIC junk").expect("a file");
    let out = run(&["image", "decode", "junk", "-o", "x.png"], &dir);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("junk: "));
    let out = run(&["image", "encode", "missing.png", "--codec", "quic", "-o", "x"], &dir);
    assert_eq!(out.status.code(), Some(1));
    let out = run(&["image", "encode", "junk", "--codec", "gif", "-o", "x"], &dir);
    assert_eq!(out.status.code(), Some(2));
}
