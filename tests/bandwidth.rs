//! `spice-render bandwidth`: its figures, that they are always the same, and its errors.

use serde_json::Value;
use spice_render::capture::{Reader, Writer};
use spice_render::client::profile::Profile;
use spice_render::qxl::testing::drawn;
use spice_render::qxl::{
    Bitmap, BitmapFormat, Event, Image, ImageData, Op, PrimaryCreate, QMask, Rect, Ropd, ScaleMode,
    SurfaceFormat, WorkerMessage,
};
use spice_render::report::bandwidth::{LinkModel, Run, Settings, baselines, play};
use spice_render::wire::ImageKind;
use std::path::PathBuf;
use std::process::Output;

const QEMU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/captures/qemu.rec.zst");
const T1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/captures/t1.rec.zst");

fn run(args: &[&str], threads: &str) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_spice-render"))
        .arg("bandwidth")
        .args(args)
        .env("RAYON_NUM_THREADS", threads)
        .output()
        .expect("the program starts")
}

fn json(args: &[&str], threads: &str) -> Vec<Value> {
    let out = run(args, threads);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("a JSON array")
}

#[test]
fn the_figures() {
    let args = [QEMU, T1, "--client", "spice-gtk,images-only,raw-only", "--link", "lan,512:200", "--json"];
    let rows = json(&args, "2");
    let names: Vec<String> = rows
        .iter()
        .map(|r| format!("{} {} {}", r["capture"], r["client"], r["link"]).replace('"', ""))
        .collect();
    assert_eq!(names.len(), 12);
    assert_eq!(names[..3], ["qemu spice-gtk lan", "qemu spice-gtk 512:200", "qemu images-only lan"]);
    for row in &rows {
        let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted = vec![
            "capture",
            "client",
            "link",
            "bytes",
            "bytes_by_message",
            "bytes_by_codec",
            "operations",
            "images",
            "pixels_sent",
            "pixels_changed",
            "lag_ms",
            "cpu_ms",
            "exact",
            "max_error",
            "psnr",
            "baselines",
        ];
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!((&row["exact"], &row["max_error"], &row["psnr"]), (&true.into(), &0.into(), &Value::Null));
        let sum: u64 =
            row["bytes_by_message"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
        assert_eq!(row["bytes"], sum);
        let lag = |name: &str| row["lag_ms"][name].as_f64().unwrap();
        let slow = row["link"] != "lan";
        assert!(lag("median") <= lag("p95") && lag("p95") <= lag("worst"), "{row}");
        assert!(!slow || lag("worst") > 100.0, "{row}");
        assert!(row["pixels_sent"].as_u64() > Some(0) && row["images"].as_u64() > Some(0));
        assert!(row["cpu_ms"]["draw"].as_f64() > Some(0.0) && row["cpu_ms"]["encode"].as_f64() > Some(0.0));
        let raw = row["client"] == "raw-only";
        assert_eq!(row["bytes_by_codec"].as_object().unwrap().keys().all(|k| k == "BITMAP"), raw, "{row}");
        if !raw {
            assert!(row["bytes"].as_u64() < row["baselines"]["naive"].as_u64(), "{row}");
            assert!(row["bytes"].as_u64() < row["baselines"]["frames"].as_u64(), "{row}");
        }
    }
}

#[test]
fn the_same_every_time_on_any_number_of_threads() {
    let args =
        [T1, QEMU, "--client", "spice-html5,spice-gtk", "--link", "wan,64:10", "--fps", "12.5", "--json"];
    let figures = |threads| {
        let mut rows = json(&args, threads);
        rows.iter_mut().for_each(|row| row["cpu_ms"] = Value::Null);
        rows
    };
    let one = figures("1");
    assert_eq!(one, figures("4"));
    assert_eq!(one, figures("3"));
}

#[test]
fn what_is_wrong_is_told() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bandwidth");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (rubbish, toml) = (file("rubbish.rec", "SPICE_REPLAY 7\n"), file("wrong.toml", "name = 5"));
    let cases: &[(&[&str], i32, &str)] = &[
        (&[QEMU], 2, "--client"),
        (&[QEMU, "--client", "nobody"], 1, "nobody: there is no such profile"),
        (&[QEMU, "--client", "nowhere.toml"], 1, "nowhere.toml: "),
        (&[QEMU, "--client", &toml], 1, "wrong.toml: "),
        (&[QEMU, "--client", "images-only", "--link", "modem"], 2, "a link is lan, wan, adsl or KBIT:RTT_MS"),
        (&[QEMU, "--client", "images-only", "--link", "0:5"], 2, "a link is"),
        (&[QEMU, "--client", "images-only", "--fps", "0"], 2, "a number from 0.01 to 1000"),
        (&[QEMU, "--client", "images-only", "--fps", "NaN"], 2, "a number from 0.01 to 1000"),
        (&["nothing.rec", "--client", "images-only"], 1, "nothing.rec: "),
        (&[&rubbish, "--client", "images-only"], 1, "rubbish.rec: "),
    ];
    for (args, code, what) in cases {
        let out = run(args, "2");
        let err = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(*code), "{args:?}: {err}");
        assert!(err.contains(what), "{args:?}: {err}");
    }
    // One wrong recording does not spoil the others.
    let out = run(&[&rubbish, QEMU, "--client", "images-only"], "2");
    assert_eq!(out.status.code(), Some(1));
    let table = String::from_utf8(out.stdout).unwrap();
    assert!(table.contains("qemu") && table.lines().count() == 2, "{table}");
    let help = run(&["-h"], "2");
    assert!(String::from_utf8_lossy(&help.stdout).contains("spice-render bandwidth --client"));
}

