"""What a program does with JAX beside plain jit: recorded once, and seen from several sides."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from precompile_context.testing import MemoryPart
from tests.forking import Interpreters
from tests.programs import RUN

pytestmark = pytest.mark.compilers

# Over devices, with a callback, with a cache of its own, with zstandard or not. The numbers are
# the same on any number of devices.
PROGRAM = """
import os
import jax
import jax._src.compilation_cache as own
if "NO_ZSTANDARD" in os.environ:
    own.zstandard = None  # as JAX has it where that is not installed
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

if "OWN" in os.environ:
    jax.config.update("jax_compilation_cache_dir", os.environ["OWN"])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
x = np.arange(16, dtype="float32").reshape(4, 4)
rows = NamedSharding(Mesh(np.array(jax.devices()), ("rows",)), PartitionSpec("rows"))

def share(part):
    return (part / jax.lax.psum(part.sum(), "all")).sum()

def doubled(x):
    return np.asarray(x) * 2

def call(x):
    return jax.pure_callback(doubled, jax.ShapeDtypeStruct((4, 4), "float32"), x)

results = [
    jax.pmap(share, axis_name="all")(x.reshape(len(jax.devices()), -1)),
    jax.jit(lambda x: jnp.tanh(x @ x.T / 100), in_shardings=rows)(x),
    jax.jit(jax.grad(lambda x: jnp.sin(x).sum()))(x),
    jax.jit(call)(x),
]
print(*(f"{np.asarray(one).sum():.3f}" for one in results))
"""


class Ran(NamedTuple):
    out: str
    said: str
    part: dict[str, Any]


def run(interpreters: Interpreters, folder: Path, **variables: str) -> Ran:
    (folder / "program.py").write_text(PROGRAM)
    done = interpreters.run(
        [*RUN, "--bundle", "b.precompile", "--report", "r.json", "program.py"],
        cwd=folder,
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
            "XDG_CONFIG_HOME": str(folder / "config"),
            **variables,
        },
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "r.json").read_text())
    return Ran(done.stdout, done.stderr, report["compilers"]["jax"])


def test_mapped_sharded_and_derived_functions_are_served_and_callbacks_are_left_to_jax(
    tmp_path: Path, with_jax: Interpreters
) -> None:
    own = tmp_path / "own"
    cold = run(with_jax, tmp_path)
    compiled = cold.part["executables_compiled"]
    assert compiled >= 3
    assert cold.part["recorded"] == compiled
    # A callback is an address in one process: nobody keeps it, JAX's own cache neither.
    assert cold.part["left_to_jax"] == {"host callbacks": 1}
    for variables in ({}, {"OWN": str(own)}, {"NO_ZSTANDARD": "1", "OWN": str(own)}):
        warm = run(with_jax, tmp_path, **variables)
        assert (warm.out, warm.said) == (cold.out, "")
        assert (warm.part["executables_served"], warm.part["executables_compiled"]) == (compiled, 0)
        assert (warm.part["missed"], warm.part["recorded"]) == (0, 0)
        assert warm.part["left_to_jax"] == {"host callbacks": 1}
    # JAX's own directory was asked for nothing that the bundle had.
    assert [file for file in own.rglob("*-cache") if "callback" not in file.name] == []
    other = run(with_jax, tmp_path, XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert (other.out, other.part["applied"]) == (cold.out, 0)
    assert "it was saved in another environment: jax.topology: needs {4 cpu " in other.said


def test_files_of_autotuning_are_recorded_and_put_back_where_xla_looks(tmp_path: Path) -> None:
    """XLA makes them on a GPU alone: here, what stands for it says that it is one."""
    import jax

    from precompile_context.adapters.jax.artifacts import AutotunedFile
    from precompile_context.adapters.jax.autotuned import Autotuned, directory

    class Backend(NamedTuple):
        platform: str

    class Part(MemoryPart):
        def stored(self, type: str) -> Any:
            return [Stored(key) for kind, key in self.contents if kind == type]

    class Stored(NamedTuple):
        key: str

    part = Part()
    before = jax.config.jax_compilation_cache_dir
    try:
        for place, platform in (("first", "gpu"), ("second", "gpu"), ("third", "cpu")):
            jax.config.update("jax_compilation_cache_dir", str(tmp_path / place))
            files = Autotuned(part)
            files.restore(Backend(platform))
            folder = directory()
            assert folder is not None
            if place == "first":
                (folder / "result.textproto").write_text("fast")
                (folder / "tmp_half").write_text("half of it")
                files.record()
                assert part.contents.keys() == {(AutotunedFile.TYPE, "result.textproto")}
                part.contents[AutotunedFile.TYPE, "../outside"] = b"hostile", {}
            there = [file.name for file in folder.iterdir()]
            expected = {"first": ["result.textproto", "tmp_half"], "second": ["result.textproto"]}
            assert sorted(there) == expected.get(place, [])
        assert not list(tmp_path.rglob("outside"))
        # What others may write to is neither read nor filled.
        jax.config.update("jax_compilation_cache_dir", str(tmp_path / "open"))
        opened = directory()
        assert opened is not None
        opened.chmod(0o777)
        assert directory() is None
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
