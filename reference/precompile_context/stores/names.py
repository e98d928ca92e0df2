"""Names of stores, as a person types them: `s3://bucket/team/train/`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from precompile_context.errors import MisuseError
from precompile_context.stores.reapi.place import Place
from precompile_context.stores.registry.reference import LOCAL_HOSTS, Reference

SCHEMES = ("s3", "gs", "az", "oci", "reapi", "https", "http", "file")
# What cannot be said by a place, for each kind of store; whatever opens a door is none of it.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": ("endpoint", "region", "path_style", "anonymous"),
    "gs": ("endpoint", "anonymous"),
    "az": ("endpoint", "account"),
    "reapi": ("tls",),
}
_SUFFIX = ".precompile"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+")
_SECRET = ("key", "token", "secret", "password", "signature", "sig", "credential")


@dataclass(frozen=True)
class StoreName:
    """Which store is meant, or which one object of it.

    Attributes:
        scheme: one of SCHEMES.
        place: bucket, container or host; empty for `file:`.
        path: prefix of the pieces, without a slash at its ends, the object's path, a registry's
            REPOSITORY:TAG@DIGEST, or a build cache's INSTANCE/NAME.
        is_object: whether one object is named, to be read and not written.
        options: what the query says.
    """

    scheme: str
    place: str
    path: str
    is_object: bool
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The name for a person, and for what is kept of this store; a query is left out."""
        if self.scheme == "file":
            return f"file:{self.path}"
        return f"{self.scheme}://{self.place}/{self.path}"

    @classmethod
    def parse(cls, text: str) -> "StoreName":
        """The store that a text names.

        Raises:
            MisuseError: it names none; the sentence says what is wrong with it.
        """
        scheme = _scheme(text)
        if scheme == "file":
            return _file(text)
        if not text[len(scheme) :].startswith("://"):
            raise MisuseError(
                f"a store is named {scheme}://PLACE/PATH: the two slashes are missing"
            )
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise MisuseError(f"the place in a name {scheme}://PLACE/PATH cannot be read") from None
        if parts.username is not None or parts.password is not None:
            raise MisuseError(
                "a store's name holds no user and no password: credentials come from the vendor's "
                "own environment variables and files"
            )
        if not host:
            what = "host" if scheme in ("http", "https", "oci", "reapi") else "bucket"
            raise MisuseError(f"a name {scheme}://… lacks the {what}: {scheme}://PLACE/PATH")
        if parts.fragment:
            raise MisuseError("a store's name has no part behind a #; write %23 where one is meant")
        path = unquote(parts.path).strip("/")
        _check_path(path)
        if scheme.startswith("http"):
            return _http(scheme, parts.netloc, path, host, parts.query)
        if scheme == "oci":
            return _registry(parts.netloc, path, parts.query)
        if scheme == "reapi":
            options = _options(scheme, parts.query)
            Place.parse(parts.netloc, path, options)
            return cls(scheme, parts.netloc, path, is_object=False, options=options)
        return cls(
            scheme, parts.netloc, path, path.endswith(_SUFFIX), _options(scheme, parts.query)
        )


def is_store_name(text: object) -> bool:
    """Whether that is to be read as a store's name, well-formed or not, rather than as a path."""
    if not isinstance(text, str):
        return False
    scheme, _, rest = text.partition(":")
    is_known = scheme.lower() in SCHEMES and len(scheme) < len(text)
    return is_known or (rest.startswith("//") and _SCHEME.fullmatch(scheme) is not None)


def _scheme(text: str) -> str:
    if "\0" in text or not text.isprintable():
        raise MisuseError("a store's name is one line of printable characters")
    scheme = text.partition(":")[0].lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{known}:" for known in SCHEMES if known != "http")
        raise MisuseError(f"no store is known by {scheme[:20]!r}: names begin with one of {known}")
    return scheme


def _file(text: str) -> StoreName:
    rest = text[len("file:") :]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise MisuseError("file:// names a folder of this machine: file:///PATH or file:PATH")
        rest = unquote(slash + path)
    if not rest:
        raise MisuseError("file: lacks the folder: file:PATH")
    if rest.endswith(_SUFFIX):
        raise MisuseError(f"file: names a folder of pieces; a file {_SUFFIX} is named by its path")
    return StoreName("file", "", os.path.abspath(rest), is_object=False)


def _http(scheme: str, place: str, path: str, host: str, query: str) -> StoreName:
    if scheme == "http" and host not in LOCAL_HOSTS:
        raise MisuseError("http:// is read from this machine alone: use https://")
    if query:
        raise MisuseError(
            "a name https://… has no query: what opens the door does not belong in it"
        )
    if not path:
        raise MisuseError("a name https://… is that of one bundle: https://HOST/PATH.precompile")
    return StoreName(scheme, place, path, is_object=True)


def _registry(place: str, path: str, query: str) -> StoreName:
    if query:
        raise MisuseError(
            "a name oci://… has no query: credentials come from docker's configuration"
        )
    reference = Reference.parse(place, path)
    return StoreName("oci", place, path, is_object=reference.digest is not None)


def _check_path(path: str) -> None:
    if not path.isprintable():
        raise MisuseError("a store's path is one line of printable characters")
    if any(part in ("", ".", "..") for part in path.split("/")) and path:
        raise MisuseError("a store's path has no empty part, and none that is . or ..")


def _options(scheme: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    known = OPTIONS[scheme]
    for name, value in parse_qsl(query, keep_blank_values=True):
        if any(word in name.lower() for word in _SECRET):
            raise MisuseError(
                f"{name[:40]!r} does not belong in a store's name: credentials come from the "
                "vendor's own environment variables and files"
            )
        if name not in known:
            raise MisuseError(
                f"a name {scheme}://… takes no {name[:40]!r}; its query takes {', '.join(known)}"
            )
        if name in options or not value:
            raise MisuseError(f"{name!r} stands in a store's name once, with a value")
        options[name] = value
        _check_option(name, value)
    return options


def _check_option(name: str, value: str) -> None:
    if name in ("path_style", "anonymous") and value not in ("true", "false"):
        raise MisuseError(f"?{name}= in a store's name is true or false")
    if name == "endpoint":
        try:
            url = urlsplit(value)
            is_plain = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            is_plain = False
        if not is_plain or set(value) & set("@?#"):
            raise MisuseError(
                "?endpoint= in a store's name is http://HOST:PORT or https://HOST:PORT; "
                "credentials come from the vendor's own environment variables and files"
            )
