"""What a process has switched in torch where a trace reads it, and no guard of torch's compares it.

Which kernels of attention an operator is taken apart for, in which order products of an einsum are
formed: both are in a compiled graph. To which type autocast would cast: dynamo answers with it.
"""

from collections.abc import Iterator
from typing import Any

# Functions of torch._C without arguments; a release may lack some.
_SWITCHES = (
    "_get_flash_sdp_enabled",
    "_get_fa3_sdp_enabled",
    "_get_mem_efficient_sdp_enabled",
    "_get_math_sdp_enabled",
    "_get_math_sdp_allow_fp16_bf16_reduction",
    "_get_cudnn_sdp_enabled",
    "_get_overrideable_sdp_enabled",
    "_get_sdp_priority_order",
    "_get_mkldnn_enabled",
    "_get_mkldnn_deterministic",
    "_get_onednn_allow_tf32",
    "_get_nnpack_enabled",
    "_get_cudnn_enabled",
    "_get_cudnn_benchmark",
    "_get_cudnn_deterministic",
    "_get_cudnn_allow_tf32",
    "_get_float32_matmul_precision",
    "_get_deterministic_fill_uninitialized_memory",
    "_get_warnAlways",
    "_is_view_replay_enabled",
)
# What a process begins with, of those by which AOTAutograd takes operators apart.
_AT_FIRST = {
    "_get_flash_sdp_enabled": True,
    "_get_mem_efficient_sdp_enabled": True,
    "_get_math_sdp_enabled": True,
    "_get_math_sdp_allow_fp16_bf16_reduction": False,
    "_get_cudnn_sdp_enabled": True,
    "_get_overrideable_sdp_enabled": True,
    "_get_mkldnn_enabled": True,
}
# What `fp32_precision` is of, by backend and operator.
_PRECISIONS = (("generic", "all"), ("mkldnn", "all"), ("mkldnn", "matmul"), ("mkldnn", "conv"))


def switches() -> str:
    """All of them, by name."""
    return ", ".join(f"{name} {value}" for name, value in _values())


def switched() -> str:
    """Those that are not as a process begins with them, for a graph's key; "": none."""
    from torch.backends import opt_einsum

    texts = [f"{name} {value}" for name, value in _values() if _AT_FIRST.get(name, value) != value]
    strategy = opt_einsum.strategy if opt_einsum.enabled else None
    if strategy != ("auto" if opt_einsum.is_available() else None):
        texts.append(f"einsum {strategy}")
    return ", ".join(texts)


def _values() -> Iterator[tuple[str, object]]:
    import torch
    from torch.backends import opt_einsum

    for name in _SWITCHES:
        if (switch := getattr(torch._C, name, None)) is not None:
            yield name, switch()
    if (precision := getattr(torch._C, "_get_fp32_precision_getter", None)) is not None:
        for backend, operator in _PRECISIONS:
            yield f"fp32_precision of {backend} {operator}", precision(backend, operator)
    for device in torch._C._autocast_supported_devices():
        yield f"autocast on {device}", torch.get_autocast_dtype(device)
    yield "anomaly", torch.is_anomaly_enabled()
    hooked: Any = torch.nn.modules.module._has_any_global_hook
    yield "hooks of all modules", bool(hooked())
    yield "einsum", (opt_einsum.enabled, opt_einsum.strategy)
