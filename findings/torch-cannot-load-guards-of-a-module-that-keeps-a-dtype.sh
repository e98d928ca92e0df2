#!/usr/bin/env bash
# With torch's own caching_precompile, a module with an attribute torch.float32 fails to load in the next process.
#
# A good guess: an attribute that the compiled code does not read makes no difference. torch leaves objects out of what
# it pickles of guards by their id, where a module has them and no guard looks at them; there is one torch.float32 in a
# process, and so it is left out of each guarded tensor too, whose pickle then holds no dtype. Saving says nothing.
#
# Seen with torch 2.13.0 (CPU): without the attribute the second process prints 2.0 as the first; with it, TypeError
# "empty_strided(): argument 'dtype' must be torch.dtype, not _Missing" is raised into the program.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
cat >keeping.py <<'PY'
import sys

import torch

torch._dynamo.config.caching_precompile = True


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(2))
        if sys.argv[1] == "kept":
            self.kept = torch.float32

    def forward(self, x):
        return x @ self.weight


try:
    with torch.no_grad():
        print(torch.compile(Net())(torch.eye(2)).sum().item())
except TypeError as error:
    print(error)
torch.compiler.save_cache_artifacts()
PY
seen=$(for how in plain kept; do
  export TORCHINDUCTOR_CACHE_DIR="$home/$how"
  for _ in 1 2; do env/bin/python keeping.py "$how" 2>/dev/null; done
done)
echo "$seen"
wanted=$'2.0\n2.0\n2.0\n'"empty_strided(): argument 'dtype' must be torch.dtype, not _Missing"
[ "$seen" = "$wanted" ] || { echo 'changed' >&2; exit 1; }
