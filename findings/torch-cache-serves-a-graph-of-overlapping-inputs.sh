#!/usr/bin/env bash
# torch's cache of graphs serves tensors that lie apart the graph of tensors that lay over each other: another result.
#
# A good guess: how inputs lie over each other is part of a graph's key, for AOTAutograd makes a graph that writes to such
# an input for just that. The key has each input's sizes, strides and offset, and not whose storage it is. In one process,
# too, a call with tensors apart finds the code of those that were not: torch guards only the other way round.
#
# Seen with torch 2.13.0 (CPU): (y * 3; x @ x) of two views of one tensor of ones is 18; of two tensors it is 2, and torch
# gives 18, in another process with the same directory of caches as in one process.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >lying.py <<'PY'
import sys

import torch


def product(x, y):
    y.mul_(3)
    return x @ x


compiled = torch.compile(product)
for how in sys.argv[1:]:
    a, b = torch.ones(2, 2), torch.ones(2, 2)
    views = a.view(2, 2), (a if how == "over" else b).view(2, 2)
    print(how, int(compiled(*views)[0, 0]), end=" ")
PY
export TORCHINDUCTOR_CACHE_DIR="$home/cache"
seen=$(env/bin/python lying.py over; env/bin/python lying.py apart; env/bin/python lying.py over apart)
echo "$seen"
alone=$(TORCHINDUCTOR_CACHE_DIR="$home/empty" env/bin/python lying.py apart)
echo "with empty caches: $alone"
[ "$seen" = "over 18 apart 18 over 18 apart 18 " ] && [ "$alone" = "apart 2 " ] || { echo 'changed' >&2; exit 1; }
