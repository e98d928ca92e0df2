"""A store in a registry: each piece a manifest with a tag of its own, the name's tag their sum."""

import asyncio
import contextlib
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from precompile_context.stores.names import StoreName
from precompile_context.stores.registry import image, manifests
from precompile_context.stores.registry.client import Client
from precompile_context.stores.registry.manifests import Layer, Manifest, NoBundleError
from precompile_context.stores.registry.reference import Reference
from precompile_context.stores.registry.repository import Repository
from precompile_context.stores.store import (
    DeniedError,
    MissingExtraError,
    MissingPieceError,
    Piece,
    StoreError,
)

_REQUESTS = 16
_ATTEMPTS = 3
# Times that the sum is written anew because others wrote, too.
_ROUNDS = 6


class RegistryStore:
    """Bundles under one tag of a repository, or one manifest by its digest.

    Tags cannot be changed on a condition. So what counts is the tag of each piece, which
    one writer alone writes; the name's own tag is made of those, by whoever pushed last.
    """

    def __init__(self, name: str, repository: Repository, reference: Reference) -> None:
        self.name = name
        self.writable = reference.digest is None
        self._repository = repository
        self._tag = reference.tag or ""
        self._digest = reference.digest
        self._layers: dict[str, tuple[Layer, ...]] = {}

    @classmethod
    def open(cls, name: StoreName) -> "RegistryStore":
        """The store of this name. Asks it for nothing.

        Raises:
            MissingExtraError: httpx is not installed.
        """
        reference = Reference.parse(name.place, name.path)
        try:
            return cls(str(name), Repository(Client(reference)), reference)
        except MissingExtraError as error:
            raise MissingExtraError(f"{name}: {error}") from None

    async def pieces(self) -> Sequence[Piece]:
        """Those with tags; of one manifest, its own; of an image, those attached to it."""
        try:
            if self._digest is not None:
                found = (await self._manifest(self._digest)).pieces
            else:
                found = (await self._known())[0]
        except NoBundleError as error:
            found = await self._attached(error)
        self._layers = dict(found)
        return [Piece(name, sum(la.size for la in layers)) for name, layers in found.items()]

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """One request for each layer that the range is in."""
        if piece.name not in self._layers:
            if self._digest is not None or ":" in piece.name:
                await self.pieces()
            else:
                await self._fetch_layers(piece.name)
        if piece.name not in self._layers:
            raise MissingPieceError(f"piece {piece.name} is not there")
        works, start = [], 0
        for layer in self._layers[piece.name]:
            first, last = max(offset - start, 0), min(offset + size - start, layer.size)
            if first < last:
                works.append(self._repository.read(layer, first, last - first))
            start += layer.size
        return b"".join(await asyncio.gather(*works))

    async def put(self, name: str, data: bytes) -> bool:
        """Push the layers that are not there, the piece's manifest, and the sum anew.

        Of several writers of one piece at once, more than one may be told that it is new.
        """
        if self._digest is not None:
            raise StoreError(f"{self.name} is one manifest: pieces go to the name of a tag")
        known, tagged, sum_ = await self._known_with_sum()
        if is_new := name not in tagged:
            if not tagged:  # what another tool copied here gets tags, too, so that it stays
                for other, layers in known.items():
                    if ":" not in other:
                        await self._put_piece(other, layers)
            await self._put_all(name, manifests.segments(data))
            with contextlib.suppress(StoreError):  # the piece is there; the next push does it
                await self._sum_up(None if sum_ is None else sum_.subject)
        return is_new

    async def attach(self, subject: str) -> None:
        """Attach the bundle to an image of the same repository, by its tag or digest.

        Raises:
            StoreError: MissingPieceError where there is no such image.
        """
        what = f"subject {subject}"
        data = await self._repository.get_manifest(subject, what)
        kind = str(manifests.parse(data, what).get("mediaType", manifests.MANIFEST))
        itself = Layer(manifests.digest_of(data), len(data))
        await self._sum_up(manifests.descriptor(kind, itself))

    async def put_image(self, data: bytes) -> bool:
        """Make the tag an image of one file, the whole bundle; False where it is that already.

        Raises:
            StoreError: the tag is of something else, which stays.
        """
        what, piece = f"manifest {self._tag}", manifests.digest_of(data)
        with contextlib.suppress(MissingPieceError):
            there = manifests.parse(await self._repository.get_manifest(self._tag, what), what)
            notes = there.get("annotations")
            if not isinstance(notes, dict) or image.NOTE not in notes:
                raise StoreError(f"{what} is of something else: a bundle as an image wants its own")
            if notes[image.NOTE] == piece:
                return False
        layer, diff_id = image.layer(data)
        config = image.config(diff_id)
        for blob in (config, layer):
            await self._repository.upload(Layer(manifests.digest_of(blob), len(blob)), blob)
        await self._repository.put_manifest(self._tag, image.manifest(layer, config, piece))
        return True

    async def delete(self, name: str) -> None:
        """Take the piece's manifest away; its blobs go when the registry collects garbage."""
        what = f"piece {name}"
        with contextlib.suppress(MissingPieceError):
            await self._repository.delete_manifest(self._piece_tag(name), what)
        self._layers.pop(name, None)
        _, tagged, sum_ = await self._known_with_sum()
        unnamed = {one: layers for one, layers in sum_.pieces.items() if ":" in one} if sum_ else {}
        if tagged:
            await self._sum_up(None if sum_ is None else sum_.subject)
        elif sum_ is not None and unnamed:
            await self._repository.put_manifest(
                self._tag, manifests.encode(unnamed, self._tag, sum_.subject)
            )
        elif sum_ is not None:
            await self._repository.delete_manifest(self._tag, what)

    # --- what there is

    async def _known(self) -> tuple[dict[str, tuple[Layer, ...]], set[str]]:
        known, tagged, _ = await self._known_with_sum()
        return known, tagged

    async def _known_with_sum(
        self,
    ) -> tuple[dict[str, tuple[Layer, ...]], set[str], Manifest | None]:
        """Pieces with their layers; the names of those with a tag; the sum, if there is one.

        Where no piece has a tag, the sum counts alone: another tool has copied it here.
        """
        # [STORE-012]
        tagged, sum_ = await asyncio.gather(self._tagged(), self._sum(), return_exceptions=True)
        if isinstance(tagged, BaseException):
            raise tagged
        if isinstance(sum_, BaseException):
            if isinstance(sum_, NoBundleError) or not isinstance(sum_, StoreError) or not tagged:
                raise sum_
            sum_ = None  # what counts is there without it
        known = dict(sum_.pieces) if sum_ else {}
        if tagged:
            known = {name: la for name, la in known.items() if name in tagged or ":" in name}
        places = asyncio.Semaphore(_REQUESTS)

        async def fetch(name: str) -> None:
            if name not in self._layers:
                async with places:
                    with contextlib.suppress(MissingPieceError):  # deleted meanwhile
                        await self._fetch_layers(name)
            if name in self._layers:
                known[name] = self._layers[name]

        await asyncio.gather(*(fetch(name) for name in tagged if name not in known))
        return known, tagged, sum_

    async def _tagged(self) -> set[str]:
        """The names of pieces that have a tag."""
        tags = self._repository.tags()
        matches = [re.fullmatch(r"(.*)\.([0-9a-f]{64})", tag) async for tag in tags]
        return {match[2] for match in matches if match and match[1] == self._tag}

    async def _sum(self) -> Manifest | None:
        try:
            return await self._manifest(self._tag)
        except MissingPieceError:
            return None

    async def _manifest(self, reference: str) -> Manifest:
        what = f"manifest {reference}"
        return manifests.decode(await self._repository.get_manifest(reference, what), what)

    async def _fetch_layers(self, name: str) -> None:
        what = f"piece {name}"
        found = manifests.decode(
            await self._repository.get_manifest(self._piece_tag(name), what), what
        )
        if set(found.pieces) != {name}:
            raise StoreError(f"{what}: its manifest is of another piece")
        self._layers[name] = found.pieces[name]

    async def _attached(self, fault: NoBundleError) -> dict[str, tuple[Layer, ...]]:
        """Pieces of the bundles that are attached to an image.

        Raises:
            NoBundleError: there is none.
        """
        found: dict[str, tuple[Layer, ...]] = {}
        for one in await self._repository.referrers(str(fault.descriptor["digest"])):
            with contextlib.suppress(NoBundleError):
                layer, _ = manifests.layer_of(one, "the list of what is attached")
                found |= (await self._manifest(layer.digest)).pieces
        if not found:
            raise fault
        return found

    # --- what moves

    async def _put_all(self, name: str, parts: Sequence[tuple[Layer, memoryview]]) -> None:
        """Layers first; again where it fails: registries do while others push the same blob."""
        for number in range(_ATTEMPTS):
            try:
                await self._repository.upload(
                    Layer(manifests.digest_of(manifests.EMPTY), 2), manifests.EMPTY
                )
                for layer, part in parts:
                    await self._repository.upload(layer, bytes(part))
                await self._put_piece(name, tuple(layer for layer, _ in parts))
            except DeniedError:
                raise
            except StoreError:
                if number == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.1 * 3**number)
            else:
                return

    # --- the sum

    def _piece_tag(self, name: str) -> str:
        # [STORE-010]
        return f"{self._tag}.{name}"

    async def _put_piece(self, name: str, layers: tuple[Layer, ...]) -> None:
        await self._repository.put_manifest(
            self._piece_tag(name), manifests.encode({name: layers}, self._piece_tag(name))
        )
        self._layers[name] = layers

    async def _sum_up(self, subject: Mapping[str, Any] | None) -> None:
        """Make the tag the sum of all pieces; again, where another writer did so beside."""
        # [STORE-013]
        for number in range(_ROUNDS):
            known, _, sum_ = await self._known_with_sum()
            if sum_ is not None and sum_ == Manifest(known, subject):
                return
            data = manifests.encode(known, self._tag, subject)
            headers = await self._repository.put_manifest(self._tag, data)
            if subject is not None and "oci-subject" not in headers:
                await self._repository.list_attached(subject, data)
            if number:
                await asyncio.sleep(random.random() * 0.05 * 2**number)
