"""What a name `reapi://HOST:PORT/INSTANCE/NAME` says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from precompile_context.errors import MisuseError
from precompile_context.stores.registry.reference import is_local

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# REAPI keeps them for itself: an instance with such a part could not be told from a resource.
_RESERVED = {
    "actionResults",
    "actions",
    "blobs",
    "capabilities",
    "compressed-blobs",
    "operations",
    "uploads",
}


@dataclass(frozen=True)
class Place:
    """A bundle in a build cache.

    Attributes:
        host: with its port.
        instance: REAPI's instance name; may be empty.
        name: the bundle's.
        has_tls: whether the connection is encrypted.
    """

    host: str
    instance: str
    name: str
    has_tls: bool

    @classmethod
    def parse(cls, host: str, path: str, options: Mapping[str, str]) -> "Place":
        """The place that host, path and query name.

        Raises:
            MisuseError: they name none; the sentence says what is wrong.
        """
        if not re.search(r":\d+$", host):
            raise MisuseError(
                "a name reapi://… lacks the port, of which there is no usual one: "
                "reapi://HOST:PORT/INSTANCE/NAME"
            )
        *instance, name = path.split("/")
        if not _NAME.fullmatch(name):
            raise MisuseError(
                "the last part of a name reapi://HOST:PORT/INSTANCE/NAME is the bundle's: at most "
                "128 letters, digits and _ . -, not first . or -"
            )
        if reserved := _RESERVED.intersection(instance):
            raise MisuseError(f"{min(reserved)!r} cannot be part of an instance's name in REAPI")
        tls = options.get("tls", "false" if is_local(host) else "true")
        if tls not in ("true", "false"):
            raise MisuseError("?tls= in a name reapi://… is true or false")
        return cls(host, "/".join(instance), name, tls == "true")
