#!/usr/bin/env bash
# A compiled matrix product of a subclass of torch.Tensor raises when it is first called, and works from then on.
#
# A good guess: what compiles and runs at the second call does so at the first. torch looks at a compiled graph's first
# run by a mode that is to find custom operators whose outputs are inputs; under it, the product that inductor calls
# (aten.mm.out) meets a tensor of another class, and no handler answers. The subclass here has nothing of its own.
#
# Seen with torch 2.13.0 (CPU): TypeError "Multiple dispatch failed" first, then the product. Eagerly, both are right.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >product.py <<'PY'
import torch


class Plain(torch.Tensor):
    pass


@torch.compile
def product(x):
    return x @ x


with torch.no_grad():
    for _ in range(2):
        try:
            print(type(product(torch.eye(3).as_subclass(Plain))).__name__)
        except TypeError as error:
            print(type(error).__name__)
PY
export TORCHINDUCTOR_CACHE_DIR="$home/cache"
seen=$(env/bin/python product.py)
echo "first, second: ${seen//$'\n'/, }"
[ "$seen" = $'TypeError\nPlain' ] || { echo 'changed' >&2; exit 1; }
