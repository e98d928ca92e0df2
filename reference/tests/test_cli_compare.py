"""`precompile explain`, `diff` and `merge`: what they print, and how they end."""

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from precompile_context import BundleFile, Environment
from precompile_context.adapters.pytorch.facts import environment as host_facts
from precompile_context.cli import this_host
from precompile_context.cli.merge import _host as merge_host
from precompile_context.files import local_key
from precompile_context.files.merging import merge_files
from precompile_context.trust import UNSIGNED, SigningKey, TrustPolicy
from tests.test_cli import run
from tests.toys import BLOB, ELSEWHERE, GRAPH, HERE, STEP, blobs, save, toy_context


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Of one environment, and a second one of the latter's."""
    a, b = tmp_path / "a.precompile", tmp_path / "b.precompile"
    blobs(HERE, one=b"1", same=b"same", timed=b"1.0 s").save_to(BundleFile(a))
    blobs(HERE, two=b"2", same=b"same", timed=b"1.1 s").save_to(BundleFile(b))
    blobs(ELSEWHERE, three=b"3").save_to(BundleFile(b))
    return a, b


@pytest.fixture
def no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program imports torch, which takes seconds: it is as if there were none."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden))


@pytest.fixture
def conflicting(tmp_path: Path) -> list[Path]:
    paths = []
    for key in ("g", "h"):
        context = toy_context()
        context.record_artifact(GRAPH, key, b"graph")
        context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, key)])
        paths.append(tmp_path / key)
        context.save_to(BundleFile(paths[-1]))
    return paths


