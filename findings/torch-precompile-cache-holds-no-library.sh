#!/usr/bin/env bash
# torch.compiler.precompile.load() runs the C++ compiler for kernels that its cache was written for.
#
# A good guess: the cache beside the source "primes the kernel caches", so that a process that loads the pair compiles
# nothing. On a CPU it holds inductor's graph, which is not asked for when the source is run, and no library: each
# process with an empty cache directory probes the compiler, prepares headers and builds every kernel again.
#
# Seen with torch 2.15.0 (on a CPU): six runs of the compiler where the pair is loaded, and six where the source is
# loaded beside a cache that cannot be read.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.15.0 numpy==2.4.6
printf '#!/bin/sh\necho run >>"$RUNS"\nexec g++ "$@"\n' >counted
chmod +x counted
cat >capture.py <<'PY'
import torch

with torch.compiler.precompile.capture(
    lambda x: x.sin() @ x, artifact_path="code.py", cache_path="cache"
) as capture:
    capture(torch.ones(4, 4))
PY
cat >load.py <<'PY'
import sys
import torch

torch.compiler.precompile.load("code.py", sys.argv[1])(torch.ones(4, 4))
PY
runs() { # of the compiler, in a process with an empty cache directory
  : >"$home/$1.runs"
  RUNS="$home/$1.runs" CXX="$home/counted" TORCHINDUCTOR_CACHE_DIR="$home/$1" env/bin/python "${@:2}" 2>"$1.err" ||
    { cat "$1.err" >&2; exit 1; }
  wc -l <"$home/$1.runs"
}
runs captured capture.py >/dev/null
echo nothing >unreadable
with=$(runs with load.py cache)
without=$(runs without load.py unreadable)
echo "runs of the compiler: $with with the cache, $without without one"
[ "$with" -gt 0 ] && [ "$with" = "$without" ] || { echo 'changed' >&2; exit 1; }
