"""TABLE, PLACE and WIRE-008: columns that make a table, and how many elements bytes are enough for."""

from collections.abc import Iterator

from mutants.mutant import Mutant as M

CODEC, VALIDATE, FRAMING, DENSITY = (
    "bundle.codec", "bundle.validate", "bundle.framing", "bundle.density",
)  # fmt: skip
COLUMNS = ("type", "content_size", "block", "offset")
# What is said of the elements of each list to take at least, and less.
WEIGHTS = {
    "{_FEATURES: 2, ": "{",
    "_REQUIREMENTS: 4": "_REQUIREMENTS: 2",
    "5: 32": "5: 4",
    "7: 4}": "7: 2}",
    "{3: 2}": "{}",
    "_TYPES: 4": "_TYPES: 2",
    "_KEYS: 32": "_KEYS: 4",
    "_DETAILS: 4": "_DETAILS: 2",
    "{2: 4, ": "{2: 2, ",
    ", 3: 4}": ", 3: 2}",
}


def _columns() -> Iterator[M]:
    """A column of another length than the keys is noticed, whichever it is."""
    compared = "numbers = table.type, table.content_size, table.block, table.offset"
    for letter, left_out in zip("abcd", COLUMNS, strict=True):
        others = ", ".join(f"table.{name}" for name in COLUMNS if name != left_out)
        yield M(f"TABLE-001{letter}", CODEC, compared, f"numbers = {others}", "READ-002 READ-008",
                may_crash=True)  # fmt: skip


def _weights() -> Iterator[M]:
    for letter, (old, new) in zip("bcdefghijk", WEIGHTS.items(), strict=True):
        yield M(f"WIRE-008{letter}", DENSITY, old, new, "LIM-004 READ-008")


MUTANTS = (
    *_columns(),
    *_weights(),
    M("WIRE-008l", CODEC, "is_too_dense(payload):", "is_too_dense(payload + b'\\x82\\x01\\x00'):",
      "LIM-004 READ-008"),
    M("TABLE-001e", CODEC, "len(table.content_digest) != DIGEST_SIZE * count",
      "len(table.content_digest) < DIGEST_SIZE * count", may_crash=True),
    M("TABLE-001f", CODEC, "len(table.content_digest) != DIGEST_SIZE * count",
      "len(table.content_digest) > DIGEST_SIZE * count", "WIRE-004", may_crash=True),
    M("TABLE-001g", CODEC, "len(table.content_digest) != DIGEST_SIZE * count",
      "len(table.content_digest) // DIGEST_SIZE != count", may_crash=True),
    M("TABLE-002", CODEC, "if count and max(table.type) >= len(table.types):",
      "if count and max(table.type) > len(table.types):", may_crash=True),
    M("TABLE-003", CODEC, "if len(set(types)) < len(types):", "if False:"),
    M("TABLE-003b", CODEC, "if len(set(types)) < len(types):", "if len({name for name, _ in types}) < len(types):",
      "TABLE-002 NAME-003 EXT-003 ART-002 NAME-006 POP-001 POP-003 WIRE-005"),
    M("TABLE-004", CODEC, "if not before < detail.artifact < count:", "if not before <= detail.artifact < count:"),
    M("TABLE-004b", CODEC, "if not before < detail.artifact < count:", "if not detail.artifact < count:"),
    M("TABLE-004c", CODEC, "if not before < detail.artifact < count:", "if not before < detail.artifact <= count:",
      may_crash=True),
    M("TABLE-004d", CODEC, "        before = detail.artifact\n",
      "        before = detail.artifact\n        if not detail.backends and not detail.attributes:\n"
      "            return 'it says nothing'\n", "LIM-003 LIM-005 WIRE-008 WIRE-003"),
    M("BLOCK-005b", VALIDATE, "if not 0 < entry.content_size <= framing.MAX_BLOCK_CONTENT:",
      "if not entry.content_size:"),
    M("BLOCK-005c", FRAMING, "MAX_BLOCK_DATA = MAX_BLOCK_CONTENT = 1 << 26", "MAX_BLOCK_DATA = MAX_BLOCK_CONTENT = 1 << 25",
      "LIM-001 LIM-010 LIM-004 BLOCK-008 RECV-001 CONT-005 CONT-007 READ-004 CONT-008"),
    M("PLACE-001", VALIDATE, "if block or offset else None", "if block else None", may_crash=True),
    M("PLACE-001b", VALIDATE, "if block or offset else None", "if offset else None", may_crash=True),
    M("PLACE-002", VALIDATE, "if block >= len(blocks) or offset", "if block > len(blocks) or offset",
      may_crash=True),
    M("PLACE-002b", VALIDATE, "if block >= len(blocks) or offset >= blocks[block].content_size:\n"
      "        return \"begins in no block\"\n    if offset + size <= blocks[block].content_size:\n",
      "if block >= len(blocks):\n        return \"begins in no block\"\n"
      "    if (offset + size) % 2**64 <= blocks[block].content_size:\n", may_crash=True),
    M("PLACE-003", VALIDATE, "if offset or end > ends[-1] or ends[bisect_left(ends, end)] != end:",
      "if end > ends[-1] or ends[bisect_left(ends, end)] != end:"),
    M("PLACE-003b", VALIDATE, "if offset or end > ends[-1] or ends[bisect_left(ends, end)] != end:",
      "if offset or end > ends[-1]:", "LIM-008"),
    M("PLACE-003c", VALIDATE, "if offset or end > ends[-1] or ends[bisect_left(ends, end)] != end:",
      "if offset or end > ends[-1] or ends[bisect_left(ends, end)] != end or end == ends[-1]:",
      "CONT-001 CONT-005 CONT-007 READ-004 BLOCK-006 LIM-003 LIM-008"),
    M("PLACE-005", VALIDATE, "    if any(other < end for (_, end), (other, _) in pairwise(sorted(runs))):\n", "    if False:\n",
      "PLACE-003 LIM-008"),
    M("PLACE-005b", VALIDATE, "if any(other < end for (_, end), (other, _)", "if any(other <= end for (_, end), (other, _)",
      "PLACE-003 LIM-008 BLOCK-006 CONT-007"),
    M("PLACE-005c", VALIDATE, "        if size and offset + size > blocks[block].content_size\n    }\n",
      "        if size and not offset\n    }\n",
      "PLACE-003 CONT-001 CONT-005 CONT-007 READ-004 CONT-008"),
)  # fmt: skip
