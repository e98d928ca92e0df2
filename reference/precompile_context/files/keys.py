"""Keys in PEM files: those that a user names, and the user's own, made on first use."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from precompile_context.errors import MisuseError
from precompile_context.files.access import check_regular, without_waiting
from precompile_context.files.atomic import naming, replace, sync_directory
from precompile_context.files.system import RAW, this_user
from precompile_context.trust import SigningKey, VerifyingKey

# No key takes as much; /dev/zero would have no end.
_MOST_BYTES = 64 << 10
_PRIVATE = 0o600


def read_verifying_key(path: str | os.PathLike[str]) -> VerifyingKey:
    """The public key in a PEM file.

    Raises:
        MisuseError: the file holds none.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        pem = file.read(_MOST_BYTES)
    try:
        return VerifyingKey.from_pem(pem)
    except MisuseError as error:
        raise MisuseError(f"{os.fspath(path)}: {error}") from None


def read_signing_key(path: str | os.PathLike[str], passphrase: bytes | None = None) -> SigningKey:
    """The private key in a PEM file.

    Raises:
        MisuseError: the file holds none, or the passphrase does not fit.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return _signing_key(file, path, passphrase)


def _signing_key(
    file: BinaryIO, path: str | os.PathLike[str], passphrase: bytes | None = None
) -> SigningKey:
    try:
        return SigningKey.from_pem(file.read(_MOST_BYTES), passphrase)
    except MisuseError as error:
        raise MisuseError(f"{os.fspath(path)}: {error}") from None


def write_signing_key(path: Path, key: SigningKey, passphrase: bytes | None = None) -> None:
    """Make a key file that only this user can read. There is none yet, or it stays.

    The file appears whole: of several processes that make it at once, one does.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be written.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "a key is a file", str(path))
    this_user(path)  # raises where a mode does not keep others from reading the key
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}")
    with naming(path):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | RAW, _PRIVATE)
    try:
        with os.fdopen(fd, "wb") as file, naming(path):
            os.fchmod(file.fileno(), _PRIVATE)  # whatever the umask
            file.write(key.to_pem(passphrase))
            file.flush()
            os.fsync(file.fileno())
        with naming(path):
            os.link(temporary, path)  # unlike a rename, never in place of another
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def public_file(path: Path) -> Path:
    """Where the public half of the key at `path` stands."""
    return path.with_name(f"{path.name}.pub")


def check_no_public_half(path: Path) -> None:
    """Raise FileExistsError where a public half is there and its key is not: it is another's."""
    if path.name and os.path.lexists(public_file(path)) and not os.path.lexists(path):
        text = "a public key is there whose private key is not, and it is not replaced"
        raise FileExistsError(errno.EEXIST, text, str(public_file(path)))


def write_public_half(path: Path, key: SigningKey) -> Path:
    """Write the public half of the key at `path` beside it, for whoever is to trust it."""
    public = public_file(path)
    replace(public, [key.verifying_key.to_pem()])
    return public


def local_key_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where this user's own key is: in $XDG_CONFIG_HOME/precompile or ~/.config/precompile.

    Raises:
        OSError: the user has no home directory.
    """
    config = environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(config):  # a relative one is to be ignored, as the XDG specification says
        base = Path(config)
    else:
        try:
            base = Path.home() / ".config"
        except RuntimeError:
            text = "no home directory is known for the key; set XDG_CONFIG_HOME"
            raise FileNotFoundError(errno.ENOENT, text) from None
    return base / "precompile" / "key.pem"


def local_key(*, make: bool = True) -> SigningKey | None:
    """This user's own key; where there is none, a new one, or None unless `make`.

    Raises:
        MisuseError: the file holds no key.
        PermissionError: another user could have read it or put it there.
        OSError: it cannot be read or made.
    """
    path = local_key_file()
    if not path.exists():
        if not make:
            return None
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another process was first: all use its key
            write_signing_key(path, SigningKey.generate())
    # What is checked is what is read, whatever the path names a moment later.
    with open(path, "rb", opener=without_waiting) as file:
        check_regular(file.fileno(), path)
        _check_only_ours(os.fstat(file.fileno()), path)
        return _signing_key(file, path)


def _check_only_ours(found: os.stat_result, path: Path) -> None:
    """Whoever can read the key can sign for this user; whoever put it there can, too."""
    if found.st_uid != this_user(path):
        raise PermissionError(errno.EPERM, "the key belongs to another user", str(path))
    if stat.S_IMODE(found.st_mode) & 0o077:
        text = "others can read or write the key; make a new one, or `chmod 600` it"
        raise PermissionError(errno.EPERM, text, str(path))
