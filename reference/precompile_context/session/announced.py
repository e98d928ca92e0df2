"""The adapters that installed distributions announce, each made when its module is imported."""

import importlib

from _precompile_run import announced, complain
from precompile_context.errors import MisuseError
from precompile_context.locks import WorkLock
from precompile_context.session.adapter import Adapter

_made: dict[str, Adapter | None] = {}
# A child that is forked while another thread imports an adapter does not wait for it for ever.
_lock = WorkLock()


def adapters_of(module: str) -> list[Adapter]:
    """Those that wait for this module, each made once; what fails is told, once."""
    values = dict.fromkeys(value for name, value in announced() if name == module)
    return [adapter for value in values if (adapter := made(value)) is not None]


def made(value: str) -> Adapter | None:
    """The adapter that an entry point's value names; None where it cannot be made."""
    with _lock:
        if value not in _made:
            _made[value] = None
            try:
                _made[value] = _make(value)
            except Exception as error:  # code of another package
                complain(error)
        return _made[value]


def _make(value: str) -> Adapter:
    module, _, name = value.partition(":")
    cls = getattr(importlib.import_module(module), name)
    adapter = cls()
    if not isinstance(adapter, Adapter):
        raise MisuseError(f"{value} is announced as an adapter, and is none")
    return adapter
