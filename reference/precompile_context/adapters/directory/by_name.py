"""Adapters are announced by a module and a name in it: here, each directory's is of its name.

Nothing else in this module has a name that a directory may have.
"""

from precompile_context.adapters.directory.adapter import DirectoryAdapter as _Adapter
from precompile_context.adapters.directory.adapter import adapter_of as _adapter_of
from precompile_context.adapters.directory.named import directories as _directories


def __getattr__(name: str) -> type[_Adapter]:
    if name in _directories():
        return _adapter_of(name)
    raise AttributeError(name)