/// Columns and rows of a screen of our own.
const SIZE: (u32, u32) = (640, 480);

fn image(rect: Rect, pixel: impl Fn(i32, i32) -> [u8; 3]) -> Event {
    let (width, height) = (rect.width(), rect.height());
    let at = |i: u32| (rect.left + (i % width) as i32, rect.top + (i / width) as i32);
    let pixels = (0..width * height).flat_map(|i| {
        let [b, g, r] = pixel(at(i).0, at(i).1);
        [b, g, r, 0]
    });
    let bitmap = Bitmap {
        format: BitmapFormat::Bit32,
        flags: Bitmap::TOP_DOWN,
        width,
        height,
        stride: width * 4,
        palette: None,
        data: pixels.collect::<Vec<u8>>().into(),
        chunks: Vec::new(),
    };
    let image = Image { id: 0, flags: 0, width, height, data: ImageData::Bitmap(bitmap) };
    let op = Op::Copy {
        src_area: Rect::of_size(width, height),
        src: Some(image),
        rop: Ropd::PUT,
        scale_mode: ScaleMode::INTERPOLATE,
        mask: QMask::default(),
    };
    drawn(rect, op)
}

/// Hills and some grain.
fn landscape(x: i32, y: i32, frame: i32) -> [u8; 3] {
    let wave = |a: i32, b: i32| (((x * a + y * b + frame * 700) as f32 / 4000.0).sin() * 80.0 + 110.0) as i32;
    let grain = ((x.wrapping_mul(0x9e37) ^ y.wrapping_mul(0x85eb) ^ frame).wrapping_mul(0x2c1b) >> 12) & 7;
    [wave(31, 17), wave(23, 29), wave(19, 41)].map(|v| (v + grain) as u8)
}

/// Photos that follow each other on a screen with text on it.
fn slides(count: i32) -> Vec<u8> {
    let surface =
        PrimaryCreate { mouse_mode: 1, ..PrimaryCreate::new(SIZE.0, SIZE.1, SurfaceFormat::X8R8G8B8) };
    let mut writer = Writer::new(Vec::new()).unwrap();
    let create = Event::Worker(WorkerMessage::CreatePrimary { number: 20, surface });
    writer.write(0, &create).unwrap();
    let text = |x: i32, y: i32| if (x / 2 * 7 + y / 3 * 5) % 4 == 0 { [0; 3] } else { [255; 3] };
    writer.write(1, &image(Rect::new(0, 400, 640, 480), text)).unwrap();
    for n in 0..count {
        let event = image(Rect::new(40, 20, 600, 380), |x, y| landscape(x, y, n));
        writer.write(1_000_000 + n as u64 * 400_000_000, &event).unwrap();
    }
    writer.finish().unwrap()
}

fn played(recording: &[u8], client: &str, link: &str, lossless: bool) -> Run {
    let reader = Reader::new(recording).unwrap();
    let settings = Settings { lossless, fps: 30.0 };
    let profile = Profile::builtin(client).unwrap();
    play(reader, &profile, &link.parse::<LinkModel>().unwrap(), &settings).unwrap()
}

#[test]
fn photos_come_quickly_and_then_well() {
    let recording = slides(5);
    for client in ["spice-gtk", "spice-html5"] {
        let exact = played(&recording, client, "wan", true);
        assert!(exact.is_exact() && !exact.metrics.by_image.contains_key(&ImageKind::Jpeg));
        let lossy = played(&recording, client, "wan", false);
        let jpegs = lossy.metrics.by_image[&ImageKind::Jpeg];
        assert!(
            jpegs.count >= 5 && lossy.inexact > 0 && lossy.worst.psnr() > Some(30.0),
            "{:?}",
            lossy.worst
        );
        // The last picture is sent twice, with loss and without.
        assert!(lossy.last.is_none());
        let (last, end) = (lossy.sent.last().unwrap().0, lossy.duration);
        assert!(last > end + 1_000_000_000, "{last} {end}");
        assert!(
            lossy.metrics.bytes * 2 < exact.metrics.bytes,
            "{} {}",
            lossy.metrics.bytes,
            exact.metrics.bytes
        );
        let worst = |run: &Run| run.lags.last().copied();
        assert!(worst(&lossy) < worst(&exact));
        // The text stays as it is.
        let (truth, shown) = lossy.worst_pictures.unwrap();
        let text = 640 * 3 * 400;
        assert!(truth.rgb[text..] == shown.rgb[text..] && truth.rgb != shown.rgb);
        let fast = played(&recording, client, "lan", false);
        assert!(fast.is_exact());
    }
}

#[test]
fn baselines_count_every_pixel() {
    let settings = Settings { lossless: true, fps: 30.0 };
    let of = |bytes: &[u8]| baselines(Reader::new(bytes).unwrap(), &settings).unwrap();
    let (one, five) = (of(&slides(1)), of(&slides(5)));
    assert!(five.naive > one.naive * 4 && five.frames > one.frames * 3, "{one:?} {five:?}");
    // A frame is the whole screen at first, and then the photo.
    assert!(five.naive < five.frames * 2 && five.frames < five.naive * 2, "{five:?}");
}
