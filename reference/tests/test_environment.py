"""Facts, requirements and the verdict."""

import dataclasses
import sysconfig

import pytest

from precompile.v1 import environment_pb2
from precompile_context.environment import (
    MAX_VALUE_BYTES,
    Environment,
    Match,
    Mismatch,
    Requirement,
    python_abi,
)
from precompile_context.errors import MisuseError

HOST = Environment.of(torch__version="2.13.0", cpu__flags=["avx2", "fma"], gpu=[])


def _exact(name: str, *values: str) -> Requirement:
    return Requirement(name, Match.EXACT, values)


def _superset(name: str, *values: str) -> Requirement:
    return Requirement(name, Match.SUPERSET, values)


def test_the_abi_is_that_of_sysconfig() -> None:
    assert python_abi() == sysconfig.get_config_var("SOABI")


def test_match_equals_the_proto_enum() -> None:
    proto = {name.removeprefix("MATCH_"): number for name, number in environment_pb2.Match.items()}
    assert proto.pop("UNSPECIFIED") == 0
    assert {match.name: match.value for match in Match} == proto


def test_of_takes_two_underscores_for_a_dot_and_a_string_for_one_value() -> None:
    assert HOST.facts == {
        "torch.version": frozenset(["2.13.0"]),
        "cpu.flags": frozenset(["avx2", "fma"]),
        "gpu": frozenset(),
    }


@pytest.mark.parametrize(
    "requirement",
    [
        _exact("torch.version", "2.13.0"),
        _exact("cpu.flags", "avx2", "fma"),
        _exact("gpu"),
        _superset("cpu.flags", "fma"),
        _superset("cpu.flags", "avx2", "fma"),
        _superset("cpu.flags"),
        _superset("gpu"),
    ],
    ids=str,
)
def test_requirement_matches(requirement: Requirement) -> None:
    assert HOST.mismatches([requirement]) == ()


@pytest.mark.parametrize(
    "requirement",
    [
        _exact("torch.version", "2.13.1"),
        _exact("torch.version"),
        _exact("cpu.flags", "fma"),
        _exact("cpu.flags", "avx2", "fma", "sse"),
        _superset("cpu.flags", "avx2", "avx512"),
        _superset("gpu", "a100"),
        Requirement("torch.version", 3, ("2.13.0",)),
        Requirement("torch.version", 0, ("2.13.0",)),
    ],
    ids=str,
)
def test_requirement_does_not_match(requirement: Requirement) -> None:
    (mismatch,) = HOST.mismatches([requirement])
    assert mismatch == Mismatch(requirement, HOST.facts[requirement.name])


@pytest.mark.parametrize("match", [Match.EXACT, Match.SUPERSET])
@pytest.mark.parametrize("values", [(), ("1",)])
def test_an_unknown_fact_never_matches(match: Match, values: tuple[str, ...]) -> None:
    (mismatch,) = HOST.mismatches([Requirement("unknown", match, values)])
    assert mismatch.actual is None
    assert "unknown on this host" in str(mismatch)


def test_no_requirement_always_matches() -> None:
    assert Environment().mismatches([]) == ()


def test_mismatches_keep_the_order_of_the_requirements() -> None:
    asked = [_exact("zzz", "1"), _exact("gpu"), _exact("aaa", "1"), _exact("torch.version", "0")]
    found = [mismatch.requirement.name for mismatch in HOST.mismatches(asked)]
    assert found == ["zzz", "aaa", "torch.version"]


def test_mismatch_names_what_is_needed_and_what_is_here() -> None:
    (mismatch,) = HOST.mismatches([_superset("cpu.flags", "avx512", "fma")])
    assert str(mismatch) == "cpu.flags: needs {avx512, fma}, here {avx2, fma}"


def test_requirements_hold_every_fact_sorted_by_bytes() -> None:
    facts = {
        "b": frozenset(["é", "z", "\U0001f600", "\uffff"]),
        "a_": frozenset("1"),
        "a.": frozenset("2"),
    }
    asked = Environment(facts).requirements()
    assert [requirement.name for requirement in asked] == ["a.", "a_", "b"]
    assert asked[2].values == ("z", "é", "\uffff", "\U0001f600")
    assert {requirement.match for requirement in asked} == {Match.EXACT}
    assert Environment(facts).mismatches(asked) == ()


def test_requirements_take_another_match() -> None:
    requirements = HOST.requirements(Match.SUPERSET)
    assert {requirement.match for requirement in requirements} == {Match.SUPERSET}


@pytest.mark.parametrize("name", ["", "Torch", "1a", "a-b", "a b", "a\n", "é", "a" * 129])
def test_environment_rejects_a_name_of_a_fact(name: str) -> None:
    with pytest.raises(MisuseError):
        Environment({name: frozenset("1")})


def test_environment_accepts_the_longest_name_and_value() -> None:
    Environment({"a" * 128: frozenset(["é" * (MAX_VALUE_BYTES // 2)])})


def test_environment_rejects_a_value_over_the_limit_in_bytes() -> None:
    with pytest.raises(MisuseError):
        Environment({"a": frozenset(["é" * (MAX_VALUE_BYTES // 2) + "x"])})


def test_environment_rejects_a_value_that_is_not_unicode() -> None:
    with pytest.raises(MisuseError):
        Environment.of(a="\ud800")


def test_environment_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        HOST.facts = {}  # type: ignore[misc]


def test_environment_keeps_its_own_copy_of_the_facts() -> None:
    facts = {"a": frozenset("1")}
    environment = Environment(facts)
    facts["Bad Name"] = frozenset("2")
    assert dict(environment.facts) == {"a": frozenset("1")}


def test_environment_rejects_text_where_a_set_of_values_belongs() -> None:
    with pytest.raises(MisuseError):
        Environment({"a": "text"})  # type: ignore[dict-item]
