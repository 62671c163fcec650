"""Compares a picture that xwd took of a 32-bit screen with a PPM: xwd's rows are B, G, R, x bytes."""
import struct
import sys

xwd = open(sys.argv[1], "rb").read()
fields = struct.unpack(">25I", xwd[:100])
head, width, height, bits, line, colors = (fields[i] for i in (0, 4, 5, 11, 12, 19))
assert bits == 32, bits
pixels = xwd[head + 12 * colors:]
ppm = open(sys.argv[2], "rb").read()
magic, size, most, rgb = ppm.split(b"\n", 3)
assert (magic, most) == (b"P6", b"255") and size.split() == [b"%d" % width, b"%d" % height], (size, width, height)
different = sum(
    pixels[y * line + 4 * x:y * line + 4 * x + 3] != rgb[3 * (y * width + x):3 * (y * width + x) + 3][::-1]
    for y in range(height) for x in range(width)
)
print(f"{width}x{height} pixels, {len(set(rgb[i:i + 3] for i in range(0, len(rgb), 3)))} colours, {different} different")
sys.exit(different > 0)
