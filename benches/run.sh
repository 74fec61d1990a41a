#!/usr/bin/env bash
# All benches: the Criterion ones, and the program beside ffmpeg. Figures are ratios to what ran in the same run.
#   run.sh [--short]     --short: each hot path once without measuring, and the comparison on a small film, to see that they work
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --short ]; then
  cargo test --workspace --locked --bench release_names --bench plan_and_playlists --bench segments
else
  cargo bench --locked -p prostream-benches
fi
cargo build --release --locked --quiet -p prostream-server
exec cargo run --release --locked --quiet -p prostream-benches --bin against_ffmpeg -- "$@"
