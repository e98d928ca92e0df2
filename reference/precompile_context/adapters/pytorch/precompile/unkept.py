"""Why torch keeps no graph of a compile: it says so to its log alone, or waits for a backward."""

import pickle
from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.precompile import compile_settings
from precompile_context.session.patches import Patches

_ITS_BACKWARD = (
    "a graph was not saved: its backward was never run, and torch saves a graph with both; use"
    " torch.no_grad(), or set torch._functorch.config.force_non_lazy_backward_lowering"
)
_OF_COMPILED_AUTOGRAD = (
    "a graph was not saved: compiled autograd takes its backward apart, and torch saves a graph"
    " with both"
)
_OTHER_SETTINGS = (
    "a graph was not saved: its backward was compiled under other settings of inductor; give"
    " them to torch.compile as options, which hold for both"
)
_NOT_TOLD = "a graph was not saved: torch keeps none of it, and does not say why"


class Unkept:
    """The reasons, by a graph's global name, of what is compiled from `start` on."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._names: dict[int, str] = {}  # by the number of a graph, which its backward has too

    def start(self, patches: Patches) -> None:
        """Put the hooks in."""
        from torch._dynamo import compiled_autograd
        from torch._functorch._aot_autograd import autograd_cache, graph_compile

        patches.wrap(autograd_cache, "autograd_cache_key", self._key)
        patches.wrap(autograd_cache.AOTAutogradCache, "save", self._save)
        patches.wrap(graph_compile, "_cache_autograd_info", self._waiting)
        patches.wrap(compiled_autograd, "extract_bw_module", self._taken_apart)

    def why(self, graph: str) -> str:
        """Why there is no graph of this name."""
        return self._reasons.get(graph, _NOT_TOLD)

    def _key(
        self,
        original: Callable[..., Any],
        module: Any,
        inputs: Any,
        config: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """A graph without a key is not cached; torch takes whatever is raised for the reason."""
        try:
            return original(module, inputs, config, *args, **kwargs)
        except Exception as error:
            self._is(config.precompile_backend_id, f"torch cannot cache its graph: {_told(error)}")
            raise

    def _save(self, original: Callable[..., Any], key: str, entry: Any, remote: bool) -> None:
        """A graph that cannot be pickled is told in a warning; of one that is kept, torch takes
        the name away.
        """
        about = entry.sanitized_aot_config
        name = about.precompile_backend_id
        self._is(name, _NOT_TOLD)
        original(key, entry, remote)
        if compile_settings.are_two(entry):
            self._is(name, _OTHER_SETTINGS)
        elif about.precompile_backend_id is not None:
            self._is(name, f"torch cannot pickle its graph: {_fault_of(entry)}")

    def _waiting(self, original: Callable[..., Any], config: Any, *args: Any, **kwargs: Any) -> Any:
        """Forward is compiled; what is to save both is kept where backward is yet to come."""
        saves, entry = original(config, *args, **kwargs)
        if saves is None:
            return saves, entry
        name = config.precompile_backend_id
        self._names[config.aot_id] = name
        self._is(name, _ITS_BACKWARD)

        def save(*args: Any, **kwargs: Any) -> Any:
            self._is(name, _NOT_TOLD)  # its backward is run
            return saves(*args, **kwargs)

        return save, entry

    def _taken_apart(self, original: Callable[..., Any], function: Any) -> Any:
        """Compiled autograd makes a backward part of a graph of its own."""
        self._is(self._names.get(function._aot_id), _OF_COMPILED_AUTOGRAD)
        return original(function)

    def _is(self, graph: str | None, reason: str) -> None:
        if graph is not None:
            self._reasons[graph] = " ".join(reason.split())


def _told(error: BaseException) -> str:
    """What an error says, and those behind it that say more."""
    text = str(error) or type(error).__name__
    cause = error.__cause__
    return text if cause is None or str(cause) in text else f"{text}: {_told(cause)}"


def _fault_of(entry: Any) -> str:
    from torch.utils._python_dispatch import _disable_current_modes

    try:
        entry.pre_save()
        with _disable_current_modes():
            pickle.dumps(entry)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it could be a moment later"
