#!/bin/bash
# Debian's Xspice with spice-render where libspice-server was: X programs draw, and the engine's picture of the screen is
# compared with what X shows when it reads it back, and with what another X server (Xvfb) shows of the same programs.
# Needs xserver-xspice, libspice-server-dev, xvfb, x11-apps, x11-xserver-utils, xterm, gcc, and libspice_render.a in the folder LIB.
#
#     run.sh LIB OUT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lib=$1 out=$2
mkdir -p "$out"
gcc -std=c11 -D_DEFAULT_SOURCE -O1 -g -Wall -Wextra -Wno-sign-compare -fPIC -shared -Wl,-soname,libspice-server.so.1 \
    $(pkg-config --cflags spice-server) -I"$here/../../../include" "$here/standin.c" "$lib/libspice_render.a" \
    -lpthread -ldl -lm -o "$out/libspice-server.so.1"

export STANDIN_PPM=$out/engine.ppm
rm -f "$STANDIN_PPM" "$STANDIN_PPM.want"
pids=
trap 'kill $pids 2>/dev/null; wait 2>/dev/null' EXIT
start() { "$@" & pids="$pids $!"; }
# The servers choose their displays and say which; the driver says much more, which nobody needs.
LD_LIBRARY_PATH=$out start Xorg -displayfd 3 -config "$here/xorg.conf" -noreset -nolisten tcp -logfile "$out/xorg.log" \
    3>"$out/xspice.display" > >(grep -a --line-buffered standin: >"$out/standin.out") 2>&1
start Xvfb -displayfd 3 -screen 0 1024x768x24 -noreset -nolisten tcp 3>"$out/xvfb.display" >/dev/null 2>&1

wait_for() {
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.1
    done
    echo "not within a minute: $*" >&2
    exit 1
}
draw() {
    wait_for test -s "$out/$1.display"
    export DISPLAY=:$(cat "$out/$1.display")
    xsetroot -mod 7 5
    start xterm -fn fixed -geometry 100x40+10+10 -e sh -c 'for i in 1 2 3; do ls -l /usr/bin | tail -n 200; done; sleep 1000'
    start xlogo -geometry 200x200+700+40
    start xlogo -render -geometry 150x150+800+500
    x11perf -repeat 1 -time 1 -rect100 -scroll100 -copywinwin100 -copypixwin100 -putimage100 -line100 -ftext -circle100 \
        >"$out/$1.x11perf" 2>&1
}
draw xvfb
draw xspice
sleep "${SETTLE:-4}"
touch "$STANDIN_PPM.want"
wait_for test ! -e "$STANDIN_PPM.want"
for server in xspice xvfb; do
    DISPLAY=:$(cat "$out/$server.display") xwd -root -silent -out "$out/$server.xwd"
done
sleep 0.2
sed 's/.*standin: //' "$out/standin.out"
# Nothing was refused, and all was given back.
grep -q 'standin: \([0-9]*\) commands taken, 0 refused, \1 given back' "$out/standin.out"
for server in xspice xvfb; do
    echo -n "engine and $server: "
    python3 "$here/compare.py" "$out/$server.xwd" "$STANDIN_PPM"
done
