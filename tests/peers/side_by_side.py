#!/usr/bin/env python3
"""side_by_side.py LEFT.png RIGHT.png OUT.png: cuts the same part out of two pictures of spice-html5 (html5.py makes them:
one fed by libspice-server, one by `spice-render serve`) and labels them, for the README. Needs Pillow."""
import sys
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, GAP, BAR = 500, 400, 12, 26
left, right, out = sys.argv[1:]
sheet = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT + BAR), "white")
draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
for n, (file, label) in enumerate([(left, "spice-html5, fed by libspice-server 0.15.1"), (right, "spice-html5, fed by spice-render serve")]):
    x = n * (WIDTH + GAP)
    draw.text((x + 4, 4), label, "black", font)
    sheet.paste(Image.open(file).convert("RGB").crop((0, 0, WIDTH, HEIGHT)), (x, BAR))
sheet.save(out, optimize=True)
