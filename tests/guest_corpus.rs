//! Every command of every recording, laid out in a guest's memory and parsed from there, is what the recording has.

#[path = "corpus/recordings.rs"]
mod recordings;

use rayon::prelude::*;
use recordings::recordings;
use spice_render::capture::{self, Limits};
use spice_render::qxl::guest::Guest;
use spice_render::qxl::guest::testing::{Chunking, GROUP, Layout, compat_form, forget_chunks};
use spice_render::qxl::testing::Rng;
use spice_render::qxl::{Command, Event, WorkerMessage};
use std::path::Path;

/// Compares what one recording has; how many native commands, compat ones and primary surfaces those are.
fn compare(path: &Path) -> [u64; 3] {
    let [mut native, mut compat, mut primaries] = [0; 3];
    let mut layouts = [Chunking::AsRecorded, Chunking::Odd, Chunking::Bytes]
        .map(|chunking| Layout::new(Rng::seeded(21), chunking));
    for (i, record) in capture::open(path, Limits::default()).expect("a recording").enumerate() {
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
                assert_eq!(range.len, u64::from(surface.stride.unsigned_abs()) * u64::from(surface.height));
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
    [native, compat, primaries]
}

#[test]
fn guest_memory_gives_what_recordings_give() {
    let counts: Vec<[u64; 3]> =
        recordings(false).par_iter().with_max_len(1).map(|path| compare(path)).collect();
    let [native, compat, primaries] = [0, 1, 2].map(|at| counts.iter().map(|c| c[at]).sum::<u64>());
    eprintln!("{native} native and {compat} compat commands, {primaries} primary surfaces");
    match std::env::var_os("SPICE_RENDER_CORPUS") {
        Some(_) => assert!(native > 30_000 && compat > 30_000 && primaries > 20),
        None => assert_eq!((native, compat, primaries), (29_360, 28_989, 31), "all of testdata"),
    }
}
