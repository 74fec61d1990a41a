#!/usr/bin/env bash
# Installs the C library: shared (with a soname) and static library, header, pkg-config file.
#
#   install.sh PREFIX          such as /usr/local; DESTDIR is put in front for packagers. Needs cargo and a C compiler; Linux.
set -euo pipefail

prefix=${1:?"usage: install.sh PREFIX"}
case $prefix in /*) ;; *) echo "install.sh: PREFIX must be absolute" >&2; exit 1 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
header=$here/include/prostream.h
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
abi=$(sed -n 's/^#define PROSTREAM_ABI_VERSION //p' "$header")
# A folder of its own: a library with a soname is not the one that the tests link.
target=${CARGO_TARGET_DIR:-$root/target}/install

cargo rustc --manifest-path "$root/Cargo.toml" --target-dir "$target" --release --locked -p prostream-ffi --lib \
  --crate-type cdylib,staticlib -- -C "link-arg=-Wl,-soname,libprostream.so.$abi"

to=${DESTDIR:-}$prefix
install -d "$to/lib/pkgconfig" "$to/include"
install -m 755 "$target/release/libprostream.so" "$to/lib/libprostream.so.$version"
ln -sf "libprostream.so.$version" "$to/lib/libprostream.so.$abi"
ln -sf "libprostream.so.$abi" "$to/lib/libprostream.so"
install -m 644 "$target/release/libprostream.a" "$to/lib/libprostream.a"
install -m 644 "$header" "$to/include/prostream.h"
cat > "$to/lib/pkgconfig/prostream.pc" <<END
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: prostream
Description: From a title to HLS that plays
Version: $version
Libs: -L\${libdir} -lprostream
Libs.private: -lpthread -ldl -lm -lgcc_s
Cflags: -I\${includedir}
END
echo "installed libprostream $version (ABI $abi) below $to"
