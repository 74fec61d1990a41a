#!/bin/sh
# Stands before rustc while the fuzz program is built: asks LLVM for coverage of prostream-core, and of nothing else, so that what is
# counted, and swept after each execution, is our own code. Lints are for the main build.
case " $* " in
  *" --crate-name prostream_core "*)
    exec "$@" --cap-lints warn -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
      -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
      -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
  *) exec "$@" ;;
esac
