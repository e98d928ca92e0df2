#!/usr/bin/env bash
# With torch's own cache warm, a first `backward(retain_graph=True)` raises, which it does not with the cache empty.
#
# A good guess: a cache changes how long a compile takes, not what a program may do. But torch compiles a backward when it is
# first called, so that it may write into what was saved where that call does not keep the graph, and keeps this backward in
# its cache. Whoever finds it there and keeps the graph at its first call is refused; a key that told the two apart would not
# find it.
#
# Seen with torch 2.13.0 (CPU): alone, keeping the graph computes a gradient; after a process that kept none, with the same
# cache directory, it raises a RuntimeError that speaks of donated buffers.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >step.py <<'PY'
import sys

import torch


@torch.compile
def step(x):
    return x.sin().sum() * x


x = torch.linspace(-1, 1, 30).requires_grad_()
try:
    step(x).cos().sum().backward(retain_graph=sys.argv[1] == "keeps")
    print("computed", end=", ")
except RuntimeError as error:
    print("raised" if "donated buffer" in str(error) else error, end=", ")
PY
run() { TORCHINDUCTOR_CACHE_DIR="$home/$1" env/bin/python step.py "$2"; }
seen=$(run alone keeps; run shared "keeps none"; run shared keeps)
echo "$seen"
[ "$seen" = "computed, computed, raised, " ] || { echo 'changed' >&2; exit 1; }
