"""Pieces in an object store, by obstore: S3, Google's, Azure's, a folder; one https object."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from precompile_context.errors import MisuseError
from precompile_context.stores.names import StoreName
from precompile_context.stores.store import (
    DeniedError,
    MissingExtraError,
    MissingPieceError,
    Piece,
    StoreError,
)
from precompile_context.stores.waiting import soon

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Objects

# [STORE-001]
_FOLDER = "pieces/"
_STATUS = re.compile(r"status(?: code)?:?\s*(\d{3}[^:,\n]{0,40})", re.IGNORECASE)
_PIECE = re.compile(r"(?:.*/)?([0-9a-f]{64})\.precompile")
# Deadlines are ours, over everything; a library that goes on trying for minutes helps nobody.
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
# The first is of a whole request, and a piece goes in one: 1 GiB takes its time.
_TIMEOUTS = {"timeout": "600s", "connect_timeout": "5s"}


class ObjectStore:
    """A prefix of an object store with a folder `pieces/`, or one object of it."""

    def __init__(self, name: str, objects: Objects, path: str | None = None) -> None:
        """`objects` begins at the prefix; with `path`, the store is this one object."""
        self.name = name
        self.writable = path is None
        self._objects = objects
        self._path = path

    @classmethod
    def open(cls, name: StoreName) -> ObjectStore:
        """The object store of this name. Asks it for nothing.

        Raises:
            MissingExtraError: obstore is not installed.
            MisuseError: the library cannot do with what the name says.
        """
        try:
            from obstore import store as kinds
            from obstore.exceptions import BaseError
        except ModuleNotFoundError:
            text = f"{name}: object stores are an extra: pip install 'precompile-context[s3]'"
            raise MissingExtraError(text) from None
        try:
            if name.scheme == "file":
                return cls(str(name), cast("Objects", _Folder(name.path)))
            url = f"{name.scheme}://{name.place}"
            prefix, path = ("", name.path) if name.is_object else (name.path, None)
            options: dict[str, Any] = {
                "client_options": {**_TIMEOUTS, "allow_http": True},
                "retry_config": _RETRIES,
                **_configuration(name),
            }
            if prefix:
                options["prefix"] = prefix
            kind: Any = {
                "s3": kinds.S3Store,
                "gs": kinds.GCSStore,
                "az": kinds.AzureStore,
                "https": kinds.HTTPStore,
                "http": kinds.HTTPStore,
            }[name.scheme]
            if name.scheme in ("http", "https"):
                return cls(str(name), kind.from_url(url, **options), path)
            return cls(str(name), kind(name.place, **options), path)
        except (BaseError, ValueError, OSError) as error:
            raise MisuseError(f"{name}: {_refused(error)}") from None

    async def pieces(self) -> Sequence[Piece]:
        """Those below the prefix; of one object, itself."""
        if self._path is not None:
            with _Faults(self._path):
                found = await soon(self._objects.head_async(self._path))
            return [Piece(self._path, int(found["size"]))]
        pieces = []
        with _Faults("the listing"):
            pages = aiter(self._objects.list(_FOLDER))
            while (objects := await soon(anext(pages, None))) is not None:
                for item in objects:
                    if match := _PIECE.fullmatch(item["path"]):
                        pieces.append(Piece(match[1], int(item["size"])))
        return pieces

    async def read(self, piece: Piece, offset: int, size: int) -> bytes:
        """One request, for the range, or for the whole where that is what is asked for."""
        if not size:
            return b""
        with _Faults(f"piece {piece.name}"):
            path = self._path or _path_of(piece.name)
            if (offset, size) == (0, piece.size):  # which servers without ranges give, too
                found = await self._objects.get_async(path)
                # A stranger's server may send more than it said: no more is taken than asked for.
                taken = bytearray()
                async for part in found.stream():
                    taken += part
                    if len(taken) > size:
                        raise StoreError(f"piece {piece.name}: more came than the {size} bytes")
                return bytes(taken)
            return bytes(await self._objects.get_range_async(path, start=offset, length=size))

    async def put(self, name: str, data: bytes) -> bool:
        """One request that the store refuses where the object is there."""
        if self._path is not None:
            raise StoreError(f"{self.name} is one object: pieces go to the name of a folder")
        try:
            with _Faults(f"piece {name}"):
                await self._objects.put_async(_path_of(name), data, mode="create")
        except _IsThereError:
            # S3 says that, too, of one that another writer is just putting, and may not finish.
            with _Faults(f"piece {name}"):
                await soon(self._objects.head_async(_path_of(name)))
            return False
        return True

    async def delete(self, name: str) -> None:
        """One request."""
        try:
            with _Faults(f"piece {name}"):
                await self._objects.delete_async(_path_of(name))
        except MissingPieceError:
            return


class _Folder:
    """A folder as the library offers it: one that is not there is empty, and a piece makes it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def list(self, prefix: str) -> AsyncIterable[Any]:
        """All that is below it; nothing is made for a look."""
        return self._made().list(prefix) if os.path.exists(self._path) else _nothing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)

    def _made(self) -> Any:
        from obstore.store import LocalStore

        try:
            os.makedirs(self._path, exist_ok=True)
        except FileExistsError:  # which is not that a piece is there
            raise StoreError(f"{self._path} is no folder") from None
        return LocalStore(self._path)


