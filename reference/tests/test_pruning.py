"""What `prune` takes of a bundle, and what it leaves."""

from pathlib import Path

import pytest

from precompile_context import BundleFile
from precompile_context.compare.pruning import Rules
from precompile_context.errors import MisuseError
from precompile_context.files.pruning import prune_file
from precompile_context.trust import UNSIGNED
from tests.toys import BLOB, ELSEWHERE, GRAPH, HERE, STEP, blobs, file_contents, noise, toy_context


def _keys(file: BundleFile) -> set[str]:
    return {key for _, key in file_contents(file)}


def _versions(file: BundleFile, *codes: str) -> None:
    """A function that was edited again and again: an entry and a graph for each code."""
    for code in codes:
        context = toy_context()
        context.record_artifact(GRAPH, f"g-{code}", code.encode())
        context.record_artifact(
            STEP, f"s-{code}", b"step", backends=[(GRAPH, f"g-{code}")], guard=code
        )
        context.save_to(file)


def test_of_a_function_that_was_edited_the_last_version_stays_with_its_graph(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("precompile_context.compare.pruning._FRAME", "guard")
    _versions(file, "m.f@1/x", "m.f@2/x", "m.f@3/x", "m.f@4/x", "m.f@1/y", "m.<lambda>@1/x")
    _versions(file, "m.<lambda>@2/x")
    pruned, _ = prune_file(file, Rules(superseded=True), policy=UNSIGNED, last_used={})
    kept = ("m.f@4/x", "m.f@1/y", "m.<lambda>@1/x", "m.<lambda>@2/x")
    assert _keys(file) == {f"{part}-{code}" for code in kept for part in "gs"}
    assert set(pruned.places.values()) == {"superseded"}


def test_what_was_not_used_goes_and_what_other_hosts_use_stays(file: BundleFile) -> None:
    blobs(HERE, old=b"1", new=b"2", never=b"3").save_to(file)
    blobs(ELSEWHERE, theirs=b"4").save_to(file)
    used = {(BLOB, "old"): 10.0, (BLOB, "new"): 30.0}
    prune_file(file, Rules(unused_since=20.0), policy=UNSIGNED, last_used=used)
    bundle = file.open(policy=UNSIGNED)
    assert {key for _, key in bundle.current()} == {"new", "theirs"}


def test_a_backend_stays_where_an_entry_that_names_it_was_used(file: BundleFile) -> None:
    _versions(file, "a", "b")
    used = {(STEP, "s-a"): 30.0, (GRAPH, "g-a"): 1.0, (STEP, "s-b"): 1.0, (GRAPH, "g-b"): 1.0}
    prune_file(file, Rules(unused_since=20.0), policy=UNSIGNED, last_used=used)
    assert _keys(file) == {"s-a", "g-a"}


def test_an_environment_goes_by_a_fact_that_it_requires(file: BundleFile) -> None:
    blobs(HERE, ours=b"1").save_to(file)
    blobs(ELSEWHERE, theirs=b"2").save_to(file)
    rules = Rules(environment=(("cpu", "avx512"),))
    _, bundle = prune_file(file, rules, policy=UNSIGNED, last_used={})
    assert len(bundle.segments) == 1
    assert {key for _, key in bundle.current()} == {"ours"}


def test_a_bundle_becomes_no_larger_than_it_may_be_without_what_was_used_longest_ago(
    file: BundleFile,
) -> None:
    blobs(**{f"k{number}": noise(20_000, number) for number in range(10)}).save_to(file)
    used = {(BLOB, f"k{number}"): float(number) for number in range(10)}
    _, bundle = prune_file(file, Rules(max_bytes=90_000), policy=UNSIGNED, last_used=used)
    assert 40_000 < bundle.size <= 90_000
    assert file.path.stat().st_size == bundle.size
    kept = _keys(file)
    assert kept == {f"k{number}" for number in range(10 - len(kept), 10)}
    before = file.path.read_bytes()
    prune_file(file, Rules(max_bytes=90_000), policy=UNSIGNED, last_used=used)
    assert file.path.read_bytes() == before


def test_where_no_use_is_known_what_was_recorded_first_goes_first(file: BundleFile) -> None:
    recorded = [f"k{number}" for number in reversed(range(10))]
    blobs(**{key: noise(20_000, seed) for seed, key in enumerate(recorded)}).save_to(file)
    prune_file(file, Rules(max_bytes=90_000), policy=UNSIGNED, last_used={})
    kept = _keys(file)
    assert 2 <= len(kept) <= 4
    assert kept == set(recorded[-len(kept) :])


def test_nothing_is_changed_by_a_dry_run_or_where_nothing_would_be_left(file: BundleFile) -> None:
    blobs(HERE, a=b"1", b=b"2").save_to(file)
    before = file.path.read_bytes()
    rules = Rules(unused_since=20.0)
    used = {(BLOB, "a"): 10.0, (BLOB, "b"): 30.0}
    pruned, _ = prune_file(file, rules, policy=UNSIGNED, last_used=used, dry_run=True)
    assert [name for _, name in pruned.places] == [(BLOB, "a")]
    with pytest.raises(MisuseError, match="remove the file"):
        prune_file(file, Rules(max_bytes=10), policy=UNSIGNED, last_used=used)
    assert file.path.read_bytes() == before
    assert [path.name for path in Path(file.path.parent).iterdir()] == [file.path.name]
