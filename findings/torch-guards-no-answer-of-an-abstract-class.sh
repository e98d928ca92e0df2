#!/usr/bin/env bash
# A compiled function goes on with isinstance()'s first answer after a class was registered with the abstract one.
#
# A good guess: torch compiles anew, as it does when a global that the function reads is another one; Python itself has a
# token for just that (abc.get_cache_token). Dynamo has Python answer while it traces, and guards the two classes alone.
#
# Seen with torch 2.13.0 (CPU): eager code gives 0 and, once registered, 1; compiled it is 0 and 0, compiled once.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >registered.py <<'PY'
import abc

import torch
from torch._dynamo.utils import counters


class Shape(abc.ABC):
    pass


class Square:
    pass


def answer(x, thing):
    return x + 1 if isinstance(thing, Shape) else x + 0


compiled = torch.compile(answer, backend="eager")
for step in ("before", "after"):
    if step == "after":
        Shape.register(Square)
    x, thing = torch.zeros(()), Square()
    print(step, int(answer(x, thing)), int(compiled(x, thing)), counters["stats"]["unique_graphs"], end=" ")
PY
seen=$(env/bin/python registered.py)
echo "$seen"
[ "$seen" = "before 0 0 1 after 1 0 1 " ] || { echo 'changed' >&2; exit 1; }
