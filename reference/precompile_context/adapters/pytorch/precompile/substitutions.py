"""Functions that the program has dynamo trace in the place of others (`substitute_in_graph`)."""

from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import is_pinned_file


def substitutions() -> list[str]:
    """Each with the one for which it stands, and whether dynamo calls that one where it can; what
    it does is told where it is traced.
    """
    from torch._dynamo.variables import PolyfilledFunctionVariable

    found = set()
    handlers: dict[Any, Any] = PolyfilledFunctionVariable._get_polyfill_handlers()
    for handler in list(handlers.values()):
        traced = handler.__torch_dynamo_polyfill__
        if not is_pinned_file(traced.__code__.co_filename):
            folds = handler.__torch_dynamo_can_constant_fold_through__
            names = [_name(handler.__torch_dynamo_original__), _name(traced)]
            found.add(f"{' by '.join(names)} {folds}")
    return sorted(found)


def _name(function: object) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
