//! Every command of every recording, laid out in a guest's memory and parsed from there, is what the recording has:
//! in testdata always, and in `$SPICE_RENDER_CORPUS` (a folder laid out like the shared one) where it is set.

use spice_render::capture::{self, Limits};
use spice_render::qxl::guest::Guest;
use spice_render::qxl::guest::testing::{Chunking, GROUP, Layout, compat_form, forget_chunks};
use spice_render::qxl::testing::Rng;
use spice_render::qxl::{Command, Event, WorkerMessage};
use std::path::{Path, PathBuf};

fn recordings() -> Vec<PathBuf> {
    let mut roots = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(corpus) => roots.push(corpus.into()),
        None => eprintln!("testdata only: SPICE_RENDER_CORPUS is not set"),
    }
    let mut all = Vec::new();
    for root in roots {
        for folder in ["sheets", "captures"] {
            let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
            let paths = entries.map(|entry| entry.expect("an entry").path());
            all.extend(paths.filter(|path| path.to_string_lossy().ends_with(".rec.zst")));
        }
    }
    assert!(all.len() > 20, "testdata has recordings");
    all.sort();
    all
}

#[test]
fn guest_memory_gives_what_recordings_give() {
    let (mut native, mut compat, mut primaries) = (0u64, 0u64, 0u64);
    for path in recordings() {
        let mut layouts = [Chunking::AsRecorded, Chunking::Odd, Chunking::Bytes]
            .map(|chunking| Layout::new(Rng::seeded(21), chunking));
        for (i, record) in capture::open(&path, Limits::default()).expect("a recording").enumerate() {
            let record = record.expect("a good recording");
            let place = format!("{}, event {}", path.display(), record.number);
            let layout = &mut layouts[i % 3];
            let command = match record.event {
                Event::Command(command) => command,
                Event::Worker(WorkerMessage::CreatePrimary { mut surface, .. }) => {
                    let create = layout.lay_primary(&surface);
                    let (found, range) = Guest::new(&layout.slots, &layout.memory)
                        .primary(GROUP, &create)
                        .unwrap_or_else(|e| panic!("{place}: {e}"));
                    if surface.flags & 1 == 0 {
                        surface.data.clear();
                    }
                    assert_eq!(found, surface, "{place}");
                    assert_eq!(
                        range.len,
                        u64::from(surface.stride.unsigned_abs()) * u64::from(surface.height)
                    );
                    primaries += 1;
                    continue;
                }
                Event::Worker(_) => continue,
            };
            for (command, is_compat) in [(compat_form(&command), true), (Some(command), false)] {
                let Some(mut command) = command else { continue };
                // A text that a recorder wrote never holds a 0.
                let laid = layout.lay(&command, is_compat).unwrap_or_else(|| panic!("{place}"));
                let parsed = Guest::new(&layout.slots, &layout.memory).parse(&laid.command);
                let mut found = parsed.command.unwrap_or_else(|e| panic!("{place}: {e}"));
                if layout.chunking != Chunking::AsRecorded {
                    forget_chunks(&mut found);
                    forget_chunks(&mut command);
                }
                assert!(found == command, "{place}, compat {is_compat}: {found:?} is not {command:?}");
                let id = (command != Command::Nop).then_some(laid.release);
                assert_eq!(parsed.release.id, id, "{place}");
                *if is_compat { &mut compat } else { &mut native } += 1;
            }
        }
    }
    eprintln!("{native} native and {compat} compat commands, {primaries} primary surfaces");
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(_) => assert!(native > 30_000 && compat > 30_000 && primaries > 20),
        None => assert_eq!((native, compat, primaries), (29_360, 28_989, 31), "all of testdata"),
    }
}
