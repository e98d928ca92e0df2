#!/usr/bin/env bash
# JAX never replaces an entry of its persistent cache that it cannot read: each later process compiles anew, for good.
#
# A good guess: an entry that cannot be decompressed is a miss, what is compiled then takes its place, and the next
# process hits. The miss is right (a warning, and the right numbers); but the file cache writes nothing where a file
# of that name is, so that one truncated file (a full disk, a copy that ended early) costs every later process the
# compile until somebody deletes it.
#
# Seen with jax 0.10.2, jaxlib 0.10.2: hits 0, 1; cut to 100 bytes: 0 and 0, the file is 100 bytes long after both.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv env
env/bin/python -m pip install --quiet jax==0.10.2 jaxlib==0.10.2
cat >program.py <<'PY'
import jax
import jax.numpy as jnp

hits = []
jax.monitoring.register_event_listener(
    lambda name, **_: hits.append(name) if name == "/jax/compilation_cache/cache_hits" else None
)
jax.config.update("jax_compilation_cache_dir", "cache")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
x = jnp.ones((4, 4))
hits.clear()
result = jax.jit(lambda x: jnp.sin(x) @ x.T)(x)
print(len(hits))
PY
run() { env/bin/python program.py 2>/dev/null; }

first=$(run) second=$(run)
entry=$(find cache -name 'jit__lambda*-cache')
truncate --size=100 "$entry"
third=$(run) fourth=$(run) size=$(stat --format=%s "$entry")
echo "hits: $first, then $second; of a truncated entry: $third, then $fourth; its size: $size"
[ "$first $second $third $fourth $size" = '0 1 0 0 100' ] || { echo 'changed' >&2; exit 1; }
