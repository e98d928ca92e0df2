"""Every input that fuzzing keeps, through every target that takes it, on any machine."""

import random
from pathlib import Path

import pytest
from fuzz import mutator, seeds
from fuzz.bounds import MAX_INPUT
from fuzz.targets import TARGETS, answer

from precompile_context import ErrorCode

CORPUS = Path(seeds.__file__).parent / "corpus"
ANSWERS = {"ok", *ErrorCode.__members__}


def _inputs(corpus: str) -> list[bytes]:
    kept = [path.read_bytes() for path in sorted((CORPUS / corpus).iterdir())]
    return kept + [data for name, data in seeds.seeds() if name == corpus]


@pytest.mark.usefixtures("no_sync")
@pytest.mark.parametrize("name", TARGETS)
def test_every_input_of_the_corpus_is_answered(name: str) -> None:
    answers = [answer(TARGETS[name], data) for data in _inputs(TARGETS[name].corpus)]
    assert set(answers) <= ANSWERS
    assert "ok" in answers  # else the corpus reaches nothing


def test_the_corpus_is_small() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_INPUT
    assert {path.parent.name for path in files} == {target.corpus for target in TARGETS.values()}


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_mutated_bundle_is_sealed_so_that_changes_reach_what_is_behind_the_digests() -> None:
    """Of random changes, far more reach the decoded manifest or the content than are refused."""
    whole = max((data for corpus, data in seeds.seeds() if corpus == "bundle"), key=len)
    answers = []
    for seed in range(300):
        choose = random.Random(seed)

        def raw(data: bytes, most: int, choose: random.Random = choose) -> bytes:
            at = choose.randrange(len(data) + 1)
            return (data[:at] + choose.randbytes(1) + data[at + 1 :])[:most]

        answers.append(
            answer(TARGETS["reader"], mutator.mutate_bundle(whole, choose, raw, MAX_INPUT))
        )
    deep = {"ok"} | {code.name for code in ErrorCode if code >= 300}
    assert sum(result in deep for result in answers) > 150
    assert len(set(answers)) >= 8
