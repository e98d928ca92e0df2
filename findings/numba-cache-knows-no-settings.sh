#!/usr/bin/env bash
# A function that numba cached without bounds checks is served to a process that asks for bounds checks.
#
# A good guess: settings that change what is compiled (NUMBA_BOUNDSCHECK, NUMBA_OPT, NUMBA_DEBUGINFO) are part of the
# key of `cache=True`, or make the cache miss. They are not: the index knows the types, the processor and the source
# file's time and size. Who debugs with NUMBA_BOUNDSCHECK=1 on a warm cache checks nothing, and sees no error.
#
# Seen with numba 0.68.1: hits 0, 1, and 1 under each of the three settings; a fresh cache: 0.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet numba==0.68.1 numpy==2.4.6
cat >program.py <<'PY'
import numba
import numpy as np


@numba.njit(cache=True)
def first(x):
    return x[0]


first(np.ones(3))
print(sum(first.stats.cache_hits.values()))
PY
run() { env NUMBA_CACHE_DIR="$home/$1" "${@:2}" env/bin/python program.py; }

seen=$(run cache)
for settings in NUMBA_OPT=3 NUMBA_OPT=0 NUMBA_BOUNDSCHECK=1 NUMBA_DEBUGINFO=1; do
  hits=$(run cache "$settings")
  echo "$settings on a warm cache: $hits hit"
  seen+=" $hits"
done
fresh=$(run fresh NUMBA_BOUNDSCHECK=1)
echo "without a cache: $fresh"
[ "$seen $fresh" = '0 1 1 1 1 0' ] || { echo 'changed' >&2; exit 1; }