def test_merge_writes_one_bundle_and_tells_what_became_of_all(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.precompile"
    done = run("merge", "--unsigned", "-o", out, *two)
    assert (done.status, done.err) == (0, "")
    first, *lines = done.out.splitlines()
    assert first.startswith(f"{out}: 2 segments, 5 artifacts, ")
    assert first.endswith("of 2 bundles")
    assert "  equal       1 held by several bundles, kept once" in lines
    assert any(line.startswith("  equivalent  1 ") for line in lines)
    again = run("merge", "--unsigned", "--json", "-o", out, out).json()
    assert again["digest"] == run("verify", "--json", out).json()["digest"]
    assert (again["ok"], again["inputs"], again["artifacts"], again["equal"]) == (True, 1, 5, 0)


def test_merge_tells_of_a_conflict_and_fails_where_it_is_to_be_strict(
    conflicting: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    strict = run("merge", "--unsigned", "--strict", "-o", out, *conflicting)
    assert (strict.status, out.exists()) == (1, False)
    assert "not written, for 1 conflict" in strict.out
    done = run("merge", "--unsigned", "-o", out, *conflicting)
    assert done.status == 0
    assert f"conflict    {STEP} s of {conflicting[1]} is left out" in done.out
    (conflict,) = run("merge", "--unsigned", "--json", "-o", out, *conflicting).json()["conflicts"]
    assert (conflict["type"], conflict["key"]) == (STEP, "s")


def test_merge_refuses_a_damaged_bundle_by_its_name(two: tuple[Path, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"not a bundle")
    done = run("merge", "--unsigned", "-o", tmp_path / "out", *two, bad)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"precompile: {bad}: NOT_A_BUNDLE at byte 0\n")
    assert len(done.err.splitlines()) == 3
    assert not (tmp_path / "out").exists()


def test_merge_skips_what_is_damaged_lists_it_and_says_so_by_its_status(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    bad, out = tmp_path / "bad", tmp_path / "out"
    bad.write_bytes(b"not a bundle")
    done = run("merge", "--unsigned", "--skip-damaged", "-o", out, bad, *two)
    assert (done.status, done.err) == (1, "")
    assert f"left out    segments of {bad}: NOT_A_BUNDLE at byte 0: " in done.out
    assert run("verify", out).status == 0
    told = run("merge", "--unsigned", "--skip-damaged", "--json", "-o", out, *two, bad).json()
    assert (told["ok"], [one["origin"] for one in told["left_out"]]) == (False, [str(bad)])
    assert run("merge", "--unsigned", "--skip-damaged", "-o", out, *two).status == 0


def test_merge_takes_only_what_fits_the_host_of_a_file(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    host, out = tmp_path / "host.json", tmp_path / "out"
    host.write_text('{"host": {"cpu": ["avx512"]}}')
    told = run("merge", "--unsigned", "--fits", host, "--json", "-o", out, *two).json()
    assert (told["environments"], told["artifacts"]) == (1, 1)
    assert [key for _, key in BundleFile(out).open(policy=UNSIGNED).current()] == ["three"]
    host.write_text('{"host": {"cpu": ["sse"]}}')
    none = run("merge", "--unsigned", "--fits", host, "-o", tmp_path / "none", *two)
    assert (none.status, (tmp_path / "none").exists()) == (1, False)
    host.write_text("[]")
    assert run("merge", "--unsigned", "--fits", host, "-o", tmp_path / "none", *two).status == 2


def test_merge_takes_what_fits_this_host_which_is_asked_once(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def host_environment() -> Environment:
        asked.append(1)
        return HERE

    monkeypatch.setattr(host_facts, "host_environment", host_environment)
    this_host._this_host.cache_clear()
    try:
        fits = merge_host(Path("here"))
        report, _ = merge_files(tmp_path / "out", two, policy=UNSIGNED, fits=fits)
    finally:
        this_host._this_host.cache_clear()
    assert (report.environments, report.artifacts, asked) == (1, 4, [1])


def test_merge_without_an_input_is_wrong_usage(tmp_path: Path) -> None:
    assert run("merge", "--unsigned", "-o", tmp_path / "out").status == 2


def test_diff_tells_what_is_in_one_alone_and_what_is_equivalent(two: tuple[Path, Path]) -> None:
    done = run("diff", *two)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[3:] == [
        "an environment of both (segment 0 of a, 0 of b)",
        "  only in a   1 artifact",
        f"    {BLOB} one",
        "  only in b   1 artifact",
        f"    {BLOB} two",
        "  equivalent  1 artifact",
        f"    {BLOB} timed",
        "  equal       1 artifact",
        "",
        "an environment of b alone (segment 1); the nearest of a differs in",
        "  cpu: a {avx2}, b {avx512}",
        "  only in b   1 artifact",
        f"    {BLOB} three",
    ]


def test_diff_gives_json(two: tuple[Path, Path]) -> None:
    facts = run("diff", "--json", *two).json()
    assert (facts["same_bundle"], facts["same_content"]) == (False, False)
    first, second = facts["environments"]
    assert first["equivalent"] == [{"type": BLOB, "key": "timed"}]
    assert first["conflicting"] == []
    assert second["facts"] == [{"name": "cpu", "a": ["avx2"], "b": ["avx512"]}]
    same = run("diff", "--json", two[0], two[0]).json()
    assert (same["same_bundle"], same["same_content"]) == (True, True)


def test_diff_tells_of_conflicting_entries(conflicting: list[Path]) -> None:
    assert f"  conflicting 1 artifact\n    {STEP} s" in run("diff", *conflicting).out


def test_explain_tells_what_would_be_applied(tmp_path: Path) -> None:
    path = tmp_path / "any"
    save(BundleFile(path), a=b"1", b=b"22")
    done = run("explain", "--unsigned", path)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{path}: 1 of 1 segments fit this host",
        "segment 0 at byte 0 fits",
        "would be applied",
        f"       2 artifacts       3 B  {BLOB}",
    ]
    facts = run("explain", "--unsigned", "--json", path).json()
    assert (facts["ok"], facts["host"]) == (True, {})
    assert [artifact["key"] for artifact in facts["applied"]] == ["a", "b"]


def test_explain_names_fact_and_segment_and_fails_where_none_fits(
    tmp_path: Path, no_torch: None
) -> None:
    path = tmp_path / "elsewhere"
    environment = Environment.of(os__name="Toy", os__machine=["b", "a\x07"])
    blobs(environment, a=b"1").save_to(BundleFile(path))
    done = run("explain", "--unsigned", path)
    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[0] == f"{path}: 0 of 1 segments fit this host"
    assert "segment 0 at byte 0 does not: 2 facts differ" in lines
    assert any(line.startswith("  os.name: needs {Toy}, here {") for line in lines)
    assert any(line.startswith("  os.machine: needs {a\\x07, b}, here {") for line in lines)
    facts = run("explain", "--unsigned", "--json", path)
    assert facts.status == 1
    (segment,) = facts.json()["segments"]
    assert not segment["fits"]
    assert segment["differs"][1]["needs"] == ["Toy"]


def test_explain_says_that_facts_of_torch_are_unknown_where_there_is_no_torch(
    tmp_path: Path, no_torch: None
) -> None:
    path = tmp_path / "torches"
    blobs(Environment.of(torch__version="2.13.0"), a=b"1").save_to(BundleFile(path))
    done = run("explain", "--unsigned", path)
    assert (done.status, done.err) == (1, "")
    assert done.out.splitlines()[1:] == [
        "  facts of torch are unknown: No module named 'torch'",
        "segment 0 at byte 0 does not: 1 fact differs",
        "  torch.version: needs {2.13.0}, unknown on this host",
    ]


def _own_key() -> SigningKey:
    key = local_key()
    assert key is not None
    return key


def test_merge_trusts_what_a_run_trusts_and_signs_as_it_does(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    refused = run("merge", "-o", out, *two)
    assert (refused.status, out.exists()) == (1, False)
    assert refused.err.startswith(f"precompile: {two[0]}: UNSIGNED at byte ")
    own = _own_key()
    for path in two:
        BundleFile(path).sign(own)
    assert run("merge", "-o", out, *two).status == 0
    bundle = BundleFile(out).open(policy=TrustPolicy([own.verifying_key]))
    assert len(bundle.current()) == 5
    stranger = SigningKey.generate()
    BundleFile(two[1]).sign(stranger)  # beside the own one: that is enough
    assert run("merge", "-o", out, *two).status == 0


def test_explain_says_whether_a_run_would_trust_the_bundle(tmp_path: Path) -> None:
    path = tmp_path / "any"
    save(BundleFile(path), a=b"1")
    done = run("explain", path)
    assert done.status == 1
    assert "  not trusted: UNSIGNED at byte " in done.out
    assert "would be applied, were it trusted" in done.out
    facts = run("explain", "--json", path).json()
    assert not facts["ok"]
    assert facts["distrust"].startswith("UNSIGNED at byte ")
    BundleFile(path).sign(_own_key())
    assert run("explain", path).status == 0


def test_diff_says_which_file_is_bad(two: tuple[Path, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"no bundle")
    done = run("diff", two[0], bad)
    assert done.status == 1
    assert f"{bad}: NOT_A_BUNDLE at byte 0\n" in done.err


def test_explain_answers_for_another_host(tmp_path: Path) -> None:
    path, there = tmp_path / "b.precompile", tmp_path / "facts.json"
    blobs(ELSEWHERE, a=b"1").save_to(path)
    there.write_text(json.dumps({"host": {"cpu": ["avx512"], "os.name": ["Linux"]}}))
    assert run("explain", path, "--host", there).status == 0
    other = run("explain", path, "--host", there, "--fact", "cpu=avx2")
    assert (other.status, "cpu: needs {avx512}, here {avx2}" in other.out) == (1, True)
    unknown = run("explain", path, "--host", there, "--fact", "cpu=")
    assert (unknown.status, "unknown on this host" in unknown.out) == (1, True)


def test_explain_refuses_facts_that_are_none(tmp_path: Path) -> None:
    path, bad = tmp_path / "b.precompile", tmp_path / "facts.json"
    blobs(a=b"1").save_to(path)
    for content in (
        "",
        "[]",
        "{}",
        '{"host": 5}',
        '{"host": {"cpu": 5}}',
        '{"host": {"A": ["x"]}}',
    ):
        bad.write_text(content)
        done = run("explain", path, "--host", bad)
        assert (done.status, done.out) == (2, ""), content
        assert len(done.err.splitlines()) == 2
    for options, status in ((["--fact", "cpu"], 2), (["--host", tmp_path / "none"], 1)):
        assert run("explain", path, *options).status == status
    assert run("explain").status == 2


def test_facts_are_printed_of_the_compilers_that_a_bundle_names_and_no_other_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_torch: None
) -> None:
    adapter = """
        import sys
        from precompile_context import Environment
        from precompile_context.testing.second_compiler import SecondAdapter
        from tests.toys import Blob

        sys.stderr.write("{0} is imported")

        class Adapter(SecondAdapter):
            name = "{0}"
            types = ({1})

            def facts(self):
                return Environment.of({0}__version="1")
    """
    for name, types in (("alpha", "Blob,"), ("beta", "")):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(adapter).format(name, types))
    own = [str(tmp_path), os.environ["PYTHONPATH"], *filter(None, sys.path)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(own))
    # A type's name begins as its compiler's module does: here test, Python's own.
    monkeypatch.setenv("PRECOMPILE_ADAPTERS", "beta=beta:Adapter test=alpha:Adapter")
    blobs(Environment.of(alpha__version="1"), a=b"1").save_to(tmp_path / "b.precompile")
    printed = run("explain", tmp_path / "b.precompile", "--print-host")
    assert printed.json()["host"] == {"alpha.version": ["1"]}
    assert printed.err == "alpha is imported"
    everything = run("explain", "--print-host")
    assert everything.json()["host"].keys() >= {"alpha.version", "beta.version", "os.name"}
    assert "beta is imported" in everything.err


@pytest.mark.torch
def test_explain_prints_facts_that_it_takes(tmp_path: Path) -> None:
    path, facts = tmp_path / "b.precompile", tmp_path / "facts.json"
    printed = run("explain", "--print-host")
    assert (printed.status, printed.err) == (0, "")
    host = {name: frozenset(values) for name, values in printed.json()["host"].items()}
    assert "os.name" in host
    facts.write_text(printed.out)
    blobs(Environment(host), a=b"1").save_to(path)
    assert run("explain", path, "--host", facts).status == 0
    assert run("explain", path, "--host", facts, "--fact", "os.name=Elsewhere").status == 1
