#!/usr/bin/env bash
# A compiled function goes on as if a key or an attribute were missing that has come since, and takes one date for another.
#
# A good guess: torch guards what it looked for and did not find, as it does for `in`, hasattr() and dict.get(), or at least
# compiles anew. An exception that a trace catches leaves no guard; nor does vars(), or what C code makes of two dates.
#
# Seen with torch 2.13.0 (CPU), eager and compiled, each with an object without it and one that has it: eager code gives 1 and
# 2; compiled it is 1 and 1 for all but `in`.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >vain.py <<'PY'
import datetime
from types import SimpleNamespace

import torch

first = datetime.date(2020, 1, 1)


def caught_key(x, table):
    try:
        return x + table["bias"]
    except KeyError:
        return x + 1


def caught_attribute(x, thing):
    try:
        return x + thing.bias
    except AttributeError:
        return x + 1


def all_names(x, thing):
    return x + 1 + len(vars(thing))


def day(x, other):
    return x + 1 if other == first else x + 2


def member(x, table):
    return x + 2 if "bias" in table else x + 1


for function, without, having in (
    (caught_key, {}, {"bias": 2}),
    (caught_attribute, SimpleNamespace(), SimpleNamespace(bias=2)),
    (all_names, SimpleNamespace(), SimpleNamespace(bias=2)),
    (day, first, first.replace(year=2021)),
    (member, {}, {"bias": 2}),
):
    compiled, x = torch.compile(function, backend="eager"), torch.zeros(())
    eager = [int(function(x, one)) for one in (without, having)]
    print(function.__name__, *eager, *(int(compiled(x, one)) for one in (without, having)), end=", ")
PY
seen=$(env/bin/python vain.py)
echo "$seen"
[ "$seen" = "caught_key 1 2 1 1, caught_attribute 1 2 1 1, all_names 1 2 1 1, day 1 2 1 1, member 1 2 1 2, " ] ||
  { echo 'changed' >&2; exit 1; }
