"""Keys and passphrases that the command line names: by file, name, variable or beginning."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from precompile_context.errors import MisuseError
from precompile_context.files import (
    FilePath,
    find_signer,
    find_verifier,
    local_key,
)
from precompile_context.session.trusting import Trusting, trusting
from precompile_context.trust import UNSIGNED, CertificateSigner, SigningKey
from precompile_context.trust.keys import MOST_PASSPHRASE_BYTES
from precompile_context.trust.pem import Believed

# Several keys stand in it as paths do in PATH.
_TRUST_VARIABLE = "PRECOMPILE_TRUST"

Trust = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        help="Trust what this public key signed, too: a PEM file, a name that `precompile trust` "
        "knows, env:NAME, or the beginning of a keyid. May be repeated; by default "
        f"{_TRUST_VARIABLE}, in which several stand as in PATH.",
        metavar="KEY",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="Sign with this private key, a PEM file or env:NAME, in place of your own, "
        "which then is not made.",
        metavar="KEY",
        envvar="PRECOMPILE_KEY",
    ),
]


def run_keys(names: Sequence[str] | None) -> list[Believed]:
    """As `read_keys`; where none is named, those of the environment variable.

    Raises:
        typer.BadParameter, OSError: as for `read_keys`.
    """
    default = os.environ.get(_TRUST_VARIABLE, "").split(os.pathsep)
    return read_keys(names or [name for name in default if name])


def read_keys(names: Sequence[str] | None) -> list[Believed]:
    """Whom the names mean.

    Raises:
        typer.BadParameter: one means nobody, or what it names holds no key.
        OSError: a file cannot be read.
    """
    try:
        return [find_verifier(name) for name in names or ()]
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def read_key(
    name: str | None, passphrase_file: Path | None = None
) -> SigningKey | CertificateSigner | None:
    """The private key, None where none is named; its passphrase is the file's first line.

    Raises:
        typer.BadParameter: it is none, or the passphrase does not fit.
        OSError: a file cannot be read.
    """
    if name is None:
        return None
    try:
        return find_signer(name, read_passphrase(passphrase_file))
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def trusting_inputs(
    files: Sequence[FilePath], trust: Sequence[str] | None, key: str | None, *, unsigned: bool
) -> Trusting:
    """Whom a command trusts that writes what it read in files, and who signs that.

    Raises:
        typer.BadParameter: a key is none.
        PrecompileError, OSError: a file is refused, or this user's own key cannot be had.
    """
    signer = None if unsigned else read_key(key)
    if not unsigned and signer is None:
        check_before_own_key(files)
    trusted = trusting(UNSIGNED if unsigned else run_keys(trust), signer, read_only=False)
    if trusted.fault is not None:
        raise OSError(trusted.fault)
    return trusted


def check_before_own_key(files: Sequence[FilePath]) -> None:
    """Open the files where this user's own key is yet to be made: none is for what is refused."""
    from precompile_context.cli.stores import opened

    with contextlib.suppress(OSError, MisuseError):  # told when the key is read
        if local_key(make=False) is not None:
            return
    for file in files:
        opened(str(file), policy=UNSIGNED)


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
