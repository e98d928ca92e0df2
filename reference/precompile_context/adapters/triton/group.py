"""The files of one compiled kernel as one content: all of them or none."""

import json
from collections.abc import Mapping

# Names of a kernel's files are short; so are their lists.
_HEAD_BYTES = 4
_MOST_NAME = 255


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files in the order of their names, behind a list of names and sizes.

    Equal files give equal bytes.
    """
    names = sorted(files)
    head = json.dumps([[name, len(files[name])] for name in names], separators=(",", ":")).encode()
    return b"".join([len(head).to_bytes(_HEAD_BYTES, "big"), head, *(files[n] for n in names)])


def unpack(content: bytes) -> dict[str, bytes]:
    """The files by name; none of the names leads out of a folder.

    Raises:
        ValueError: these are no packed files.
    """
    start = _HEAD_BYTES + int.from_bytes(content[:_HEAD_BYTES], "big")
    if not _HEAD_BYTES < start <= len(content):
        raise ValueError("the list of a kernel's files is not whole")
    try:
        head = json.loads(content[_HEAD_BYTES:start])
        sizes = dict(head)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("a kernel's files begin with no list of them") from error
    files = {}
    for name, size in sizes.items():
        if not _is_file_name(name) or type(size) is not int or size < 0:
            raise ValueError(f"{name!r:.80} is no name of a kernel's file, or has no size")
        files[name] = content[start : start + size]
        start += size
    if start != len(content) or type(head) is not list or len(head) != len(files):
        raise ValueError("a kernel's files have other sizes than their list says")
    return files


def _is_file_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= _MOST_NAME
        and name.isprintable()
        and not {"/", "\\"} & set(name)
        and name not in (".", "..")
    )
