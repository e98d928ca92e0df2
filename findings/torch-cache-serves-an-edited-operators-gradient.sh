#!/usr/bin/env bash
# torch.compile's cache on disk serves the gradient that a custom operator had before it was edited.
#
# A good guess: what AOTAutograd traces is part of its cache's key, so that an edit of a registered backward is a miss,
# as an edit of the compiled function is. The key has the operator's name and no code of its Python registrations
# (register_autograd, and so register_fake): the next process has the old gradient, without a word. The same file
# without a cache, or with the edit in the compiled function itself, is right.
#
# Seen with torch 2.13.0 (CPU): gradient 2.0; edited to 20, the same directory: 2.0, and one hit; an empty one: 20.0.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
program() {
  cat >program.py <<PY
import torch


@torch.library.custom_op("mine::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


twice.register_fake(torch.empty_like)
twice.register_autograd(lambda ctx, gradient: gradient * $1)


@torch.compile
def total(x):
    return twice(x).sum()


x = torch.ones(3, requires_grad=True)
total(x).backward()
print(x.grad[0].item())
PY
}
run() { TORCHINDUCTOR_CACHE_DIR="$home/$1" env/bin/python program.py; }

program 2
before=$(run cache)
program 20
kept=$(run cache) fresh=$(run fresh)
echo "gradient: $before; after the edit: $kept with the directory of before, $fresh with an empty one"
[ "$before $kept $fresh" = '2.0 2.0 20.0' ] || { echo 'changed' >&2; exit 1; }
