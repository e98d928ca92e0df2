"""Which saved versions may serve a frame: those of the same code, compiled in the same way."""

import types
from typing import Any

from precompile_context.adapters.pytorch.precompile.code_places import without_line
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    canonical,
    code_digest,
    function_name,
    module_name,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.identity import identity
from precompile_context.adapters.pytorch.precompile.inductor_code import inductor_code_digest
from precompile_context.adapters.pytorch.precompile.operators import table_digest
from precompile_context.adapters.pytorch.precompile.overridden import (
    overridden,
    patched,
    replaced,
)
from precompile_context.adapters.pytorch.precompile.patterns import patterns_digest
from precompile_context.adapters.pytorch.precompile.side_effects import side_effects
from precompile_context.adapters.pytorch.precompile.split_graphs import chosen_backend
from precompile_context.adapters.pytorch.precompile.substitutions import substitutions
from precompile_context.adapters.pytorch.precompile.switches_read import switches
from precompile_context.adapters.pytorch.precompile.words import all_words

# Settings of how and where is compiled, not of what.
_OF_COMPILING = frozenset(
    (
        "debug_dir_root",
        "base_dir",
        "log_file_name",
        "cutlass_dir",
        "compile_threads",
        "worker_start_method",
    )
)
# Of what a version holds: one that was saved with another is never offered.
_LAYOUT = "11"
# Of a module and a qualified name, so that the key stays one.
_MOST_NAME_CHARACTERS = 300


def frame_name(code: types.CodeType, frame_globals: dict[str, Any]) -> str:
    """Module and qualified name of a frame's function, for keys and for people."""
    module = module_name(frame_globals.get("__name__"))
    return f"{module}.{code.co_qualname}"[:_MOST_NAME_CHARACTERS]


def told_name(
    code: types.CodeType, frame_globals: dict[str, Any], frame_locals: dict[str, Any]
) -> str:
    """What people are told: torch puts a function of its own around what it does not trace by
    itself, as the forward of one of its modules.
    """
    name = frame_name(code, frame_globals)
    if not name.startswith("torch._dynamo.external_utils.wrap_inline"):
        return name
    within = frame_locals.get("fn")
    owner = getattr(within, "__self__", within)
    if isinstance(within, types.FunctionType):
        return function_name(within)
    method = getattr(within, "__name__", "forward")
    return name if within is None else f"{type_name(type(owner))}.{method}"


def frame_key(
    code: types.CodeType, frame_globals: dict[str, Any], compiler: Any, one_graph: bool, hooks: Any
) -> str:
    """Module, function, digest of its code, digest of the settings of the compile.

    Raises:
        UnportableError: it cannot be told whether another process compiles alike.
    """
    name = without_line(frame_name(code, frame_globals))
    if not name.isprintable():
        raise UnportableError("the function has no name that can be written")
    return f"{name}@{code_digest(code)}/{settings_digest(compiler, one_graph, hooks)}"


def settings_digest(compiler: Any, one_graph: bool, hooks: Any) -> str:
    """All that was asked for with torch.compile and in torch's settings.

    Raises:
        UnportableError: the backend is not inductor, or a setting cannot be compared.
    """
    import torch
    import torch.fx.experimental._config

    backend, buckets = chosen_backend(compiler)
    options, dynamic = _asked_of_inductor(backend)
    parts = {
        "options": _comparable("options", options),
        "dynamic": canonical(dynamic),
        "fullgraph": canonical(one_graph),
        "guard filter": _filter(hooks),
        "buckets": buckets,
        "dynamo": _settings(torch._dynamo.config),
        "functorch": _settings(torch._functorch.config),
        "inductor": _settings(torch._inductor.config),
        "shapes": _settings(torch.fx.experimental._config),
        "switches": switches(),
        "overridden": " ".join(overridden()),
        "patched": canonical(patched() | replaced()),
        "lowerings and decompositions": table_digest(),
        "patterns": patterns_digest(),
        "passes and backends": inductor_code_digest(),
        "side effects": " ".join(side_effects()),
        "substitutions": ", ".join(substitutions()),
        "layout": _LAYOUT,
    }
    if torch._dynamo.convert_frame._bytecode_hooks:
        raise UnportableError("the program has a hook for bytecode, which is called at a compile")
    if torch._inductor.config.freezing or options.get("freezing"):
        raise UnportableError("freezing makes weights part of the compiled graph")
    return short_digest("\n".join(f"{name}={text}" for name, text in parts.items()))


def _asked_of_inductor(backend: Any) -> tuple[dict[str, Any], Any]:
    """The options and `dynamic` of a compile by inductor.

    Raises:
        UnportableError: it is by another backend.
    """
    import torch
    from torch._dynamo.backends.registry import lookup_backend

    if type(backend) is torch._TorchCompileInductorWrapper:
        return backend.config, backend.dynamic
    inductor = lookup_backend("inductor")
    if backend is inductor:  # torch._dynamo.optimize was given its name
        return {}, None
    if isinstance(backend, torch._TorchCompileWrapper) and backend.compiler_fn is inductor:
        return dict(backend.kwargs), backend.dynamic
    raise UnportableError(f"backend {_backend_name(backend)} saves nothing; inductor does")


def _filter(hooks: Any) -> str:
    chosen = getattr(hooks, "guard_filter_fn", None)
    return "" if chosen is None else identity(chosen)


def _backend_name(backend: Any) -> str:
    function = getattr(backend, "compiler_fn", backend)  # torch.compile wraps those it is given
    return str(getattr(function, "__name__", type(function).__name__))


def _settings(config: Any) -> str:
    """A configuration module's settings, but those that change nothing that is compiled."""
    values = config._get_dict(ignored_keys=list(config._compile_ignored_keys))
    return _comparable(config.__name__, values)


def _comparable(what: str, values: dict[str, Any]) -> str:
    lines = []
    for name, value in sorted(values.items()):
        if name.rpartition(".")[2] in _OF_COMPILING:
            continue
        try:
            lines.append(f"{name}={_value(value)}")
        except UnportableError as error:
            raise UnportableError(f"{what}.{name} cannot be compared: {error}") from error
    return short_digest("\n".join(lines))


def _value(value: Any) -> str:
    # A pass that the program adds tells torch what makes it another one, and may forget a part.
    if callable(uuid := getattr(value, "uuid", None)) and not isinstance(value, type):
        return f"uuid {canonical(uuid())} {all_words(value, 'a pass')}"
    try:
        return canonical(value)
    except UnportableError:
        return identity(value)
