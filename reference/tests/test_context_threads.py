"""PrecompileContext: what happens beside a save is not lost."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from precompile_context import MisuseError, PrecompileContext, TrustPolicy
from precompile_context.bundle import Bundle, runs
from precompile_context.context import writing
from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    GRAPH,
    STEP,
    blobs,
    bundle_contents,
    contents,
    file_contents,
    graph_and_step,
    serialized,
    sha256,
    stored_backend_digest,
    toy_context,
)

# threads


class _LockWithHook:
    """A lock that calls `hook` once, when it is released for the first time."""

    def __init__(self, lock: Any, hook: Callable[[], None]) -> None:
        self._lock = lock
        self._hooks = [hook]

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._hooks:
            self._hooks.pop()()


@pytest.mark.parametrize(
    "again", [lambda c, f: c.serialize(), lambda c, f: c.save_to(f), lambda c, f: c.load(f)]
)
def test_a_save_from_within_a_save_is_misuse_and_spoils_nothing(
    again: Callable[[PrecompileContext, BundleFile], object], tmp_path: Path
) -> None:
    """As of a signal handler, or of a sink that saves: the outer one goes on."""
    file, other = BundleFile(tmp_path / "a"), BundleFile(tmp_path / "b")
    blobs(a=b"1").save_to(other)
    context, said = blobs(b=b"2"), []

    class Sink:
        def appending(self, policy: TrustPolicy) -> AbstractContextManager[Any]:
            with pytest.raises(MisuseError, match="already") as caught:
                again(context, other)
            said.append(caught)
            return file.appending(policy)

    context.save_to(Sink())
    assert said
    assert file_contents(file) == {(BLOB, "b"): b"2"}
    assert bundle_contents(serialized(context)) == {(BLOB, "b"): b"2"}


def test_what_is_recorded_while_serialize_finds_nothing_new_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = blobs(a=b"1")
    serialized(context)
    hooked = _LockWithHook(context._lock, lambda: context.record_artifact(BLOB, "b", b"2"))
    monkeypatch.setattr(context, "_lock", hooked)
    serialized(context)
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


@pytest.fixture
def while_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has a call made as by another thread once, after a save took its snapshot."""

    def arrange(call: Callable[[], object]) -> None:
        calls = [call]

        def split(artifacts: Any, removed: Any) -> Any:
            if calls:
                calls.pop()()
            return runs.split(artifacts, removed)

        monkeypatch.setattr(writing, "split", split)

    return arrange


def _save(context: PrecompileContext, file: BundleFile | None) -> bytes:
    """The bundle after a save to memory or to a file."""
    if file is None:
        return serialized(context)
    context.save_to(file)
    return file.path.read_bytes()


@pytest.mark.parametrize("to_file", [False, True])
def test_remove_while_serializing_is_written_by_the_next_serialize(
    to_file: bool, while_writing: Callable[[Callable[[], object]], None], tmp_path: Any
) -> None:
    file = BundleFile(tmp_path / "bundle") if to_file else None
    context = blobs(a=b"1", b=b"2")
    while_writing(lambda: context.remove(BLOB, "a"))
    assert bundle_contents(_save(context, file)) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}
    assert context.need_serialize()
    assert bundle_contents(_save(context, file)) == {(BLOB, "b"): b"2"}


@pytest.mark.parametrize("to_file", [False, True])
def test_record_while_serializing_is_written_by_the_next_serialize(
    to_file: bool, while_writing: Callable[[Callable[[], object]], None], tmp_path: Any
) -> None:
    file = BundleFile(tmp_path / "bundle") if to_file else None
    context = blobs(a=b"1")
    while_writing(lambda: context.record_artifact(BLOB, "a", b"2"))
    assert bundle_contents(_save(context, file)) == {(BLOB, "a"): b"1"}
    assert context.need_serialize()
    assert bundle_contents(_save(context, file)) == {(BLOB, "a"): b"2"}


@pytest.mark.parametrize("to_file", [False, True])
@pytest.mark.parametrize("renews", [False, True])
def test_recorded_again_as_it_was_while_serializing_is_there_after_the_next_serialize(
    to_file: bool,
    renews: bool,
    while_writing: Callable[[Callable[[], object]], None],
    tmp_path: Any,
) -> None:
    def again() -> None:
        if renews:
            context.renew(BLOB, "a")
        else:
            context.remove(BLOB, "a")
            context.record_artifact(BLOB, "a", content)

    file, content = BundleFile(tmp_path / "bundle") if to_file else None, b"1"
    context = blobs(a=content)
    _save(context, file)
    context.record_artifact(BLOB, "b", b"2")
    while_writing(again)
    for _ in range(2):
        assert bundle_contents(_save(context, file)) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


def test_edit_while_serializing_is_written_by_the_next_serialize(
    while_writing: Callable[[Callable[[], object]], None],
) -> None:
    context = graph_and_step()
    while_writing(lambda: context.edit_artifact("g", bytes.upper))
    assert stored_backend_digest(serialized(context)) == sha256(b"graph")
    assert context.need_serialize()
    assert stored_backend_digest(serialized(context)) == sha256(b"GRAPH")


def test_clear_while_serializing_leaves_the_context_empty(
    while_writing: Callable[[Callable[[], object]], None],
) -> None:
    context = blobs(a=b"1")
    while_writing(context.clear)
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1"}
    assert context.serialize() is None


def test_eight_threads_record_while_another_serializes() -> None:
    """Every bundle is whole, each extends the one before, and the last one holds all."""
    context = toy_context()
    threads, each = 8, 40
    start = threading.Barrier(threads + 1)

    def record(thread: int) -> None:
        start.wait()
        for number in range(each):
            context.record_artifact(GRAPH, f"{thread} {number}", b"%d" % number)
            context.record_artifact(
                STEP, f"{thread} {number}", b"step", backends=[(GRAPH, f"{thread} {number}")]
            )
            if number % 3 == 0:
                context.edit_artifact(f"{thread} {number}", lambda content: content + b" edited")
            if number % 5 == 0:
                context.remove(STEP, f"{thread} {number}")

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(record, thread) for thread in range(threads)]
        start.wait()
        saved = [b""]
        while not all(future.done() for future in running):
            saved.append((context.serialize() or (b"",))[0])
        for future in running:
            future.result()
    saved.append(serialized(context))
    assert all(b.startswith(a) for a, b in itertools.pairwise(saved))
    assert bundle_contents(saved[-1]) == contents(context)
    assert len(contents(context)) == threads * (2 * each - each // 5)
    assert not context.need_serialize()
    for stored in Bundle.open(saved[-1], policy=UNSIGNED).current().values():
        for backend in stored.backends:
            current = {id_.key: id_ for id_ in context.current() if id_.type == GRAPH}
            assert current[backend.key] == backend


def test_two_threads_that_serialize_give_whole_bundles() -> None:
    context = blobs(a=b"1")
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: serialized(context), range(20)))
    assert set(results) == {serialized(context)}
