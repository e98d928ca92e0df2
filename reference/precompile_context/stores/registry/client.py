"""Requests to a registry: who asks, where a redirect may lead, what a refusal says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from precompile_context.stores.registry.credentials import Credentials, credentials_for
from precompile_context.stores.registry.reference import Reference, is_local
from precompile_context.stores.store import (
    DeniedError,
    MissingExtraError,
    MissingPieceError,
    StoreError,
)
from precompile_context.stores.waiting import soon

if TYPE_CHECKING:
    import httpx

# What is no blob: manifests, lists, tokens. Registries take manifests of up to 4 MiB.
MOST_BYTES = 4 << 20
_TOKEN_BYTES = 1 << 20
_REDIRECTS = 5
# So far into a blob is read to find a range that the registry does not give.
_WHOLE_BYTES = 1 << 20
# Times that one request is sent where the registry says that it is too busy, or who are you.
_TRIES = 4
# 500: what Debian's registry says of a tag that is being written.
_BUSY = (429, 500, 502, 503, 504)
_PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(?:\d+|\*)")


@dataclass(frozen=True)
class Answer:
    """What came: status, headers by lower-case names, and the body, as far as it was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Request:
    method: str
    headers: Mapping[str, str]
    content: bytes
    most: int
    skip: int = 0
    is_small: bool = True


