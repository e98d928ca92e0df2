#!/usr/bin/env bash
# What torch._inductor.standalone_compile makes answers a tensor; the same, saved and loaded, answers a list of one.
#
# A good guess: CompiledArtifact.load() gives a callable that takes and gives what the saved one does. The structure
# of the result (here a bare tensor) is not in the file: what is loaded gives the graph's flat list of outputs, so that
# a program works cold and fails warm, at the first use of the result.
#
# Seen with torch 2.13.0 (CPU): Tensor where it is built, Tensor after save(), list where it is loaded.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >build.py <<'PY'
import torch
from torch.fx.experimental.proxy_tensor import make_fx

x = torch.ones(4)
built = torch._inductor.standalone_compile(make_fx(lambda x: x * 2)(x), [x])
print(type(built(x)).__name__)
built.save(path="artifact", format="binary")
print(type(built(x)).__name__)
PY
cat >load.py <<'PY'
import torch
from torch._inductor.standalone_compile import CompiledArtifact

print(type(CompiledArtifact.load(path="artifact", format="binary")(torch.ones(4))).__name__)
PY
export TORCHINDUCTOR_CACHE_DIR="$home/cache"
seen=$(env/bin/python build.py; env/bin/python load.py)
echo "built, saved, loaded: ${seen//$'\n'/, }"
[ "$seen" = $'Tensor\nTensor\nlist' ] || { echo 'changed' >&2; exit 1; }
