"""What is installed here as wheels again, so that installing them asks no other machine."""

import base64
import csv
import hashlib
import io
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def fill(folder: Path, *packages: str) -> None:
    """Put these packages, and all that they need, into `folder`."""
    waiting, packed = [Requirement(text) for text in packages], set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name not in packed:
            packed.add(name)
            found = distribution(name)
            _pack(found, folder)
            # What an extra adds is named by whoever asks for it.
            needed = [Requirement(text) for text in found.requires or ()]
            waiting += [r for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]


def _pack(found: Distribution, folder: Path) -> None:
    lines = (found.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag: ").split("-") for line in lines if line.startswith("Tag: ")]
    # A file's name holds every part once.
    tag = "-".join(".".join(sorted({*parts})) for parts in zip(*tags, strict=True))
    name = canonicalize_name(found.name).replace("-", "_")
    # Scripts lie outside, and are made anew; what Python compiled is, too.
    files = [
        file
        for file in found.files or ()
        if ".." not in file.parts and file.suffix != ".pyc" and file.name not in _OF_INSTALLATION
    ]
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    with zipfile.ZipFile(folder / f"{name}-{found.version}-{tag}.whl", "w") as wheel:
        for file in files:
            data = Path(str(file.locate())).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            wheel.writestr(str(file), data)
            writer.writerow([str(file), f"sha256={digest}", len(data)])
        (info,) = {file.parts[0] for file in files if file.parts[0].endswith(".dist-info")}
        writer.writerow([f"{info}/RECORD", "", ""])
        wheel.writestr(f"{info}/RECORD", rows.getvalue())


_OF_INSTALLATION = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
