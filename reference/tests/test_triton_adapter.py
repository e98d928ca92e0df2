"""Triton's adapter, with kernels for a GPU that is not there."""

import os
import stat
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import pytest
from benchmarks.children import ROOT, bounded

from precompile_context.adapters.triton.adapter import TritonAdapter
from precompile_context.adapters.triton.artifacts import TritonKernel, put_files
from precompile_context.adapters.triton.group import pack, unpack
from precompile_context.session.settings import Settings
from precompile_context.testing import AdapterTests
from precompile_context.testing.memory_part import MemoryPart
from tests.forking import Interpreters

PROGRAM = """
import os
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(y + i, mask=mask), mask=mask)

TYPES = {"x": "*fp32", "y": "*fp32", "out": "*fp32", "n": "i32", "BLOCK": "constexpr"}

def main():
    arch = int(os.environ.get("ARCH", "90"))
    source = ASTSource(add, signature=TYPES, constexprs={"BLOCK": 128})
    kernel = triton.compile(source, target=GPUTarget("cuda", arch, 32))
    return sorted(kernel.asm), kernel.metadata.name, len(kernel.asm["cubin"]) > 1000
"""
# Triton's own is a digest of its half a gigabyte, made in every process.
SHORT_KEY = """
import triton.runtime.cache
triton.runtime.cache.triton_key = lambda: "as it is here"
"""
# Stands in ptxas' place, and tells what it was called for.
PTXAS = """#!/bin/sh
echo "$@" >> "{log}"
"{ptxas}" "$@" || exit $?
case "$*" in *--version*) echo "{more}";; esac
"""


def ptxas(folder: Path, more: str = "") -> tuple[Path, Path]:
    """A ptxas with a log of its calls, and with one more line of its version."""
    from triton import knobs

    folder.mkdir(exist_ok=True)
    script, log = folder / "ptxas", folder / "log"
    ptxas = knobs.nvidia.ptxas_blackwell.path  # of sm_90, too
    script.write_text(PTXAS.format(log=log, ptxas=ptxas, more=more))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script, log


@pytest.mark.compilers
class TestTritonAdapter(AdapterTests):
    """What every adapter must do, and what is Triton's own."""

    adapter = "precompile_context.adapters.triton.adapter:TritonAdapter"
    module = "triton.runtime.cache"
    program = SHORT_KEY + PROGRAM
    variables: ClassVar = {"TRITON_DEFAULT_FP_FUSION": "1"}
    other_host: ClassVar = {"TRITON_MOCK_PTX_VERSION": "another"}

    @pytest.fixture(autouse=True)
    def forked(self, with_ours: Interpreters) -> None:
        self.python = with_ours.stand_in()

    def test_what_is_served_runs_no_assembler(self, bundle: Path) -> None:
        script, log = ptxas(bundle.parent / "bin")
        variables = {"TRITON_PTXAS_BLACKWELL_PATH": str(script)}
        cold = self.run(bundle, **variables)
        assert any("--gpu-name=sm_90a" in line for line in log.read_text().splitlines())
        log.unlink()
        self.is_warm(self.run(bundle, place="second", **variables), cold.out)
        assert {line for line in log.read_text().splitlines() if line != "--version"} == set()

    def test_another_assembler_s_kernels_are_refused_by_its_version(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        script, log = ptxas(bundle.parent / "bin", more="release 99.9, of another host")
        other = self.run(bundle, place="second", TRITON_PTXAS_BLACKWELL_PATH=str(script))
        assert (other.status, other.out, other.part["applied"]) == (0, cold.out, 0)
        (line,) = self.lines(other)
        assert "triton.ptxas: needs {" in line
        assert "release 99.9, of another host" in line
        assert "--gpu-name=sm_90a" in log.read_text()

    def test_another_target_is_compiled_and_why_is_said(self, bundle: Path) -> None:
        self.recorded(bundle)
        other = self.run(bundle, place="second", ARCH="80")
        assert (other.status, self.lines(other)) == (0, [])
        assert (other.part["missed"], other.part["kernels_compiled"]) == (1, 1)
        both = self.run(bundle, place="third", ARCH="80")
        assert (both.part["missed"], both.part["kernels_served"]) == (0, 1)

    def test_why_a_kernel_was_missed_names_the_target(self, bundle: Path) -> None:
        self.recorded(bundle)
        settings = Settings(str(bundle), read_only=True, report=None, pid=0, why_miss=True)
        environ: dict[str, str] = {}
        settings.write(environ)
        missed = self.run(
            bundle, place="second", ARCH="80", PRECOMPILE_RUN=environ["PRECOMPILE_RUN"]
        )
        assert "target: target.arch: 90 there, 80 here" in missed.err
        assert "source: " not in missed.err

    def test_a_kernel_that_is_overridden_is_not_recorded(self, bundle: Path) -> None:
        done = self.run(bundle, TRITON_KERNEL_OVERRIDE="1")
        assert "TRITON_KERNEL_OVERRIDE is set, so that nothing is served or saved" in done.err
        assert not bundle.exists()

    def test_the_users_own_cache_manager_goes_on(self, bundle: Path) -> None:
        manager = {"TRITON_CACHE_MANAGER": "own:Manager"}
        own = (
            "from triton.runtime.cache import FileCacheManager\n"
            "class Manager(FileCacheManager):\n"
            "    def put_group(self, filename, group):\n"
            "        print('own', filename, flush=True)\n"
            "        return super().put_group(filename, group)\n"
        )
        for place, lines in (("first", 2), ("second", 2)):
            (bundle.parent / place).mkdir()
            (bundle.parent / place / "own.py").write_text(own)
            done = self.run(bundle, place=place, **manager)
            assert (done.status, len(done.out.splitlines())) == (0, lines)
        assert (done.part["missed"], done.part["kernels_served"]) == (0, 1)


KEY = "A" * 52 + "/add.json"
FILES = {"add.json": b"{}", "add.cubin": b"\x7fELF", "add.ptx": b""}


class ManagerInMemory:
    """Of Triton's kind."""

    put_last: ClassVar[list[str]] = []

    def __init__(self, key: str) -> None:
        self.key = key

    def put(self, data: bytes, filename: str) -> str:
        self.put_last.append(filename)
        return f"/{self.key}/{filename}"

    def put_group(self, filename: str, group: dict[str, str]) -> None:
        self.put_last.append(f"group {filename} of {len(group)}")


def test_a_kernels_files_come_back_as_they_were_and_in_one_order() -> None:
    assert unpack(pack(FILES)) == FILES
    assert pack(dict(reversed(FILES.items()))) == pack(FILES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"\xff\xff\xff\xff[]",
        b"\0\0\0\x02[]x",
        b"\0\0\0\x02{}",
        b"\0\0\0\x01[",
        pack(FILES)[:-1],
        pack(FILES) + b"x",
        pack({"../x": b""}),
        pack({"..": b""}),
        pack({"": b""}),
        pack({"a\\b": b""}),
        pack({"a\nb": b""}),
        b"\0\0\0\x0a" + b'[["a",-1]]',
        b"\0\0\0\x0b" + b'[["a",1.0]]' + b"x",
        b"\0\0\0\x11" + b'[["a",1],["a",1]]' + b"x",
        b"\0\0\0\x0a" + b'[[["a"],1]]'[:10],
    ],
    ids=range(17),
)
def test_what_is_no_kernels_files_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="kernel"):
        unpack(content)


