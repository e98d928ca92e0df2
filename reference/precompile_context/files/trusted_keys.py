"""Whom this user trusts, by name; and whatever else names a key: a file, a variable, digits."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from precompile_context.errors import MisuseError
from precompile_context.files.access import read_some
from precompile_context.files.atomic import replace
from precompile_context.files.keys import local_key, local_key_file
from precompile_context.files.private_directory import check_private
from precompile_context.trust import SigningKey, verifier_of
from precompile_context.trust.certificates import CertificateSigner
from precompile_context.trust.pem import Believed, signer_of

# Before the name of an environment variable that holds a key's PEM text.
VARIABLE = "env:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SUFFIX = ".pem"
# As few digits of a keyid as name one among a team's keys.
_LEAST_DIGITS = 4
_HEX = re.compile(r"[0-9a-f]+")


def trusted_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where they are kept, a file each.

    Raises:
        OSError: the user has no home directory.
    """
    return local_key_file(environ).parent / "trusted"


def trusted() -> dict[str, Believed]:
    """Whom this user trusts, by name; nobody where nothing was added.

    Raises:
        PermissionError: another user could have added somebody.
        MisuseError: a file holds no key.
        OSError: the directory cannot be read.
    """
    directory = trusted_directory()
    if not directory.is_dir():
        return {}
    check_private(str(directory))
    paths = sorted(p for p in directory.iterdir() if p.suffix == _SUFFIX and p.name[0] != ".")
    return {path.stem: _read(path) for path in paths}


def add_trusted(name: str, verifier: Believed) -> Path:
    """Trust somebody under a name, in place of nobody; where that is written.

    Raises:
        MisuseError: it is no name, or one of somebody else.
        OSError: it cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise MisuseError(f"a name is letters, digits, '-' and '_', at most 64: not {name!r:.80}")
    known = trusted()
    if name in known and known[name] != verifier:
        text = f"{name} is the name of another key"
        raise MisuseError(f"{text}; `precompile trust remove {name}` takes that one out")
    directory = trusted_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(str(directory))
    path = directory / f"{name}{_SUFFIX}"
    replace(path, [verifier.to_pem()], mode=0o600)
    return path


def remove_trusted(name: str) -> Believed:
    """Trust this one no more, named by its name or the beginning of its keyid; who it was.

    Raises:
        MisuseError: it names nobody, or several.
        OSError: the file cannot be removed.
    """
    known = trusted()
    found = name if name in known else _beginning(name, {n: k.keyid for n, k in known.items()})
    if found is None:
        raise MisuseError(_nobody(name, known))
    (trusted_directory() / f"{found}{_SUFFIX}").unlink()
    return known[found]


def find_verifier(text: str, environ: Mapping[str, str] = os.environ) -> Believed:
    """Whom a text names: a name of `trusted`, a PEM file, env:NAME, or a keyid's beginning.

    A name comes first: a file in the current directory may be anybody's; ./ci is a file.

    Raises:
        MisuseError: it names nobody, or several, or what it names holds no key.
        OSError: the file cannot be read.
    """
    if text.startswith(VARIABLE):
        return verifier_of(_variable(text, environ))
    known = trusted()
    if text in known:
        return known[text]
    path = Path(text or " ")
    if path.exists() or os.sep in text or path.suffix:
        return _read(path)
    keyids = {name: key.keyid for name, key in known.items()}
    own = local_key(make=False)
    if own is not None:
        keyids[""] = own.keyid
    found = _beginning(text, keyids)
    if found is None:
        raise MisuseError(_nobody(text, known))
    return own.verifying_key if own is not None and not found else known[found]


def find_signer(
    text: str, passphrase: bytes | None = None, environ: Mapping[str, str] = os.environ
) -> SigningKey | CertificateSigner:
    """The private key that a text names: a PEM file, or env:NAME.

    Raises:
        MisuseError: what it names holds no private key, or the passphrase does not fit.
        OSError: the file cannot be read.
    """
    if text.startswith(VARIABLE):
        pem, where = _variable(text, environ), text
    else:
        pem, where = read_some(Path(text)), text
    try:
        return signer_of(pem, passphrase)
    except MisuseError as error:
        raise MisuseError(f"{where}: {error}") from None


def _variable(text: str, environ: Mapping[str, str]) -> bytes:
    name = text.removeprefix(VARIABLE)
    if not environ.get(name):
        raise MisuseError(f"{text}: the environment variable {name or 'without a name'} is not set")
    return environ[name].encode(errors="surrogateescape")


def _read(path: Path) -> Believed:
    pem = read_some(path)
    try:
        return verifier_of(pem)
    except MisuseError as error:
        raise MisuseError(f"{path}: {error}") from None


def _beginning(text: str, keyids: Mapping[str, str]) -> str | None:
    """Whose keyid begins so; None for nobody's."""
    digits = text.lower()
    if len(digits) < _LEAST_DIGITS or not _HEX.fullmatch(digits.removeprefix("x509:")):
        return None
    found = {keyid: name for name, keyid in keyids.items() if keyid.startswith(digits)}
    if len(found) > 1:
        shown = ", ".join(sorted(keyid[:16] for keyid in found))
        raise MisuseError(f"{text} begins the keyids of several keys: {shown}")
    return next(iter(found.values()), None)


def _nobody(text: str, known: Mapping[str, Believed]) -> str:
    close = get_close_matches(text, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ", and `precompile trust list` shows whom"
    return f"{text} names nobody that is trusted and no file{hint}"
