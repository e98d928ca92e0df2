"""Entries of an action cache as registers: a key made of a name, and a value that may be replaced.

An action cache maps an action's digest to a result. Nothing is run here: the action of an
entry says which entry it is, and its result holds what was written there last.
"""

import hashlib
import re
from collections.abc import Sequence

from buildgrid.common.protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as reapi,
)
from buildgrid.common.protos.build.bazel.remote.execution.v2.remote_execution_pb2_grpc_aio import (
    ActionCacheStub,
)

from precompile_context.stores.reapi.client import Client
from precompile_context.stores.reapi.slots import Blob, Entry
from precompile_context.stores.store import MissingPieceError

# First of the arguments of the command that no machine runs.
_PROGRAM = "precompile-bundle"
_HEX = re.compile(r"[0-9a-f]{64}")
_EMPTY = hashlib.sha256(b"").hexdigest()


def key_of(arguments: Sequence[str]) -> reapi.Digest:
    """The digest of the action that stands for an entry."""
    # [STORE-020]
    command = reapi.Command(arguments=[_PROGRAM, *arguments]).SerializeToString()
    command_digest = reapi.Digest(hash=hashlib.sha256(command).hexdigest(), size_bytes=len(command))
    action = reapi.Action(
        command_digest=command_digest, input_root_digest=reapi.Digest(hash=_EMPTY)
    ).SerializeToString()
    return reapi.Digest(hash=hashlib.sha256(action).hexdigest(), size_bytes=len(action))


class Entries:
    """All entries of one bundle's name. Safe for any number of calls at once."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    async def get(self, *which: str) -> Entry | None:
        """What the entry holds; None where there is none, or what it named is gone.

        Raises:
            StoreError: that is not known.
        """
        request = reapi.GetActionResultRequest(
            instance_name=self._client.instance,
            action_digest=key_of([self._name, *which]),
        )
        try:
            found = await self._client.ask(
                ActionCacheStub, "GetActionResult", request, what=f"entry {' '.join(which)}"
            )
        except MissingPieceError:
            return None
        return _decoded(found)

    async def set(self, entry: Entry, *which: str, is_repeated: bool = True) -> None:
        """Make the entry hold that, whatever it held.

        Raises:
            StoreError: it is not known to hold that.
        """
        files = [
            reapi.OutputFile(
                path=f"{index:06d}.segment",
                digest=reapi.Digest(hash=blob.digest, size_bytes=blob.size),
            )
            for index, blob in enumerate(entry.blobs)
        ]
        request = reapi.UpdateActionResultRequest(
            instance_name=self._client.instance,
            action_digest=key_of([self._name, *which]),
            action_result=reapi.ActionResult(output_files=files, stdout_raw=entry.text.encode()),
        )
        await self._client.ask(
            ActionCacheStub,
            "UpdateActionResult",
            request,
            what=f"entry {' '.join(which)}",
            is_repeated=is_repeated,
        )


def _decoded(result: reapi.ActionResult) -> Entry:
    """What a result says; without blobs, where one of them cannot be one."""
    files = sorted(result.output_files, key=lambda file: str(file.path))
    blobs = tuple(Blob(file.digest.hash, file.digest.size_bytes) for file in files)
    if not all(_HEX.fullmatch(blob.digest) and blob.size >= 0 for blob in blobs):
        blobs = ()
    return Entry(bytes(result.stdout_raw)[:200].decode("ascii", "replace"), blobs)
