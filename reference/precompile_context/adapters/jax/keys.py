"""The key of an executable: all that JAX's own key holds, but for what differs between places.

JAX's holds the text of the cache directory's name, by way of options that tell XLA where to
keep files, and the name of the compression of its entries. Neither changes what is compiled.
Nothing of a key is ever replaced by another host's: an executable for another processor is
loaded without a word, and dies of the first instruction that is not there.
"""

import copy
import hashlib
from dataclasses import dataclass
from typing import Any

from precompile_context.adapters.jax.private import digest, flags

# As much of a function's name as stands in front of the digest.
_NAME_PART = 200


@dataclass(frozen=True, slots=True)
class Question:
    """What JAX is about to compile. The digests are of its parts; the key is of all of them."""

    key: str
    program: str
    options: str
    devices: str

    @property
    def name(self) -> str:
        """The function's, as JAX gives it to the program."""
        return self.key.rpartition("-")[0]


def question(backend: Any, computation: Any, devices: Any, compile_options: Any) -> Question:
    """The question that these arguments of JAX's compile function ask."""
    from jax._src import cache_key, config
    from jax._src.lib import version_str
    from jax._src.lib.mlir import ir

    ignored = cache_key.IgnoreCallbacks.NO
    if config.remove_custom_partitioning_ptr_from_cache_key.value:
        ignored = cache_key.IgnoreCallbacks.CUSTOM_PARTITIONING
    program = digest(cache_key._hash_computation, computation, ignored)
    options = digest(
        cache_key._hash_serialized_compile_options,
        _placeless(compile_options),
        # As JAX does for the processes of one job.
        strip_device_assignment=backend.platform == "gpu",
    )
    topology = digest(cache_key._hash_accelerator_config, devices)
    platform = digest(cache_key._hash_platform, backend)
    parts = [version_str, platform, *flags(cache_key), cache_key.custom_hook()]
    whole = "\0".join([program, options, topology, *parts]).encode()
    name = ir.StringAttr(computation.operation.attributes["sym_name"]).value
    key = f"{_printable(name)}-{hashlib.sha256(whole).hexdigest()}"
    return Question(key, program, options, topology)


def _placeless(compile_options: Any) -> Any:
    """The options without the names of directories that XLA keeps files in."""
    placeless = copy.deepcopy(compile_options)
    debug = placeless.executable_build_options.debug_options
    debug.xla_gpu_kernel_cache_file = ""
    debug.xla_gpu_per_fusion_autotune_cache_dir = ""
    return placeless


def _printable(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "_" for c in name)[:_NAME_PART]
