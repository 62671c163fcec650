#!/bin/sh
# Lays out the codec corpus's vectors (first argument: the corpus) as seeds of the decoders' fuzz targets.
set -eu
vectors="${1:?the folder of the corpus}/codecs/vectors"
corpus="$(dirname "$0")/corpus"
seed() { # target, files...
    target="$corpus/decode_$1"
    shift
    mkdir -p "$target"
    for file in "$@"; do
        [ -s "$file" ] || continue
        # An even first byte: no size is declared.
        { printf '\036\017'; cat "$file"; } >"$target/$(basename "$file")"
    done
}
seed quic "$vectors"/quic/*.quic "$vectors"/malformed/*_quic.bin
seed lz "$vectors"/lz/*.lz "$vectors"/malformed/*_lz.bin
seed glz "$vectors"/malformed/*[0-9]_glz.bin
seed zlib_glz "$vectors"/malformed/*_zlib_glz.bin
seed lz4 "$vectors"/lz4/*.lz4 "$vectors"/malformed/*_lz4.bin
seed jpeg "$vectors"/jpeg/*.jpg "$vectors"/malformed/*_jpeg.bin
seed jpeg_alpha "$vectors"/jpeg/*.jpga "$vectors"/malformed/*_jpeg_alpha.bin
