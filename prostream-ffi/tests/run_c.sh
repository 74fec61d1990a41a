#!/usr/bin/env bash
# The C interface from C and C++: the header compiles as strict C99 and C++11, the library exports what the header declares and nothing
# else, and two programs (examples/c/play.c and c/misuse.c) run over the demo film under AddressSanitizer with
# UndefinedBehaviorSanitizer and under Valgrind. What play.c wrote has the packets of the source, byte for byte.
#
# Not ThreadSanitizer and not Helgrind: neither sees the futexes and atomics inside the Rust library, so both report its every lock as
# a race. misuse.c runs its eight threads under the others.
#
#   run_c.sh [debug|release]     default: debug. Needs cargo, gcc, g++, nm, valgrind, ffprobe. With PROGRAMS_BUILT=release in the environment the
#                                release library is taken as it is.
set -euo pipefail

profile=${1:-debug}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
film=$root/prostream-server/assets/demo-film.mkv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '== %s\n' "$*" >&2; }
fail() { printf 'run_c.sh: %s\n' "$*" >&2; exit 1; }
for tool in cargo gcc g++ nm valgrind ffprobe; do
  command -v "$tool" > /dev/null || fail "$tool is not installed"
done

step "library ($profile)"
case $profile in
  "${PROGRAMS_BUILT:-}") ;;
  debug) cargo build --quiet --manifest-path "$root/Cargo.toml" -p prostream-ffi ;;
  release) cargo build --quiet --manifest-path "$root/Cargo.toml" -p prostream-ffi --release ;;
  *) fail "the profile is debug or release, not $profile" ;;
esac
library=${CARGO_TARGET_DIR:-$root/target}/$profile
export LD_LIBRARY_PATH=$library

step "header: C99 and C++11 without a warning"
include=(-I "$root/prostream-ffi/include")
strict=(-Wall -Wextra -Werror -pedantic)
printf '#include <prostream.h>\n#include <prostream.h>\n' > "$work/alone.c"
gcc -std=c99 "${strict[@]}" "${include[@]}" -fsyntax-only "$work/alone.c"
g++ -x c++ -std=c++11 "${strict[@]}" "${include[@]}" -fsyntax-only "$work/alone.c"

step "symbols: those of the header, no others"
sed -n 's/^[a-z].*[ *]\(prostream_[a-z_]*\)(.*/\1/p' "$root/prostream-ffi/include/prostream.h" | sort > "$work/declared"
nm --dynamic --defined-only "$library/libprostream.so" | awk '{print $3}' | sort > "$work/exported"
[ -s "$work/declared" ] || fail "the header declares nothing"
diff "$work/declared" "$work/exported" || fail "header and library differ"

# build OUTPUT COMPILER-AND-FLAGS...: both programs with these flags, against the shared library.
build() {
  local output=$1
  shift
  "$@" "${strict[@]}" -D_POSIX_C_SOURCE=200809L "${include[@]}" -g "$root/examples/c/play.c" \
    -L "$library" -lprostream -o "$work/play-$output"
  "$@" "${strict[@]}" -D_POSIX_C_SOURCE=200809L "${include[@]}" -g "$here/c/misuse.c" \
    -L "$library" -lprostream -pthread -o "$work/misuse-$output"
}

# same_packets RENDITION STREAM: the packets of what was written are those of the source, in order.
packets() { ffprobe -v error -select_streams "$2" -show_packets -show_data_hash sha256 -show_entries packet=data_hash -of csv=p=0 "$1"; }
same_packets() {
  packets "$film" "$2" > "$work/expected"
  packets "$work/out/rendition-$1.mp4" "${2%%:*}:0" > "$work/written"
  [ -s "$work/expected" ] || fail "the source has no packets in $2"
  cmp "$work/expected" "$work/written" || fail "the packets of rendition $1 are not those of $2"
}

step "play.c: packets as in the source"
build plain gcc -std=c99 -O1
mkdir "$work/out"
"$work/play-plain" "$film" "$work/out" > "$work/out/main.m3u8"
grep -q '^#EXT-X-STREAM-INF' "$work/out/main.m3u8" || fail "no variant in the playlist"
same_packets 0 v:0
same_packets 1 a:0
same_packets 2 a:1
for rendition in 3 4; do
  [ -e "$work/out/rendition-$rendition-0.vtt" ] || fail "rendition $rendition has no subtitles"
done
for text in "$work"/out/*.vtt; do
  [ "$(head -c 6 "$text")" = WEBVTT ] || fail "$text is no WebVTT"
done

step "play.c: errors as text"
if "$work/play-plain" "$work/no-such-film.mkv" 2> "$work/errors"; then fail "a film that is not there was played"; fi
grep -q 'not_found' "$work/errors" || fail "the error is not named: $(cat "$work/errors")"
if "$work/play-plain" "$film" "$work/no-such-folder" > /dev/null 2>&1; then fail "a folder that is not there was written to"; fi

step "C++, and the static library"
build cpp g++ -x c++ -std=c++11
"$work/play-cpp" "$film" > /dev/null 2>&1
"$work/misuse-cpp" "$film"
gcc -std=c99 "${strict[@]}" "${include[@]}" "$root/examples/c/play.c" "$library/libprostream.a" -pthread -ldl -lm -o "$work/play-static"
"$work/play-static" "$film" > /dev/null 2>&1

step "AddressSanitizer and UndefinedBehaviorSanitizer"
build sanitized gcc -std=c99 -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
"$work/play-sanitized" "$film" "$work/out" > /dev/null 2> "$work/log" || { cat "$work/log" >&2; fail "play under AddressSanitizer"; }
"$work/misuse-sanitized" "$film" 2> "$work/log" || { cat "$work/log" >&2; fail "misuse under AddressSanitizer"; }

# What runs to the end of the process (the logger, worker statics) is "still reachable" and no leak.
step "Valgrind: memory and leaks"
for program in play misuse; do
  valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
    "$work/$program-plain" "$film" > /dev/null 2> "$work/log" || { cat "$work/log" >&2; fail "$program under Valgrind"; }
done
step "all clean"
