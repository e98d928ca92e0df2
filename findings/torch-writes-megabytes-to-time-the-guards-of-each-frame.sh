#!/usr/bin/env bash
# Compiling a frame of one addition writes dozens to hundreds of megabytes, which is a processor's cache emptied on purpose.
#
# A good guess: the compile of `x + 1` touches as much memory as its graph and guards are large. For a statistic, torch times
# the guards of each frame that it compiles, whether or not anybody looks at it, and writes to new memory before, so that
# none of them is in the processor's caches. How much depends on the machine.
#
# Seen with torch 2.13.0 (CPU), backend eager: 32 MiB a frame on a machine whose last cache has 32 MiB (8,225 faults of pages
# of 4 KiB), 256 MiB and a fifth of a second a frame on another; with that one call taken out, 0 MiB (30 faults).
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >faults.py <<'PY'
import resource

import torch
from torch._dynamo import guards


def mebibytes_of_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize() / 2**20


def compile_one(number, x=torch.ones(2)):
    space = {}
    exec(f"def f(x):\n    return x + {number}", space)
    f = torch.compile(space["f"], backend="eager")
    before = mebibytes_of_faults()
    f(x)
    return round(mebibytes_of_faults() - before)


timed = [compile_one(number) for number in range(4)][-1]
guards.profile_guard_manager = lambda *_: 0.0
print(timed, "MiB a frame,", [compile_one(number) for number in range(4, 8)][-1], "without the clock")
PY
seen=$(env/bin/python faults.py)
echo "$seen"
read -r timed _ _ _ without _ <<<"$seen"
[ "$timed" -ge 4 ] && [ "$without" -le 1 ] || { echo 'changed' >&2; exit 1; }
