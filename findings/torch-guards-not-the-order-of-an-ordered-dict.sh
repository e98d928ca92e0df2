#!/usr/bin/env bash
# A compiled function that goes through an OrderedDict does not notice that move_to_end has changed its order.
#
# A good guess: torch guards the order of keys, as it does for a dict whose key is taken out and put in again. It compares the
# keys as the dict below has them, and an OrderedDict has an order of its own above that.
#
# Seen with torch 2.13.0 (CPU): eager code gives 12 and then 21; compiled, a dict gives 12 and 21, an OrderedDict 12 and 12.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >moved.py <<'PY'
from collections import OrderedDict

import torch


def weighted(x, table):
    for weight in table.values():
        x = 2 * x + weight
    return x


def put_last(table):
    table["a"] = table.pop("a")


for kind, move in ((dict, put_last), (OrderedDict, put_last), (OrderedDict, lambda t: t.move_to_end("a"))):
    table, x = kind(a=1, b=10), torch.zeros(())
    compiled = torch.compile(weighted, backend="eager")
    seen = [int(compiled(x, table))]
    move(table)
    print(kind.__name__, *seen, int(compiled(x, table)), "for", int(weighted(x, table)), end=", ")
    torch.compiler.reset()
PY
seen=$(env/bin/python moved.py)
echo "$seen"
[ "$seen" = "dict 12 21 for 21, OrderedDict 12 21 for 21, OrderedDict 12 12 for 21, " ] || { echo 'changed' >&2; exit 1; }
