"""Guards in words that tell versions of a frame apart, and that are the same in any process."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.identity import identity

# Those of which torch's lines of code have an address, and nothing of what is compared.
_BESIDE_TENSORS = frozenset(("TENSOR_SUBCLASS_METADATA_MATCH", "DTENSOR_SPEC_MATCH"))
# Addresses in what torch says of a guard.
_ADDRESS = re.compile(r"\b\d{9,}\b|0x[0-9a-f]+")


def digest(texts: Iterable[str], output_graph: Any) -> str:
    """Of the texts, without the number in the name that dynamo has made up for the builtins."""
    if made_up := output_graph.name_of_builtins_dict_key_in_fglobals:
        texts = [text.replace(made_up, "builtins") for text in texts]
    return short_digest("\n".join(sorted(texts)))


def of_guard(guard: Any, get: Callable[[Any], Any], output_graph: Any) -> str:
    """What a guard compares; `get` gives its object."""
    kind = guard.create_fn_name()
    text = f"{guard.name} {kind} {_ADDRESS.sub('', repr(guard.code_list))}"
    if kind == "TENSOR_MATCH":
        text += f" {_of_tensor(get(guard), guard.originating_source, output_graph)}"
    if kind in _BESIDE_TENSORS:
        text += f" {_of_metadata(get(guard))}"
    return text


def of_state(output_graph: Any) -> list[str]:
    """What torch's guards of its own state compare: their lines of code do not have it."""
    state = getattr(output_graph, "global_state_guard", None)
    modes = getattr(output_graph, "torch_function_mode_stack", None) or ()
    return [
        f"state {state.__getstate__() if state is not None else ''}",
        f"modes {' '.join(type_name(type(mode)) for mode in modes)}",
    ]


def _of_tensor(tensor: Any, source: Any, output_graph: Any) -> str:
    """What torch's guard of a tensor compares: its lines of code do not have it."""
    import torch

    sizes = output_graph.input_source_to_sizes_strides.get(source, {})
    fixed = [
        [number if isinstance(number, int) else None for number in sizes.get(name, ())]
        for name in ("size", "stride")
    ]
    keys = torch._C._dispatch_keys(tensor)
    about = (tensor.dtype, tensor.device, tensor.requires_grad, type(tensor).__qualname__, keys)
    return f"{about} {fixed}"


def _of_metadata(value: Any) -> str:
    """What torch's guard of what a subclass of a tensor keeps beside tensors compares: likewise."""
    flatten = getattr(value, "__tensor_flatten__", None)
    metadata = value if flatten is None else flatten()[1]
    try:
        return identity(metadata)
    except UnportableError:
        return _ADDRESS.sub("", repr(metadata))
