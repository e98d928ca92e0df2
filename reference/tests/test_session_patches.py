"""Wrappers go in and come out, whatever kind of function they stand around."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from precompile_context.adapters.pytorch import private
from precompile_context.session.patches import Patches
from tests import hanging


class Target:
    def method(self, x: int) -> tuple[str, int]:
        return type(self).__name__, x

    @classmethod
    def of_class(cls, x: int) -> tuple[str, int]:
        return cls.__name__, x

    @staticmethod
    def static(x: int) -> tuple[str, int]:
        return "static", x


class Derived(Target):
    pass


NAMES = ("method", "of_class", "static")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrapper_stands_in_for_any_kind_of_function(name: str) -> None:
    before = vars(Target)[name]
    plain = getattr(Derived(), name)(1)
    patches = Patches()

    def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return "wrapped", original(*args, **kwargs)

    patches.wrap(Target, name, around)
    assert getattr(Derived(), name)(1) == getattr(Derived(), name)(x=1) == ("wrapped", plain)
    patches.undo()
    assert vars(Target)[name] is before


def test_a_wrapper_below_another_tools_hands_on() -> None:
    owner = SimpleNamespace(name=lambda: "original")
    patches = Patches()
    patches.wrap(owner, "name", lambda original: "ours")
    ours: Callable[[], str] = owner.name

    def theirs() -> str:
        return f"their {ours()}"

    owner.name = theirs
    assert theirs() == "their ours"
    patches.undo()
    assert owner.name is theirs
    assert theirs() == "their original"


def test_a_missing_name_is_an_unsupported_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = SimpleNamespace(__version__="9.9")
    there = {private.NAMES[0].module: SimpleNamespace(CacheArtifactManager=SimpleNamespace())}
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(importlib, "import_module", there.__getitem__)
    with pytest.raises(private.UnsupportedTorchError, match=r"torch 9\.9 .*record_artifact"):
        private.check()


def test_importing_the_adapter_imports_no_torch() -> None:
    code = (
        "import sys, precompile_context.adapters.pytorch as p\n"
        "assert 'torch' not in sys.modules\n"
        "[getattr(p, name) for name in p.__all__]\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=hanging.SECONDS)