def test_a_kernel_goes_below_its_key_alone_and_its_group_comes_last() -> None:
    ManagerInMemory.put_last.clear()
    put_files(ManagerInMemory, KEY, pack(FILES))
    assert ManagerInMemory.put_last[-1] == "group add.json of 3"
    for key in ("../../x/add.json", "a/add.json", "A" * 52, KEY + "/x", "A" * 52 + "/other.json"):
        with pytest.raises(ValueError, match=r"key|named after"):
            put_files(ManagerInMemory, key, pack(FILES))


def test_a_kernel_is_an_artifact_with_its_functions_name() -> None:
    kernel = TritonKernel(KEY, pack(FILES), kernel="add")
    assert (kernel.TYPE, kernel.kernel) == ("triton.kernel", "add")


def test_a_cache_manager_that_the_program_sets_meanwhile_stays_when_the_run_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Manager:
        """Triton's, or the program's."""

    cache = SimpleNamespace(manager_class=None)
    triton, runtime = ModuleType("triton"), ModuleType("triton.runtime.cache")
    triton.__dict__["knobs"] = SimpleNamespace(cache=cache)
    runtime.__dict__["FileCacheManager"] = Manager
    monkeypatch.setitem(sys.modules, "triton", triton)
    monkeypatch.setitem(sys.modules, "triton.runtime", ModuleType("triton.runtime"))
    monkeypatch.setitem(sys.modules, "triton.runtime.cache", runtime)
    for theirs in (Manager, None):
        adapter = TritonAdapter()
        adapter.start(MemoryPart())
        assert issubclass(cache.manager_class, Manager)
        ours = cache.manager_class
        cache.manager_class = theirs or ours
        adapter.stop()
        assert cache.manager_class is theirs
        cache.manager_class = None


@pytest.mark.compilers
def test_kernels_that_a_gpu_is_measured_with_give_what_torch_gives() -> None:
    program = str(ROOT / "benchmarks" / "gpu" / "programs" / "launch.py")
    environ = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    done = bounded([sys.executable, program, "--device", "cpu"], environ, 300)
    assert done.returncode == 0, done.stderr
