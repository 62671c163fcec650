#!/usr/bin/env python3
"""CPU time of a replay to pixels beside that of the reference server, recording by recording.

    cargo build --release --example replay
    benches/versus_reference.py --reference PATH/ref-replay [--rounds N] FOLDER|FILE.rec...

Recordings must be uncompressed: the reference reads no others. Both are measured alternately, and medians of CPU
time are compared, so that what else the machine does hits both. The reference (`rig/ref-replay` over Debian's
libspice-server, no client, compression off) counts main and worker thread from the start of its feed to its end, not
the program's start. Ours is a whole process (`process`); less that of a recording without events, which is measured
in each round too, it is what the reference counts (`replay`). No picture is written.

Goals: in total at most 1/3 of the reference, on no recording more than 1/2.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def process(program, recording):
    """CPU seconds of a whole process."""
    pid = os.posix_spawn(program, [program, recording], os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{program} {recording} failed")
    return usage.ru_utime + usage.ru_stime


def reference(program, port, recording):
    command = [program, "--port", str(port), "--compression", "1", "--linger", "0", "--json", "--quiet", recording]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result["main_cpu"] + result["worker_cpu"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, metavar="PROGRAM")
    parser.add_argument("--replay", default=HERE.parent / "target/release/examples/replay", metavar="PROGRAM")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=5930)
    parser.add_argument("recordings", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    files = [f for r in args.recordings for f in (sorted(r.glob("*.rec")) if r.is_dir() else [r])]
    print(f"{'ms of CPU':18} {'reference':>9} {'process':>8} {'replay':>8} {'ratio':>7}")
    sums = [0.0, 0.0, 0.0]
    with tempfile.NamedTemporaryFile("w", suffix=".rec") as empty:
        empty.write("SPICE_REPLAY 1\n")
        empty.flush()
        for file in files:
            rounds = []
            for _ in range(args.rounds):
                theirs = reference(args.reference, args.port, str(file))
                rounds.append((theirs, process(str(args.replay), str(file)), process(str(args.replay), empty.name)))
            theirs, ours, start = (statistics.median(column) for column in zip(*rounds))
            times = [theirs, ours, max(ours - start, 0.0)]
            sums = [a + b for a, b in zip(sums, times)]
            show(file.stem, times)
    show("total", sums)


def show(name, times):
    theirs, ours, replay = (t * 1e3 for t in times)
    print(f"{name:18} {theirs:9.1f} {ours:8.1f} {replay:8.1f} {replay / theirs:7.2f}", flush=True)


if __name__ == "__main__":
    main()
