"""Who the caller is to a registry: docker's configuration, and the helpers that it names."""

import asyncio
import base64
import binascii
import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from precompile_context.stores.store import StoreError

_HELPER = re.compile(r"[A-Za-z0-9._-]+")
# A helper may ask a cloud's service; a program waits no longer than its store's deadline anyway.
_HELPER_SECONDS = 10.0
_HUB_KEY = "index.docker.io"


@dataclass(frozen=True)
class Credentials:
    """What opens a registry; never shown.

    Attributes:
        user: empty where `secret` is a token that is exchanged for others.
        secret: password or token.
    """

    user: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The value of a header Authorization."""
        pair = f"{self.user}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


async def credentials_for(host: str) -> Credentials | None:
    """Those that docker's configuration has for the host; None where it has none.

    Raises:
        StoreError: the configuration cannot be read, or its helper fails.
    """
    path = Path(os.environ.get("DOCKER_CONFIG") or Path("~/.docker").expanduser()) / "config.json"
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        raise StoreError(f"docker's configuration cannot be read: {path}") from None
    key = _HUB_KEY if host == "docker.io" else host
    helpers = _of(_mapping(config, "credHelpers"), key)
    helper = helpers if isinstance(helpers, str) else _mapping(config).get("credsStore")
    if isinstance(helper, str) and helper:
        found = await _ask_helper(helper, "https://index.docker.io/v1/" if key == _HUB_KEY else key)
        if found is not None:
            return found
    entry = _of(_mapping(config, "auths"), key)
    return _entry(entry, path) if isinstance(entry, dict) else None


def _mapping(config: object, key: str | None = None) -> Mapping[str, Any]:
    found = config.get(key) if isinstance(config, dict) and key else config
    return found if isinstance(found, dict) else {}


def _of(entries: Mapping[str, Any], host: str) -> object:
    """The host's entry; docker's keys may begin with https:// and end with a path."""
    if host in entries:
        return entries[host]
    for key, value in entries.items():
        if re.sub(r"^https?://", "", key).split("/")[0] == host:
            return value
    return None


def _entry(entry: dict[str, Any], path: Path) -> Credentials | None:
    token, auth = entry.get("identitytoken"), entry.get("auth")
    if isinstance(token, str) and token:
        return Credentials("", token)
    if isinstance(auth, str) and auth:
        try:
            user, _, secret = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise StoreError(f"docker's configuration holds an auth that is none: {path}") from None
        return Credentials(user, secret.rstrip("\0"))
    name, password = entry.get("username"), entry.get("password")
    if isinstance(name, str) and isinstance(password, str):
        return Credentials(name, password)
    return None


async def _ask_helper(name: str, server: str) -> Credentials | None:
    program = f"docker-credential-{name[:60]}"
    if not _HELPER.fullmatch(name):
        raise StoreError("docker's configuration names a credential helper that cannot be one")
    try:
        helper = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        text = f"docker's configuration names {program}, which cannot be run"
        raise StoreError(text) from None
    try:
        answer, _ = await asyncio.wait_for(helper.communicate(server.encode()), _HELPER_SECONDS)
    except TimeoutError:
        raise StoreError(f"{program} gave nothing within {_HELPER_SECONDS:g} s") from None
    finally:
        if helper.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                helper.kill()
    if helper.returncode:
        if b"not found" in answer:
            return None
        raise StoreError(f"{program} failed")  # what it printed may hold a secret
    try:
        found = json.loads(answer)
        user, secret = found["Username"], found["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StoreError(f"{program} gave no credentials that can be read") from None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise StoreError(f"{program} gave no credentials that can be read")
    return Credentials("" if user == "<token>" else user, secret)