@dataclass
class _Loop:
    """What belongs to one event loop: connections do, and locks."""

    loop: asyncio.AbstractEventLoop
    http: httpx.AsyncClient
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Client:
    """One repository's registry. Safe for any number of requests at once.

    Credentials go to the registry itself and to the token service that it names, never
    to where it redirects, and never over a connection that is not TLS, but on this machine.
    """

    def __init__(self, reference: Reference) -> None:
        """Asks nothing.

        Raises:
            MissingExtraError: httpx is not installed.
        """
        try:
            import httpx  # noqa: F401
        except ModuleNotFoundError:
            text = "registries are an extra: pip install 'precompile-context[oci]'"
            raise MissingExtraError(text) from None
        self._host = reference.host
        self._base = f"{reference.address}/v2/{reference.repository}/"
        self._is_local = is_local(reference.host)
        self._authorization: str | None = None
        self._was_known = False
        self._here: _Loop | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        most: int = MOST_BYTES,
        skip: int = 0,
        is_small: bool = True,
    ) -> Answer:
        """The answer, if it is one of success.

        Args:
            path: below the repository's address, or a whole address that the registry gave.
            what: that which is asked for, in messages.
            most: bytes of the body that are taken; `skip` are read and thrown away before.
            is_small: whether it moves little, and so is waited for as `soon` does.

        Raises:
            StoreError: MissingPieceError (404), DeniedError (401, 403), the others with a
                sentence. No text of the registry's, and no address, is in it.
        """
        import httpx

        request = _Request(method, headers or {}, content, most, skip, is_small)
        try:
            answer = await self._authorized(path, request)
        except httpx.TimeoutException:
            raise StoreError(f"{what}: the registry did not answer") from None
        except httpx.ConnectError:
            raise StoreError(f"{what}: the registry cannot be reached") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError):
            raise StoreError(f"{what}: the connection to the registry broke") from None
        if answer.status < 300:
            return answer
        raise self._refusal(answer.status, what)

    def _refusal(self, status: int, what: str) -> StoreError:
        if status == 401:
            login = f"`docker login {self._host}` lets it know"
            if self._was_known:
                return DeniedError(f"{what}: the registry refuses the credentials: {login} others")
            return DeniedError(f"{what}: the registry does not know the caller: {login}")
        if status == 403:
            return DeniedError(f"{what}: the registry knows the caller and refuses")
        if status == 404:
            return MissingPieceError(f"{what} is not there")
        if status == 405:
            return StoreError(f"{what}: the registry does not do that (status 405)")
        if status in _BUSY:
            return StoreError(f"{what}: the registry is too busy (status {status})")
        return StoreError(f"{what}: the registry answers status {status}")

    async def _authorized(self, path: str, request: _Request) -> Answer:
        for number in range(_TRIES):
            used = self._authorization
            answer = await self._redirected(path, request)
            if number == _TRIES - 1:
                break
            if answer.status == 401:
                async with self._at_home().lock:
                    # Else somebody has got a new one meanwhile.
                    if self._authorization == used:
                        new = await self._authorize(answer.headers.get("www-authenticate", ""))
                        if new is None or (new == used and new.startswith("Basic ")):
                            break
                        self._authorization = new
            elif answer.status in _BUSY:
                wait = answer.headers.get("retry-after", "")
                seconds = int(wait) if re.fullmatch(r"\d{1,3}", wait) else 0
                await asyncio.sleep(max(min(seconds, 10), 0.1 * 3**number))
            else:
                break
        return answer

    async def _redirected(self, path: str, request: _Request) -> Answer:
        import httpx

        url = httpx.URL(self._base).join(path)
        for _ in range(_REDIRECTS):
            if url.scheme != "https" and not (self._is_local and is_local(url.netloc.decode())):
                raise StoreError("the registry sends the caller to where there is no TLS")
            sent = {"Accept-Encoding": "identity", **request.headers}
            if self._authorization and _origin(url) == _origin(httpx.URL(self._base)):
                sent["Authorization"] = self._authorization
            sending = self._send(url, replace(request, headers=sent))
            answer = await (soon(sending) if request.is_small else sending)
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            if request.method not in ("GET", "HEAD"):
                break
            url = url.join(location)
        raise StoreError("the registry sends the caller elsewhere, again and again")

    async def _send(self, url: httpx.URL, request: _Request) -> Answer:
        http = self._at_home().http
        most = request.most
        async with http.stream(
            request.method, url, headers=request.headers, content=request.content
        ) as response:
            taken = bytearray()
            asked = _asked(request.headers)
            is_whole = response.status_code == 200 and asked is not None
            left = request.skip if is_whole else 0
            if is_whole and request.skip + most > _WHOLE_BYTES:
                raise StoreError("the registry gives no ranges of what is larger than 1 MiB")
            if response.status_code == 206 and asked != _given(response.headers):
                raise StoreError("the registry gave another range than it was asked for")
            if response.status_code < 300:
                async for part in response.aiter_raw():
                    dropped = min(left, len(part))
                    left -= dropped
                    taken += part[dropped:]
                    if len(taken) >= most and is_whole:
                        break
                    if len(taken) > most:
                        raise StoreError(f"the registry sent more than the {most} bytes at most")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, found, bytes(taken[:most]))

    async def _authorize(self, challenge: str) -> str | None:
        """What the registry asks for; None where there is nothing that it could be given."""
        credentials = await credentials_for(self._host)  # anew: what a helper gives expires
        self._was_known = credentials is not None
        kind = challenge.partition(" ")[0].lower()
        if kind == "bearer":
            return await self._token(challenge, credentials)
        return credentials.basic if credentials and credentials.user and kind == "basic" else None

    async def _token(self, challenge: str, credentials: Credentials | None) -> str | None:
        import httpx

        said = {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(challenge)}
        try:
            realm = httpx.URL(said.get("realm", ""))
        except httpx.InvalidURL:
            realm = httpx.URL("")
        is_fit = self._is_local and realm.scheme == "http" and is_local(realm.netloc.decode())
        if realm.scheme != "https" and not is_fit:
            raise StoreError("the registry names a token service that is not reached by TLS")
        wanted = {name: said[name] for name in ("service", "scope") if said.get(name)}
        headers, method, content = {"Accept-Encoding": "identity"}, "GET", b""
        if credentials is not None and not credentials.user:
            method = "POST"
            form = {"grant_type": "refresh_token", "client_id": "precompile", **wanted}
            form["refresh_token"] = credentials.secret
            content = str(httpx.QueryParams(form)).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        else:
            realm = realm.copy_merge_params(wanted)
            if credentials is not None:
                headers["Authorization"] = credentials.basic
        answer = await soon(self._send(realm, _Request(method, headers, content, _TOKEN_BYTES)))
        if answer.status in (401, 403):
            return None
        try:
            if answer.status != 200:
                raise ValueError
            found: Any = json.loads(answer.body)
            token = found.get("token") or found.get("access_token")
            if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            raise StoreError("the registry's token service gave no token") from None
        return f"Bearer {token}"

    def _at_home(self) -> _Loop:
        import httpx

        loop = asyncio.get_running_loop()
        if self._here is None or self._here.loop is not loop:
            http = httpx.AsyncClient(
                timeout=httpx.Timeout(30.0, connect=5.0),
                follow_redirects=False,
                trust_env=not self._is_local,
            )
            self._here = _Loop(loop, http)
        return self._here


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _asked(headers: Mapping[str, str]) -> tuple[int, int] | None:
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
    return (int(match[1]), int(match[2])) if match else None


def _given(headers: Mapping[str, str]) -> tuple[int, int] | None:
    match = _RANGE.fullmatch(headers.get("content-range", ""))
    return (int(match[1]), int(match[2])) if match else None
