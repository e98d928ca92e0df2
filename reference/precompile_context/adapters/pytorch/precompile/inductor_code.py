"""Code of the program's that inductor and AOTAutograd call while they compile: what their settings
hold, and what is registered for a device or an operator.

torch's keys have of most passes what these say of themselves (`uuid`), of the rest a name or
nothing. Patterns stand among torch's own, and are told apart.
"""

import contextlib
import operator
from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import is_pinned, short_digest
from precompile_context.adapters.pytorch.precompile.taking_apart import behind_wrapper
from precompile_context.adapters.pytorch.precompile.words import all_words

# Settings that hold functions, or lists of some.
_OF_INDUCTOR = (
    "pre_grad_custom_pass",
    "joint_custom_pre_pass",
    "joint_custom_post_pass",
    "post_grad_custom_pre_pass",
    "post_grad_custom_post_pass",
    "_pre_fusion_custom_pass",
    "_post_fusion_custom_pass",
    "_fuse_ddp_communication_passes",
    "reorder_for_compute_comm_overlap_passes",
    "bucket_all_gathers_fx_bucket_size_determinator",
    "bucket_reduce_scatters_fx_bucket_size_determinator",
    "bucket_all_reduces_fx_bucket_size_determinator",
    "aten_distributed_optimizations.custom_runtime_estimation",
    "custom_partitioner_fn",
    "cudagraph_policy",
    "external_matmul",
    "inductor_choices_class",
)
_OF_AUTOGRAD = ("joint_custom_pass",)


def is_there() -> bool:
    """Whether the program has given inductor anything to call."""
    return any(True for _ in _of_program())


def inductor_code_digest() -> str:
    """Of all that the program has given inductor to call; "": nothing.

    Raises:
        UnportableError: part of it has no words.
    """
    lines = [f"{where} {all_words(value, where)}" for where, value in _of_program()]
    return short_digest("\n".join(lines)) if lines else ""


def _of_program() -> Iterator[tuple[str, Any]]:
    from torch._functorch import config as of_autograd
    from torch._inductor import config as of_inductor
    from torch._inductor.codegen import common

    settings = [(of_autograd, name) for name in _OF_AUTOGRAD]
    for config, name in settings + [(of_inductor, name) for name in _OF_INDUCTOR]:
        # Not every release has every setting.
        with contextlib.suppress(AttributeError):
            value = operator.attrgetter(name)(config)
            if _is_of_program(value):
                yield f"{config.__name__}.{name}", value
    for owner, table, value in _registered():
        if _is_of_program(value):
            yield f"{table} for {owner}", value
    for device, own in list(common.custom_backend_codegen_configs.items()):
        if own is not None:  # torch has none
            yield f"settings for {device}", own._get_dict()


def _registered() -> Iterator[tuple[str, str, Any]]:
    """A device or an operator, a table, and what torch or the program has put there."""
    from torch._inductor import lowering
    from torch._inductor.codegen import common
    from torch._inductor.fx_passes import post_grad

    for device, codegen in list(common.device_codegens.items()):
        for name, value in sorted(vars(codegen).items()):
            yield device, name, value
    tables: dict[str, dict[Any, Any]] = {
        "operations": common.device_op_overrides_dict,
        "a pass": common.custom_backend_passes,
        "a layout": lowering._maybe_layout_constraints,
        "doing nothing": post_grad.noop_registry,
    }
    for table, registered in tables.items():
        for owner, value in list(registered.items()):
            yield str(owner), table, value


def _is_of_program(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_of_program, value))
    if (parts := behind_wrapper(value)) is not None:
        return any(map(_is_of_program, parts))
    return value is not None and not is_pinned(getattr(value, "__module__", None) or "builtins")
