"""Why a graph was not found, from what torch wrote of it."""

import hashlib
import pickle
from base64 import b32encode
from typing import Any

import pytest

from precompile_context import Environment
from precompile_context.adapters.pytorch.recording.misses import Misses, lines_in
from precompile_context.bundle import Bundle, NewArtifact
from precompile_context.session.missing import as_json, as_lines
from precompile_context.session.patches import Patches
from precompile_context.trust import UNSIGNED
from tests.toys import HERE, flip, new_artifact, write_segment

pytestmark = pytest.mark.torch

METADATA = "TensorMetadata(dtype=torch.float32, shape=torch.Size([{}]), stride=(1,), " + ", ".join(
    f"is_{word}=False" for word in ("quantized", "conj", "neg", "inference", "sparse")
)
ONE = {
    "gm": "GraphModule()\n\ndef forward(self, x):\n    return sin(x)\n",
    "example_inputs[0]": METADATA.format(8),
    "fx_kwargs[is_backward]": "False",
    "inductor_config[max_autotune]": "False",
    "torch_version": "b'2.13'",
}


def lines(values: dict[str, str]) -> list[str]:
    """As torch writes them: a digest, a name and a value."""
    return [f"[{digest(value)}] {name}: {value}" for name, value in values.items()]


def digest(value: str) -> str:
    return b32encode(hashlib.sha256(value.encode()).digest()).decode().lower()[:51]


def graph(key: str, values: dict[str, str], guards: str | None = None) -> NewArtifact:
    state = {"_fx_graph_cache_debug_lines": lines(values), "guards_expr": guards, "seconds": 1.5}
    return new_artifact(key, pickle.dumps(state), type="inductor", torch_key=key)


def explained(
    missed: dict[str, dict[str, str]],
    data: bytes | None,
    environment: Environment | None = None,
) -> list[Any]:
    patches = Patches()
    misses = Misses(patches)
    for key, values in missed.items():
        misses._load_with_key(lambda *_: (None, {}), key, lines(values))
    misses._load_with_key(lambda *_: ("graph", {}), "found", lines(ONE))
    patches.undo()
    bundle = None if data is None else Bundle.open(data, policy=UNSIGNED)
    return list(as_json(misses.explained(bundle, environment or Environment())))


def test_the_nearest_graph_is_named_and_what_differs_in_it() -> None:
    far = {**ONE, "gm": "other", "torch_version": "b'2.12'", "cache_key_tag": "''"}
    data = write_segment(graph("far", far), graph("near", ONE))
    (miss,) = explained({"new": {**ONE, "example_inputs[0]": METADATA.format(9)}}, data)
    assert (miss["key"], miss["nearest"]) == ("new", "near")
    assert miss["differences"] == [
        {
            "kind": "inputs",
            "name": "example_inputs[0]",
            "there": METADATA.format(8),
            "here": METADATA.format(9),
        }
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gm", "source"),
        ("inductor_config[max_autotune]", "config"),
        ("torch_version", "version"),
        ("something_new", "config"),
    ],
)
def test_each_difference_is_of_a_kind(name: str, kind: str) -> None:
    (miss,) = explained({"new": {**ONE, name: "other"}}, write_segment(graph("old", ONE)))
    (difference,) = miss["differences"]
    assert (difference["kind"], difference["name"]) == (kind, name)
    assert (difference["there"], difference["here"]) == (ONE.get(name), "other")


def test_a_value_that_is_told_otherwise_and_has_the_same_digest_is_the_same() -> None:
    """As of functions, whose addresses change."""
    there = [f"[{digest('f')}] fx_kwargs[f]: <function f at 0x7f0>"]
    stored = new_artifact("old", pickle.dumps(there), type="inductor", torch_key="old")
    patches = Patches()
    misses = Misses(patches)
    here = [f"[{digest('f')}] fx_kwargs[f]: <function f at 0x8f8>"]
    misses._load_with_key(lambda *_: (None, {}), "new", here)
    patches.undo()
    (miss,) = misses.explained(Bundle.open(write_segment(stored), policy=UNSIGNED), Environment())
    assert (miss.nearest, miss.differences) == ("old", ())


def test_where_the_key_is_there_its_guards_are_told() -> None:
    data = write_segment(graph("same", ONE, "L['s0'] < 10"), graph("other", ONE))
    (miss,) = explained({"same": ONE}, data)
    assert miss["nearest"] == "same"
    assert [(d["kind"], d["there"]) for d in miss["differences"]] == [("guards", "L['s0'] < 10")]


def test_where_no_segment_fits_its_facts_are_told() -> None:
    data = write_segment(graph("old", ONE), requirements=HERE.requirements())
    (miss,) = explained({"new": ONE}, data, Environment.of(cpu="sse"))
    assert miss["nearest"] is None
    (difference,) = miss["differences"]
    assert difference == {"kind": "environment", "name": "cpu", "there": "avx2", "here": "sse"}


def test_without_a_bundle_there_is_nothing_to_compare_with() -> None:
    empty = write_segment()
    for data in (None, empty):
        assert explained({"new": ONE}, data) == [{"key": "new", "nearest": None, "differences": []}]


def test_nothing_is_told_where_nothing_was_missed() -> None:
    assert explained({}, write_segment(graph("old", ONE))) == []


def test_damaged_and_foreign_contents_are_passed_over() -> None:
    data = write_segment(graph("a", ONE))
    assert explained({"new": ONE}, flip(data, 60))[0]["nearest"] is None
    assert lines_in(b"no pickle") == {}


def test_nothing_is_unpickled() -> None:
    class Explodes:
        def __reduce__(self) -> Any:
            return exec, ("raise AssertionError",)

    assert lines_in(pickle.dumps([Explodes(), *lines(ONE)])).keys() == ONE.keys()


def test_a_person_is_told_where_long_values_differ() -> None:
    data = write_segment(graph("near", ONE))
    here = {**ONE, "example_inputs[0]": METADATA.format(9), "gm": ONE["gm"].replace("sin", "cos")}
    patches = Patches()
    misses = Misses(patches)
    misses._load_with_key(lambda *_: (None, {}), "new", lines(here))
    patches.undo()
    explained = misses.explained(Bundle.open(data, policy=UNSIGNED), Environment())
    assert list(as_lines(explained)) == [
        "missed graph new; nearest is near, which differs in",
        "    source: gm: return sin(x) there, return cos(x) here",
        "    inputs: example_inputs[0]: shape=torch.Size([8]) there, shape=torch.Size([9]) here",
    ]
    assert list(as_lines(explained, shown=1))[-1] == "    and 1 more"
