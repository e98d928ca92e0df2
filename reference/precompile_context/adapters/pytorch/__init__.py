"""torch.compile's caches to artifacts and back. torch is imported when a function is first used."""

from typing import TYPE_CHECKING

from precompile_context.on_demand import on_demand

if TYPE_CHECKING:
    from precompile_context.adapters.pytorch.automatic import caching_precompile, precompiling
    from precompile_context.adapters.pytorch.facts.environment import (
        fitting_environment,
        host_environment,
    )
    from precompile_context.adapters.pytorch.megacache import from_mega_cache, to_mega_cache
    from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
    from precompile_context.adapters.pytorch.precompiled import (
        PrecompiledCache,
        PrecompiledCode,
        load_precompiled,
        record_precompiled,
    )
    from precompile_context.adapters.pytorch.private import UnsupportedTorchError
    from precompile_context.adapters.pytorch.recording.capturing import capture
    from precompile_context.adapters.pytorch.serving.applying import replay
    from precompile_context.adapters.pytorch.session import WarmStart, warm_start
    from precompile_context.adapters.pytorch.stock import load_cache_artifacts, save_cache_artifacts
    from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport

_HOMES = {
    "PrecompileReport": "precompile.report",
    "PrecompiledCache": "precompiled",
    "PrecompiledCode": "precompiled",
    "UnsupportedTorchError": "private",
    "WarmStart": "session",
    "WarmStartReport": "warm_start_report",
    "caching_precompile": "automatic",
    "capture": "recording.capturing",
    "fitting_environment": "facts.environment",
    "from_mega_cache": "megacache",
    "host_environment": "facts.environment",
    "load_cache_artifacts": "stock",
    "load_precompiled": "precompiled",
    "precompiling": "automatic",
    "record_precompiled": "precompiled",
    "replay": "serving.applying",
    "save_cache_artifacts": "stock",
    "to_mega_cache": "megacache",
    "warm_start": "session",
}

__all__ = [
    "PrecompileReport",
    "PrecompiledCache",
    "PrecompiledCode",
    "UnsupportedTorchError",
    "WarmStart",
    "WarmStartReport",
    "caching_precompile",
    "capture",
    "fitting_environment",
    "from_mega_cache",
    "host_environment",
    "load_cache_artifacts",
    "load_precompiled",
    "precompiling",
    "record_precompiled",
    "replay",
    "save_cache_artifacts",
    "to_mega_cache",
    "warm_start",
]

__getattr__, __dir__ = on_demand(globals(), _HOMES)
