"""Keys and passphrases from files that the command line names."""

from collections.abc import Sequence
from pathlib import Path

import typer

from precompile_context.errors import MisuseError
from precompile_context.files import local_key, read_signing_key, read_verifying_key
from precompile_context.trust import SigningKey, VerifyingKey
from precompile_context.trust.keys import MOST_PASSPHRASE_BYTES


def read_keys(paths: Sequence[Path]) -> list[VerifyingKey]:
    """The public keys.

    Raises:
        typer.BadParameter: a file holds none.
        OSError: a file cannot be read.
    """
    try:
        return [read_verifying_key(path) for path in paths]
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def read_key(path: Path, passphrase_file: Path | None) -> SigningKey:
    """The private key; its passphrase is the file's first line.

    Raises:
        typer.BadParameter: the file holds none, or the passphrase does not fit.
        OSError: a file cannot be read.
    """
    try:
        return read_signing_key(path, read_passphrase(passphrase_file))
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def own_key() -> SigningKey:
    """This user's own key, made where there is none.

    Raises:
        typer.BadParameter: the file holds no key.
        OSError: it cannot be read or made.
    """
    try:
        key = local_key()
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None
    assert key is not None  # it was to be made
    return key


def read_passphrase(path: Path | None) -> bytes | None:
    """The first line of the file; None without a file.

    Raises:
        typer.BadParameter: it is empty, or too long.
        OSError: the file cannot be read.
    """
    if path is None:
        return None
    with path.open("rb") as file:
        line = file.readline(2 * MOST_PASSPHRASE_BYTES).rstrip(b"\r\n")
    if not line:
        raise typer.BadParameter(f"the first line of {path} is empty: it is the passphrase")
    if len(line) > MOST_PASSPHRASE_BYTES:
        text = f"a passphrase has at most {MOST_PASSPHRASE_BYTES} bytes"
        raise typer.BadParameter(f"the first line of {path} is longer: {text}")
    return line
