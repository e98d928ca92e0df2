"""What the adapter uses of JAX that JAX does not promise to keep, in one place."""

import hashlib
import os
import sys
from collections.abc import Callable
from typing import Any

from precompile_context.session.adapter import UnsupportedCompilerError

# Module and function, with the parameters that are given by position.
_COMPILE = "compile_or_get_cached"
_PARAMETERS = (
    "backend",
    "computation",
    "devices",
    "compile_options",
    "host_callbacks",
    "executable_devices",
)
_PARTS = (
    "_hash_computation",
    "_hash_platform",
    "_hash_serialized_compile_options",
    "_hash_accelerator_config",
    "IgnoreCallbacks",
    "custom_hook",
    "get_flag_prefixes",
    "xla_flags_to_exclude_from_cache_key",
)
_SETTINGS = (
    "enable_compilation_cache",
    "compilation_cache_dir",
    "persistent_cache_enable_xla_caches",
    "share_binary_between_hosts",
    "enable_pgle",
    "compilation_cache_expect_pgle",
    "remove_custom_partitioning_ptr_from_cache_key",
)


def check() -> None:
    """Raise UnsupportedCompilerError where this JAX is not as the adapter knows it."""
    from jax._src import cache_key, compiler, config

    names = compiler.compile_or_get_cached.__code__.co_varnames
    if hasattr(compiler.compile_or_get_cached, "__wrapped__"):
        names = _unwrapped(compiler.compile_or_get_cached).__code__.co_varnames
    missing = [name for name in _PARTS if not hasattr(cache_key, name)]
    missing += [name for name in _SETTINGS if not hasattr(config, name)]
    missing += [name for name, there in zip(_PARAMETERS, names, strict=False) if name != there]
    if missing:
        raise UnsupportedCompilerError(
            f"this version of JAX is not supported: no {', '.join(missing)}"
        )


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def flags(cache_key: Any) -> list[str]:
    """The flags of XLA that JAX's keys hold, sorted, from where JAX takes them."""
    given = [
        *os.environ.get("XLA_FLAGS", "").split(),
        *os.environ.get("LIBTPU_INIT_ARGS", "").split(),
    ]
    prefixes = ("--xla", *cache_key.get_flag_prefixes())
    given += [argument for argument in sys.argv if argument.startswith(prefixes)]
    excluded = cache_key.xla_flags_to_exclude_from_cache_key
    return sorted(flag for flag in given if flag.partition("=")[0] not in excluded)


def digest(fill: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """What one of JAX's functions hashes into the object that it is given, as hex digits."""
    hasher = hashlib.sha256()
    fill(hasher, *args, **kwargs)
    return hasher.hexdigest()[:32]
