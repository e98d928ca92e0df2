"""Why a kernel was compiled: the nearest one in the bundle, and what differs."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping

from precompile_context.adapters.triton.group import unpack
from precompile_context.session.missing import Difference, Miss

# Beside what a kernel was compiled from and for, its metadata names itself and what came out.
_OUTCOMES = {"hash", "name", "shared", "tmem_size", "global_scratch_size", "profile_scratch_size"}
_KINDS = {"triton_version": "version", "source": "source"}


def described(content: bytes) -> dict[str, str]:
    """What a kernel was compiled from and for, by name; empty where that cannot be read."""
    try:
        files = unpack(content)
    except ValueError:
        return {}
    told = {}
    for name, data in files.items():
        if name.endswith(".source"):
            told["source"] = hashlib.sha256(data).hexdigest()[:16]
        elif name.endswith(".json"):
            try:
                metadata = json.loads(data)
            except (ValueError, RecursionError):
                continue
            if isinstance(metadata, dict):
                target = metadata.pop("target", None)
                told |= {k: json.dumps(v, sort_keys=True) for k, v in metadata.items()}
                if isinstance(target, dict):
                    told |= {f"target.{name}": str(value) for name, value in target.items()}
    return {name: value for name, value in told.items() if name not in _OUTCOMES}


def explained(key: str, here: Mapping[str, str], there: Iterable[tuple[str, bytes]]) -> Miss:
    """A kernel that was compiled, beside those of its name that the bundle holds."""
    candidates = [(other, tuple(_differences(described(data), here))) for other, data in there]
    if not candidates:
        return Miss(key, None, ())
    nearest, differences = min(candidates, key=lambda candidate: len(candidate[1]))
    return Miss(key, nearest, differences)


def _differences(there: Mapping[str, str], here: Mapping[str, str]) -> Iterator[Difference]:
    for name in {**there, **here}:
        if there.get(name) != here.get(name):
            kind = "target" if name.startswith("target.") else _KINDS.get(name, "config")
            yield Difference(kind, name, there.get(name), here.get(name))
