"""Tensors, and arrays of numpy's, in words: by their type and, where that counts, their content."""

import ctypes
import hashlib
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import UnportableError

# One that is larger is no constant of a program.
_MOST_BYTES = 64 << 20


def array_words(value: Any, path: str, *, contents: bool) -> str | None:
    """The words of a tensor or an array; None for anything else.

    With `contents`, two tensors have the same words only where their bytes are equal, too.

    Raises:
        UnportableError: it cannot be compared, or is too large to be.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return _tensor(value, path, contents)
    if type(value).__module__ != "numpy" or not hasattr(value, "tobytes"):
        return None
    if value.dtype.hasobject or value.nbytes > _MOST_BYTES:
        raise UnportableError(f"{path} is an array that cannot be compared")
    digest = hashlib.sha256(value.tobytes()).hexdigest()
    return f"{type(value).__name__} {value.dtype} {value.shape} {digest}"


def _tensor(tensor: Any, path: str, contents: bool) -> str:
    import torch

    text = f"tensor {tensor.dtype} {tensor.device} {tensor.requires_grad}"
    if not contents:
        return text
    is_plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    if not is_plain or tensor.layout is not torch.strided:
        raise UnportableError(f"{path} is a tensor that cannot be compared")
    size = tensor.numel() * tensor.element_size()
    if size > _MOST_BYTES or tensor.is_meta:
        raise UnportableError(f"{path} is a tensor that is too large to be compared")
    plain = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
    content = ctypes.string_at(plain.data_ptr(), size) if size else b""
    return f"{text} {tuple(tensor.shape)} {hashlib.sha256(content).hexdigest()}"
