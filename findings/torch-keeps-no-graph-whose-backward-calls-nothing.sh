#!/usr/bin/env bash
# No cache of torch's keeps a compiled x + y whose gradients are taken; of x * y, one does.
#
# A good guess: what is compiled once is found by the next process, where the caches are on. The backward of a sum hands
# its gradient on and calls nothing; inductor makes a plain function of such a graph, which has no key, and AOTAutograd's
# cache saves forward and backward together or not at all. It counts a miss each time, and no bypass.
#
# Seen with torch 2.13.0 (CPU), hits, misses and saves of two processes with one directory of caches:
# the sum 0 1 0 and 0 1 0, the product 0 1 1 and 1 0 0.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >trained.py <<'PY'
import operator

import torch
from torch._dynamo.utils import counters


def counted(function):
    counters.clear()
    x, y = (torch.ones(3, requires_grad=True) for _ in range(2))
    torch.compile(lambda x, y: function(x, y))(x, y).sum().backward()
    return [counters["aot_autograd"][f"autograd_cache_{what}"] for what in ("hit", "miss", "saved")]


print("sum", *counted(operator.add), "product", *counted(operator.mul))
PY
export TORCHINDUCTOR_CACHE_DIR="$home/cache"
seen=$(env/bin/python trained.py; env/bin/python trained.py)
echo "$seen"
[ "$seen" = $'sum 0 1 0 product 0 1 1\nsum 0 1 0 product 1 0 0' ] || { echo 'changed' >&2; exit 1; }
