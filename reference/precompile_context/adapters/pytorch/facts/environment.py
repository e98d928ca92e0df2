"""What a compiled artifact of torch depends on, as facts of this host."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from precompile_context.adapters.pytorch import private
from precompile_context.adapters.pytorch.facts.torch_sources import sources_digest
from precompile_context.bundle import Bundle
from precompile_context.environment import Environment

# Fields of /proc/cpuinfo that say which processor it is; x86, then ARM.
_PROCESSOR_FIELDS = (
    "vendor_id",
    "cpu family",
    "model",
    "stepping",
    "CPU implementer",
    "CPU architecture",
    "CPU variant",
    "CPU part",
)
_FLAG_FIELDS = ("flags", "Features", "features")
_TRITON_DISTRIBUTIONS = ("triton", "pytorch-triton", "pytorch-triton-rocm", "triton-windows")
_BANNER_SECONDS = 10
_COMPILER = "cxx.compiler"


def host_environment() -> Environment:
    """The facts of this host and process, for EXACT requirements. Runs one compiler banner.

    A fact that does not exist here (a compiler that is not installed, a GPU) is
    left out. What was saved without a compiler holds no C++ library and does not
    ask for one; for what was saved with one, see `fitting_environment`.

    Raises:
        UnsupportedTorchError: torch lacks something that is asked.
    """
    private.check()
    return _environment(_facts())


def fitting_environment(environment: Environment, bundle: Bundle) -> Environment:
    """The facts by which this host uses a bundle: without a compiler, that of the bundle counts.

    Nothing can be built on such a host, so what another compiler would build does not
    matter: what is in the bundle is found, and for the rest torch fails as ever. That of
    the last segment is taken to which all other facts of the host fit.
    """
    if _COMPILER in environment.facts:
        return environment
    for segment in reversed(bundle.segments):
        mismatches = environment.mismatches(segment.manifest.requirements)
        if [mismatch.requirement.name for mismatch in mismatches] == [_COMPILER]:
            compiler = frozenset(mismatches[0].requirement.values)
            return Environment({**environment.facts, _COMPILER: compiler})
    return environment


def torchless_environment() -> Environment:
    """Those of the facts that can be told without torch, to explain why the others are unknown."""
    return _environment(_python_facts())


def _environment(facts: Iterator[tuple[str, list[str]]]) -> Environment:
    kept = ((name, frozenset(filter(None, values))) for name, values in facts)
    return Environment({name: values for name, values in kept if values})


def _facts() -> Iterator[tuple[str, list[str]]]:
    yield from _python_facts()
    yield from _torch_facts()
    yield from _processor_facts()
    yield _COMPILER, [_cxx_compiler()]
    yield "triton.version", [_triton_version()]
    yield from _gpu_facts()


def _python_facts() -> Iterator[tuple[str, list[str]]]:
    yield "os.name", [platform.system()]
    yield "os.machine", [platform.machine()]
    yield "os.libc", [_libc()]
    yield "python.version", [platform.python_version()]
    # Kernels are extension modules: debug and free-threaded builds have ABIs of their own.
    yield "python.abi", [str(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag)]


def _libc() -> str:
    """The C library, which built libraries are linked with; "" where there is no asking."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""


def _torch_facts() -> Iterator[tuple[str, list[str]]]:
    import torch

    yield "torch.version", [str(torch.__version__)]
    yield "torch.git_version", [str(torch.version.git_version)]
    yield "torch.key", [sources_digest().hex()]
    for toolkit in ("cuda", "hip", "xpu"):
        yield f"{toolkit}.version", [str(getattr(torch.version, toolkit, None) or "")]


def _processor_facts() -> Iterator[tuple[str, list[str]]]:
    """Kernels are built with -march=native, so the processor counts, not its class.

    ATEN_CPU_CAPABILITY is asked twice: torch's kernels read it when torch starts
    (cpu.capability), inductor each time that it compiles (cpu.capability_asked).
    """
    import torch

    processor, flags = _cpuinfo()
    capabilities = torch.cpu.get_capabilities()
    known = sorted(f"{name}={value}" for name, value in capabilities.items())
    hasher = hashlib.sha256("\n".join([*sorted(flags), "", *known]).encode())
    yield "cpu.model", [processor or platform.processor()]
    yield "cpu.flags", [f"sha256:{hasher.hexdigest()[:32]}"]
    yield "cpu.capability", [torch.backends.cpu.get_cpu_capability()]
    yield "cpu.capability_asked", [capability_asked()]
    yield "cpu.threads", [_threads()]


def _threads() -> str:
    """How many threads C++ kernels are built for; "" where they ask when they run.

    Where there is an accelerator, graphs that run there do not depend on it.
    """
    import torch
    from torch._inductor import config
    from torch._inductor.utils import parallel_num_threads

    if config.cpp.threads >= 1 or config.cpp.dynamic_threads or torch.accelerator.is_available():
        return ""
    return str(parallel_num_threads())


def capability_asked() -> str:
    """What the program asks inductor to compile for; it may change its mind between compiles."""
    return os.environ.get("ATEN_CPU_CAPABILITY", "").lower() or "any"


def _cpuinfo(path: Path = Path("/proc/cpuinfo")) -> tuple[str, frozenset[str]]:
    """The first processor's identity and flags; empty where the system does not tell."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return "", frozenset()
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    processor = " ".join(fields[name] for name in _PROCESSOR_FIELDS if name in fields)
    flags = {flag for name in _FLAG_FIELDS for flag in fields.get(name, "").split()}
    return processor, frozenset(flags)


def _cxx_compiler() -> str:
    """The banner of the compiler that inductor takes, in whatever directory; "" where none is."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        compiler = get_cpp_compiler()
        done = subprocess.run(
            [compiler, "--version"],
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_BANNER_SECONDS,
        )
    except (InvalidCxxCompiler, OSError, RuntimeError, subprocess.SubprocessError):
        return ""
    output = (done.stdout or done.stderr).decode(errors="replace").strip()
    banner = output.splitlines()[0].strip() if output else ""
    command = os.path.basename(compiler)
    return (banner if banner.startswith(command) else f"{command}: {banner}")[:512]


def _triton_version() -> str:
    """Asked of the installed distributions: importing triton takes a second."""
    for name in _TRITON_DISTRIBUTIONS:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def _gpu_facts() -> Iterator[tuple[str, list[str]]]:
    """Of all visible devices: which one a graph will run on is not known yet.

    Starts CUDA or HIP in this process, as inductor does for its first graph's key.
    """
    import torch

    names, capabilities = [], []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            names.append(str(properties.name))
            capabilities.append(
                getattr(properties, "gcnArchName", "")
                if torch.version.hip
                else f"{properties.major}.{properties.minor}"
            )
    yield "gpu.name", names
    yield "gpu.capability", capabilities
