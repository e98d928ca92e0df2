"""The facts of a host: cheap, without its paths, and different where kernels would be."""

from pathlib import Path

import pytest

from precompile_context import Environment
from precompile_context.adapters.pytorch.facts import environment
from precompile_context.adapters.pytorch.facts.environment import fitting_environment
from precompile_context.bundle import Bundle, Chain
from precompile_context.trust import UNSIGNED
from tests.toys import write_segment

X86 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 26
model\t\t: 2
model name\t: AMD EPYC
stepping\t: 1
cpu MHz\t\t: 2596.096
flags\t\t: fpu avx2 avx512f
bugs\t\t: sysret_ss_attrs

processor\t: 1
vendor_id\t: Other
flags\t\t: sse
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n"


def cpuinfo(tmp_path: Path, text: str) -> tuple[str, frozenset[str]]:
    (tmp_path / "cpuinfo").write_text(text)
    return environment._cpuinfo(tmp_path / "cpuinfo")


def test_a_processor_is_its_identity_and_flags(tmp_path: Path) -> None:
    assert cpuinfo(tmp_path, X86) == ("AuthenticAMD 26 2 1", frozenset(["fpu", "avx2", "avx512f"]))
    assert cpuinfo(tmp_path, ARM) == ("0x41 0xd4f", frozenset(["fp", "asimd", "sve"]))


def test_clock_rate_and_number_of_processors_do_not_count(tmp_path: Path) -> None:
    other = X86.replace("2596.096", "3100.5").partition("\n\n")[0] + "\n"
    assert cpuinfo(tmp_path, X86) == cpuinfo(tmp_path, other)


def test_a_system_without_cpuinfo_tells_nothing(tmp_path: Path) -> None:
    assert environment._cpuinfo(tmp_path / "missing") == ("", frozenset())


@pytest.mark.torch
def test_every_fact_of_this_host_is_told() -> None:
    facts = environment.host_environment().facts
    assert set(facts) >= {
        "cpu.capability",
        "cpu.capability_asked",
        "cpu.flags",
        "cpu.model",
        "cxx.compiler",
        "os.machine",
        "os.name",
        "python.abi",
        "python.version",
        "torch.git_version",
        "torch.key",
        "torch.version",
    }
    assert not [value for values in facts.values() for value in values if "/" in value]


@pytest.mark.torch
def test_a_host_without_a_compiler_has_no_compiler_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder, exc

    def fails() -> str:
        raise exc.InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", fails)
    assert "cxx.compiler" not in environment.host_environment().facts


@pytest.mark.torch
def test_a_capability_that_is_asked_for_is_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = environment.host_environment()
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    asked = environment.host_environment()
    (mismatch,) = asked.mismatches(plain.requirements())
    assert str(mismatch) == "cpu.capability_asked: needs {any}, here {avx2}"


@pytest.mark.torch
def test_number_of_threads_that_kernels_are_built_for_is_a_fact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch
    from torch._inductor import config

    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    plain = environment.host_environment()
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        (mismatch,) = environment.host_environment().mismatches(plain.requirements())
        needs = f"needs {{{threads}}}, here {{{threads + 1}}}"
        assert str(mismatch) == f"cpu.threads: {needs}"
        with config.patch({"cpp.dynamic_threads": True}):
            assert "cpu.threads" not in environment.host_environment().facts
    finally:
        torch.set_num_threads(threads)


def _of(environment: Environment) -> Bundle:
    return Bundle.open(write_segment(requirements=environment.requirements()), policy=UNSIGNED)


def test_a_host_without_a_compiler_goes_by_the_bundle_s() -> None:
    facts = {"os.name": frozenset(["Toy"])}
    host = Environment(facts)
    built = Environment({**facts, "cxx.compiler": frozenset(["g++ 12"])})
    assert fitting_environment(host, _of(built)) == built
    assert fitting_environment(host, _of(host)) == host
    elsewhere = Environment({**built.facts, "os.name": frozenset(["Other"])})
    assert fitting_environment(host, _of(elsewhere)) == host


def test_a_host_with_another_compiler_does_not() -> None:
    host = Environment({"cxx.compiler": frozenset(["g++ 13"])})
    built = Environment({"cxx.compiler": frozenset(["g++ 12"])})
    assert fitting_environment(host, _of(built)) == host


def test_of_several_compilers_the_last_one_that_fits_counts() -> None:
    facts = {"os.name": frozenset(["Toy"])}
    chain = Chain()
    data = b""
    for name, compiler in (("Toy", "g++ 12"), ("Toy", "g++ 13"), ("Other", "g++ 14")):
        environment = Environment.of(os__name=name, cxx__compiler=compiler)
        data += write_segment(chain=chain, requirements=environment.requirements())
    fitting = fitting_environment(Environment(facts), Bundle.open(data, policy=UNSIGNED))
    assert fitting.facts["cxx.compiler"] == {"g++ 13"}