async def _nothing() -> AsyncIterator[Any]:
    for item in tuple[Any, ...]():
        yield item


class _IsThereError(StoreError):
    """A create found the object there already."""


class _Faults:
    """Makes the library's errors ours: no text of theirs that may hold a signed address."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        from obstore import exceptions

        if error is None or isinstance(error, StoreError):
            return
        if isinstance(error, (exceptions.NotFoundError, FileNotFoundError)):
            raise MissingPieceError(f"{self._what} is not there") from None
        if isinstance(error, (exceptions.AlreadyExistsError, FileExistsError)):
            raise _IsThereError(f"{self._what} is there already") from None
        denied = exceptions.PermissionDeniedError, exceptions.UnauthenticatedError
        # A listing that is refused has no class of its own in the library.
        status = _STATUS.search(str(error)) if isinstance(error, exceptions.BaseError) else None
        is_refused = status is not None and status[1][:3] in ("401", "403")
        if is_refused or isinstance(error, (*denied, PermissionError)):
            raise DeniedError(f"{self._what}: the store refuses the caller") from None
        if isinstance(error, (exceptions.BaseError, OSError)):
            raise StoreError(f"{self._what}: {_told(error)}") from None


def _path_of(name: str) -> str:
    return f"{_FOLDER}{name}.precompile"


def _configuration(name: StoreName) -> Mapping[str, Any]:
    """The query's options under the library's names; all else is the vendor's environment."""
    options = name.options
    known = {
        "endpoint": "base_url" if name.scheme == "gs" else "endpoint",
        "region": "region",
        "account": "account_name",
    }
    found: dict[str, Any] = {known[key]: value for key, value in options.items() if key in known}
    if options.get("anonymous") == "true":
        found["skip_signature"] = True
    if name.scheme == "s3" and ("path_style" not in options or options["path_style"] == "true"):
        found["virtual_hosted_style_request"] = False
    return found


def _refused(error: BaseException) -> str:
    """Why the library cannot do with a name and the environment; it may show their values."""
    if "account" in str(error).lower():
        return "the account is not known: say ?account=NAME, or AZURE_STORAGE_ACCOUNT_NAME"
    return "the name, or what the vendor's environment variables say, is incomplete or wrong"


def _told(error: BaseException) -> str:
    """What the library says, in short: without addresses, which may be signed, and headers."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if status := _STATUS.search(str(error)):
        return f"the store answers {status[1].strip()}"
    for word, text in _KNOWN.items():
        if word in str(error).partition("Debug source:")[0].lower():
            return text
    return "the store did not do it"


_KNOWN = {
    "range request not supported": "the server gives no ranges of what is larger than 1 MiB",
    "timed out": "the store did not answer",
    "timeout": "the store did not answer",
    "connect": "the store cannot be reached",
    "dns": "the store cannot be reached",
    "redirect": "the store sends the caller elsewhere",
    "credential": "no credentials are found",
    "bucket": "there is no such bucket, or its region is another",
}
