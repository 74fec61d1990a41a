#!/usr/bin/env bash
# All benches: the Criterion ones, and the programs beside ffmpeg and nginx. Figures are ratios to what ran in the same run.
#   run.sh [--short]     --short: each hot path once without measuring, and the comparisons on small films, to see that they work
# One alone: cargo run --release --locked -p prostream-benches --bin NAME -- [--short]; what it measures stands at the head of
# benches/src/bin/NAME.rs.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --short ]; then
  cargo test --workspace --locked --bench release_names --bench plan_and_playlists --bench segments --bench search_many
else
  cargo bench --locked -p prostream-benches
fi
# With PROGRAMS_BUILT=release in the environment the programs are taken as they are.
[ "${PROGRAMS_BUILT:-}" = release ] || cargo build --release --locked --quiet -p prostream-server -p prostream-ffi -p prostream-benches
folder=${CARGO_TARGET_DIR:-target}/release
status=0
for bench in long_names against_ffmpeg against_nginx start_and_seek many_viewers; do
  echo "--- $bench"
  # One that misses its limits does not keep the others from being measured.
  "$folder/$bench" "$@" || status=1
done
exit $status
