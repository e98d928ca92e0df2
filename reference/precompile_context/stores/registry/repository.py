"""A repository of a registry, as the distribution API of OCI has it: tags, manifests, layers."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from precompile_context.stores.registry import manifests
from precompile_context.stores.registry.client import Client
from precompile_context.stores.registry.manifests import Layer
from precompile_context.stores.store import MissingPieceError, StoreError

_PAGES = 1000
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class Repository:
    """What is asked of one repository.

    Raises:
        StoreError: by every method, where the registry refuses or answers what it cannot mean;
            MissingPieceError where something is not there.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tags(self) -> AsyncIterator[str]:
        """All of them; none where there is no such repository yet."""
        path, what = "tags/list?n=1000", "the list of tags"
        for _ in range(_PAGES):
            try:
                answer = await self._client.ask("GET", path, what=what)
            except MissingPieceError:
                return
            tags = manifests.parse(answer.body, what).get("tags")
            for tag in tags if isinstance(tags, list) else ():
                yield str(tag)
            more = _NEXT.search(answer.headers.get("link", ""))
            if more is None:
                return
            path = more[1]
        raise StoreError("the list of tags does not end")

    async def get_manifest(self, reference: str, what: str) -> bytes:
        """Its bytes, by tag or by digest; `what` names it in messages."""
        headers = {"Accept": manifests.ACCEPTED}
        answer = await self._client.ask("GET", f"manifests/{reference}", what=what, headers=headers)
        if reference.startswith("sha256:") and manifests.digest_of(answer.body) != reference:
            raise StoreError(f"{what}: its digest is another: it was altered")
        return answer.body

    async def put_manifest(self, reference: str, data: bytes) -> Mapping[str, str]:
        """Its registry's headers."""
        answer = await self._client.ask(
            "PUT",
            f"manifests/{reference}",
            what=f"manifest {reference}",
            headers={"Content-Type": str(manifests.parse(data, "it").get("mediaType"))},
            content=data,
        )
        return answer.headers

    async def delete_manifest(self, tag: str, what: str) -> None:
        """Take a tag's manifest away, if it is there."""
        with contextlib.suppress(MissingPieceError):
            found = manifests.digest_of(await self.get_manifest(tag, what))
            await self._client.ask("DELETE", f"manifests/{found}", what=what)

    async def read(self, layer: Layer, offset: int, size: int) -> bytes:
        """A range of a layer; a whole one has its digest."""
        what = f"layer {layer.digest}"
        is_whole = (offset, size) == (0, layer.size)
        headers = {} if is_whole else {"Range": f"bytes={offset}-{offset + size - 1}"}
        skip = 0 if is_whole else offset
        answer = await self._client.ask(
            "GET",
            f"blobs/{layer.digest}",
            what=what,
            headers=headers,
            most=size,
            skip=skip,
            is_small=False,
        )
        if len(answer.body) != size:
            raise StoreError(f"{what}: {len(answer.body)} bytes came of the {size} asked for")
        if is_whole and manifests.digest_of(answer.body) != layer.digest:
            raise StoreError(f"{what}: its digest is another: it was altered")
        return answer.body

    async def upload(self, layer: Layer, data: bytes) -> None:
        """Push a layer where it is not there."""
        what = f"layer {layer.digest}"
        with contextlib.suppress(MissingPieceError):
            await self._client.ask("HEAD", f"blobs/{layer.digest}", what=what)
            return
        begun = await self._client.ask("POST", "blobs/uploads/", what=what)
        place = begun.headers.get("location")
        if not place:
            raise StoreError(f"{what}: the registry does not say where to")
        place += ("&" if "?" in place else "?") + f"digest={quote(layer.digest, safe='')}"
        headers = {"Content-Type": "application/octet-stream"}
        await self._client.ask(
            "PUT", place, what=what, headers=headers, content=data, is_small=False
        )

    async def referrers(self, digest: str) -> list[Mapping[str, Any]]:
        """What is attached to a manifest, of bundles: descriptors."""
        what = "the list of what is attached"
        try:
            kind = quote(manifests.BUNDLE, safe="")
            path = f"referrers/{digest}?artifactType={kind}"
            answer = (await self._client.ask("GET", path, what=what)).body
        except MissingPieceError:
            try:
                answer = await self.get_manifest(digest.replace(":", "-"), what)
            except MissingPieceError:
                return []
        listed = manifests.parse(answer, what).get("manifests")
        listed = listed if isinstance(listed, list) else []
        return [one for one in listed if isinstance(one, dict)]

    async def list_attached(self, subject: Mapping[str, Any], data: bytes) -> None:
        """The list of referrers that a registry has not: it is the client's, by the norm of OCI."""
        tag = str(subject["digest"]).replace(":", "-")
        itself = manifests.parse(data, "it")
        new = {
            **manifests.descriptor(manifests.MANIFEST, Layer(manifests.digest_of(data), len(data))),
            "artifactType": manifests.BUNDLE,
            "annotations": itself["annotations"],
        }
        others = [
            one
            for one in await self.referrers(str(subject["digest"]))
            if one.get("annotations") != new["annotations"]
        ]
        index = {"schemaVersion": 2, "mediaType": manifests.INDEX, "manifests": [*others, new]}
        await self.put_manifest(tag, json.dumps(index).encode())
