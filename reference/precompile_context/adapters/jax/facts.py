"""What an executable of XLA depends on, as facts of this host and process."""

import hashlib
import platform
from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.jax import private
from precompile_context.environment import Environment

# What a fact's value may hold.
_MAX_TEXT = 1024


def host_environment() -> Environment:
    """The facts of this process. Starts JAX's backends, where the program has not yet.

    XLA compiles for what it finds in force: its fingerprint of the devices covers the model and
    the features of the processor, less what XLA_FLAGS rules out, and how many devices there are.

    Raises:
        UnsupportedCompilerError: JAX lacks something that is asked.
    """
    private.check()
    return Environment({name: frozenset([_short(value)]) for name, value in _facts()})


def _facts() -> Iterator[tuple[str, str]]:
    from jax._src import cache_key, xla_bridge
    from jax._src.lib import version_str, xla_client

    backend: Any = xla_bridge.get_backend()
    devices = backend.local_devices()
    yield "os.machine", platform.machine()
    yield "jax.jaxlib_version", version_str
    yield "jax.platform", backend.platform
    yield "jax.platform_version", backend.platform_version
    yield "jax.flags", " ".join(private.flags(cache_key)) or "none"
    fingerprint = xla_client.get_topology_for_devices(devices).fingerprint()
    kinds = sorted({device.device_kind for device in devices})
    yield "jax.topology", f"{len(devices)} {', '.join(kinds)} {fingerprint:016x}"


def _short(value: str) -> str:
    data = value.encode()
    if len(data) <= _MAX_TEXT:
        return value
    return f"sha256:{hashlib.sha256(data).hexdigest()[:32]}"
