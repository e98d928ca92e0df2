"""Triton's adapter: kernels through the class that manages its cache."""

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from precompile_context.adapters.triton.artifacts import TritonKernel, put_files, take_away
from precompile_context.adapters.triton.group import pack
from precompile_context.adapters.triton.misses import described, explained
from precompile_context.bundle import StoredArtifact
from precompile_context.environment import Environment
from precompile_context.session import Adapter, Miss, Part, first_use


class TritonAdapter(Adapter):
    """Serves and records whole kernels. What else Triton caches is left to its own cache."""

    name = "triton"
    types = (TritonKernel,)
    unit = "kernel"

    def __init__(self) -> None:
        self._part: Part | None = None
        self._serves = False
        self._before: Any = None
        self._ours: Any = None
        self._compiled: dict[str, bytes] = {}
        self._served = 0

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        first_use.before(sys.modules[module], "get_cache_manager", begin)

    def ruled_out(self) -> str | None:
        from triton import knobs

        if knobs.compilation.always_compile:
            return "TRITON_ALWAYS_COMPILE is set"
        # What is compiled then is not what its key says.
        if knobs.compilation.override:
            return "TRITON_KERNEL_OVERRIDE is set"
        if knobs.compilation.use_ir_loc:
            return "USE_IR_LOC is set"
        return None

    def facts(self) -> Environment:
        import triton
        from triton.runtime.cache import triton_key

        digest = hashlib.sha256(triton_key().encode()).hexdigest()[:32]
        facts = {"triton.version": {triton.__version__}, "triton.key": {f"sha256:{digest}"}}
        if assemblers := _assemblers():
            facts["triton.ptxas"] = assemblers
        return Environment({name: frozenset(values) for name, values in facts.items()})

    def leave_out(self, stored: StoredArtifact, content: bytes) -> None:
        from triton import knobs
        from triton.runtime.cache import FileCacheManager

        take_away(knobs.cache.manager_class or FileCacheManager, stored.key, content)

    def start(self, part: Part) -> None:
        from triton import knobs
        from triton.runtime.cache import FileCacheManager

        self._part, self._compiled, self._served = part, {}, 0
        self._serves = True
        self._before = knobs.cache.manager_class
        self._ours = _manager(self._before or FileCacheManager, self)
        knobs.cache.manager_class = self._ours

    def stop(self) -> None:
        from triton import knobs

        if self._serves:
            self._serves = False
            # The program may have set one of its own since, on ours perhaps, which passes on now.
            if knobs.cache.manager_class is self._ours:
                knobs.cache.manager_class = self._before

    def find(self, key: str, manager: object) -> dict[str, str] | None:
        """Where the files of a kernel are, which the bundle had; None where it had none."""
        part = self._part if self._serves else None
        content = None if part is None else part.find(TritonKernel.TYPE, key)
        if part is None or content is None:
            return None
        try:
            paths = put_files(manager, key, content)
        except ValueError as error:
            part.is_unusable(TritonKernel.TYPE, key, str(error))
            return None
        except OSError as error:
            part.tell(f"not all was applied: {error}")
            return None
        self._served += 1
        return paths

    def record(self, key: str, group: Mapping[str, str], seconds: float) -> None:
        """A kernel was compiled, in so many seconds: its files, by name and path."""
        part = self._part
        if part is None or not self._serves:
            return
        name = key.split("/")[1].removesuffix(".json")
        try:
            files = {file: Path(path).read_bytes() for file, path in group.items()}
            # The file that is compiled in the kernel's place is not in its key.
            if json.loads(files[key.split("/")[1]]).get("ir_override"):
                return
            content = pack(files)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            part.tell(f"not all was recorded: {type(error).__name__}: {error}")
            return
        self._compiled[key] = content
        part.record(TritonKernel.TYPE, key, content, kernel=name, seconds=round(seconds, 3))
        part.save()

    def report(self) -> Mapping[str, Any]:
        return {"kernels_served": self._served, "kernels_compiled": len(self._compiled)}

    def missed(self, missed: Sequence[tuple[str, str]]) -> Sequence[Miss]:
        told = []
        for _, key in missed:
            here = self._compiled.get(key)
            name = key.split("/")[1]
            told.append(
                Miss(key, None, ())
                if here is None
                else explained(key, described(here), self._of_name(name))
            )
        return told

    def _of_name(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The kernels that the bundle has of a function."""
        for stored in self._part.stored(TritonKernel.TYPE) if self._part else ():
            if stored.key.split("/")[1] == name and self._part:
                yield stored.key, self._part.read(stored) or b""


def _assemblers() -> set[str]:
    """The versions of the assemblers for older and newer GPUs, as Triton asks for them itself."""
    with contextlib.suppress(Exception):  # whatever a backend that is not there raises
        from triton.backends.nvidia.compiler import get_ptxas_version

        return {str(get_ptxas_version(arch)).strip().splitlines()[-1] for arch in (80, 90)}
    return set()


def _manager(base: Any, adapter: TritonAdapter) -> Any:
    """A class that does what `base` does, with the bundle behind it."""

    class BundleCacheManager(base):  # type: ignore[misc]  # Triton's, or what the user chose
        def __init__(self, key: str, override: bool = False, dump: bool = False) -> None:
            super().__init__(key, override=override, dump=dump)
            self._bundled = None if override or dump else key
            self._begun = time.perf_counter()  # made anew for each kernel that is asked for

        def get_group(self, filename: str) -> dict[str, str] | None:
            found: dict[str, str] | None = super().get_group(filename)
            if found is None and self._bundled is not None:
                return adapter.find(f"{self._bundled}/{filename}", base)
            return found

        def put_group(self, filename: str, group: dict[str, str]) -> Any:
            done = super().put_group(filename, group)
            if self._bundled is not None:
                seconds = time.perf_counter() - self._begun
                adapter.record(f"{self._bundled}/{filename}", group, seconds)
            return done

    return BundleCacheManager
