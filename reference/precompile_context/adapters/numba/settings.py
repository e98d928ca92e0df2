"""Facts: numba's version, the processor that it compiles for, and the settings that change code.

numba's own index asks for the processor. It does not ask for the settings, and so hits code
that was compiled under others: without the bounds checks that were asked for, say.
"""

import functools
import platform
import re
from collections.abc import Iterator
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.registry import cpu_target

from precompile_context.environment import Environment, python_abi

# Where code is kept and run, what is printed meanwhile, and another target than the processor:
# nothing of it is in the code. A setting that is not known here counts.
_WITHOUT_EFFECT = re.compile(
    r"""(CUDA|DUMP|DEBUG_PRINT|THREADING_LAYER|IS|FORCE_CUDA)_.*
    |CACHE_(DIR|LOCATOR_CLASSES)|(NUMBA|NUMBA_DEFAULT)_NUM_THREADS|FUNCTION_CACHE_SIZE
    |THREADING_LAYER|(DISABLE_CUDA|ENABLE_CUDASIM)|GDB_BINARY|COLOR_SCHEME|SHOW_HELP|DEVELOPER_MODE
    |DISABLE_PERFORMANCE_WARNINGS|DISABLE_TYPEINFER_FAIL_CACHE|ALWAYS_WARN_UNINIT_VAR|DISABLE_JIT
    |DEBUG|DEBUG_(CACHE|FRONTEND|TYPEINFER|INLINE_CLOSURE|ARRAY_OPT|ARRAY_OPT_STATS)
    |ANNOTATE|HTML|DIFF_IR|HIGHLIGHT_DUMPS|TRACE|CHROME_TRACE|PARALLEL_DIAGNOSTICS|PYVERSION
    |LLVM_PASS_TIMINGS|USE_LLVMLITE_MEMORY_MANAGER|ENABLE_SYS_MONITORING|MACHINE_BITS|FULL_TRACEBACKS
    |RUNNING_UNDER_PROFILER|CPU_(NAME|FEATURES)""",
    re.VERBOSE,
)


def settings() -> dict[str, str]:
    """By lower-case name, the settings in force now that may change what is compiled."""
    return {
        name.lower(): _text(value) for name, value in sorted(vars(config).items()) if _counts(name)
    }


@functools.cache  # each look-up asks for all names
def _counts(name: str) -> bool:
    return name.isupper() and name[0] != "_" and not _WITHOUT_EFFECT.fullmatch(name)


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(getattr(value, "_raw_value", value))  # NUMBA_OPT=max is a level of its own
    return str(value)


def processor() -> tuple[str, str, str]:
    """The triple, the name and the features that numba compiles for now."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return str(triple), str(name), str(features)


def facts() -> Environment:
    """What compiled functions depend on here, all of it to be equal."""
    return Environment({name: frozenset(values) for name, values in _facts() if any(values)})


def _facts() -> Iterator[tuple[str, list[str]]]:
    triple, name, features = processor()
    yield "os.name", [platform.system()]
    yield "os.machine", [platform.machine()]
    yield "python.version", [platform.python_version()]
    yield "python.abi", [python_abi()]
    yield "numpy.version", [np.__version__]
    yield "numba.version", [numba.__version__]
    yield "llvmlite.version", [llvmlite.__version__]
    yield "numba.triple", [triple]
    yield "numba.cpu", [name]
    # What is there: what is not ("-avx512f") follows, and would fill a screen.
    enabled = [feature for feature in features.split(",") if feature.startswith("+")]
    yield "numba.cpu_features", enabled or ["none"]
    for setting, value in settings().items():
        yield f"numba.{setting}", [value]
