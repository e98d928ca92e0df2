"""A bundle in the shape of an image of one file, which image volumes mount."""

import gzip
import io
import json
import platform
import tarfile
from typing import Any

from precompile_context.stores.registry import manifests
from precompile_context.stores.registry.manifests import Layer

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
NOTE = "vnd.precompile.image"
FILE = "bundle.precompile"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def layer(data: bytes) -> tuple[bytes, str]:
    """A layer with the bundle as its one file, the same for equal bundles; and its tar's digest.

    The gzip stores: a bundle is compressed.
    """
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(FILE)
        entry.size, entry.mode = len(data), 0o444
        archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(tar.getvalue(), compresslevel=0, mtime=0), manifests.digest_of(
        tar.getvalue()
    )


def config(diff_id: str) -> bytes:
    """An image's configuration, for machines like this one."""
    machine = platform.machine().lower()
    found = {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    return json.dumps(found, separators=(",", ":"), sort_keys=True).encode()


def manifest(layer_data: bytes, config_data: bytes, piece: str) -> bytes:
    """The image's manifest, which says that it is one of ours."""

    def named(kind: str, data: bytes) -> dict[str, Any]:
        return manifests.descriptor(kind, Layer(manifests.digest_of(data), len(data)))

    found = {
        "schemaVersion": 2,
        "mediaType": manifests.MANIFEST,
        "config": named(CONFIG_TYPE, config_data),
        "layers": [named(LAYER_TYPE, layer_data)],
        "annotations": {NOTE: piece},
    }
    return json.dumps(found, separators=(",", ":"), sort_keys=True).encode()
