#!/usr/bin/env bash
# Builds the fuzz targets and runs them under libFuzzer, on the stable toolchain: coverage is asked of LLVM by code generation flags
# (rustc.sh), the fuzzer itself is built by a C++ compiler.
#
#   fuzz/run.sh [--build | --seconds N | --executions N] [--jobs N] [TARGET…]
#
# Without a limit each target runs 10 seconds, with --build none does; without targets all run. What it finds is kept in fuzz/artifacts/, with the command that
# shows it again. Inputs that reach something new are kept in fuzz/target/found/ from run to run; `--merge` adds those that matter to the
# committed corpus.
set -euo pipefail
cd "$(dirname "$0")"

limit=(-max_total_time=10) jobs=$(nproc) merge="" only_build="" targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) only_build=yes; shift ;;
    --seconds) limit=(-max_total_time="$2"); shift 2 ;;
    --executions) limit=(-runs="$2"); shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --merge) merge=yes; shift ;;
    -*) sed -n '2,11s/^# \{0,1\}//p' run.sh >&2; exit 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(sed -nE 's/^ *(of_boxes|of_elements|plain)\("([a-z0-9_]+)".*/\2/p' src/targets/mod.rs)

RUSTC_WRAPPER=$PWD/rustc.sh cargo build --quiet --profile fuzz --target-dir target
[ -z "$only_build" ] || exit 0
program=$PWD/target/fuzz/fuzz

# The two targets of a container share their seeds.
corpus_of() {
  case $1 in
    mp4_*) echo corpus/mp4 ;;
    matroska_*) echo corpus/matroska ;;
    *) echo "corpus/$1" ;;
  esac
}
# Seeds are at most a few KiB; what grows beyond finds little more and is slow.
length_of() {
  case $1 in
    mp4_* | matroska_*) echo 8192 ;;
    stored) echo 4096 ;;
    *) echo 1024 ;;
  esac
}

# A second and 64 MiB for each input are asserted in the program; libFuzzer's own limits are for what never comes back.
# One target: its output goes to a log, a line about it is printed.
run_target() {
  local target=$1 log=target/logs/$1.log options=()
  mkdir -p "target/found/$target" "artifacts/$target" target/logs
  [ ! -e "dictionaries/$target" ] || options+=(-dict="dictionaries/$target")
  options+=(-max_len="$(length_of "$target")" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="artifacts/$target/")
  local started=$SECONDS
  if PROSTREAM_FUZZ_TARGET=$target "$program" "${options[@]}" "${limit[@]}" "target/found/$target" "$(corpus_of "$target")" >"$log" 2>&1; then
    awk -v target="$target" -v seconds=$((SECONDS - started)) '
      /stat::number_of_executed_units/ { runs = $2 }
      /stat::peak_rss_mb/ { rss = $2 }
      / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") coverage = $(i + 1) }
      END { printf "%-18s %10d executions, %5d s, peak RSS %4d MiB, coverage %d\n", target, runs, seconds, rss, coverage }' "$log"
  else
    echo "$target FAILED: see fuzz/$log"
    grep -E "panicked at|assertion|SUMMARY|Test unit written|held at a time|it took" -A1 "$log" | head -20
    echo "again: PROSTREAM_FUZZ_TARGET=$target $program fuzz/artifacts/$target/…"
    return 1
  fi
}

running=0 failed=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  run_target "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done

if [ -n "$merge" ]; then
  for target in "${targets[@]}"; do
    PROSTREAM_FUZZ_TARGET=$target "$program" -merge=1 -max_len="$(length_of "$target")" "$(corpus_of "$target")" \
      "target/found/$target" 2>&1 | tail -1
  done
fi
exit $failed
