"""What a name `oci://HOST/REPOSITORY:TAG@DIGEST` says."""

import re
from dataclasses import dataclass

from precompile_context.errors import MisuseError

_WORD = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_WORD}(?:/{_WORD})*")
# A piece's tag is the name's, a dot and 64 digits, in the 128 characters that registries take.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
# Where Docker Hub's interface is, for the name that people know it by.
_HUB = "docker.io"
_HUB_API = "registry-1.docker.io"


@dataclass(frozen=True)
class Reference:
    """A place in a registry.

    Attributes:
        host: with its port, as in the name.
        repository: path of the repository.
        tag: None where a digest alone is named.
        digest: of a manifest, `sha256:…`; None where the tag is meant.
    """

    host: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, host: str, path: str) -> "Reference":
        """The place that host and path name.

        Raises:
            MisuseError: they name none; the sentence says what is wrong.
        """
        rest, at, digest = path.partition("@")
        repository, colon, tag = rest.partition(":")
        if not _REPOSITORY.fullmatch(repository):
            raise MisuseError(
                "a registry's repository is named in lower-case letters and digits, with . _ - "
                "within and / between: oci://HOST/REPOSITORY:TAG"
            )
        if at and not _DIGEST.fullmatch(digest):
            raise MisuseError("behind an @ stands a manifest's digest: sha256: and 64 hex digits")
        if colon and not _TAG.fullmatch(tag):
            raise MisuseError(
                "a tag of a bundle is at most 63 letters, digits and _ . -, not first . or -"
            )
        if not colon and not at:
            raise MisuseError("a name oci://… lacks the tag: oci://HOST/REPOSITORY:TAG")
        return cls(host, repository, tag or None, digest or None)

    @property
    def address(self) -> str:
        """Where the registry answers; without TLS on this machine alone."""
        return f"{'http' if is_local(self.host) else 'https'}://{self.api_host}"

    @property
    def api_host(self) -> str:
        """The host that is asked."""
        return _HUB_API if self.host == _HUB else self.host


def is_local(host: str) -> bool:
    """Whether a host, with or without its port, is this machine."""
    return host.rpartition(":")[0] in LOCAL_HOSTS or host in LOCAL_HOSTS
