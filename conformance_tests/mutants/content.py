"""BLOCK, ZSTD and CONT: stored bytes to content."""

from mutants.mutant import Mutant as M

BLOCKS, CONTENT = "bundle.blocks", "bundle.content"
MATTERS = "CONT-005 CONT-007 READ-004"

MUTANTS = (
    M("BLOCK-008", BLOCKS, "if entry.compression == NONE and len(data) != entry.content_size:",
      "if False:", f"LIM-004 {MATTERS}"),
    M("CONT-001", CONTENT, "            yield piece\n        if digest.digest() != "
      "artifact.content_digest:\n            raise self._mismatch(artifact)\n",
      "            yield piece\n", MATTERS),
    M("CONT-001b", CONTENT,
      "        if _sha256(content).digest() != digest:\n            raise self._mismatch(artifact)\n", "",
      "CTX-030 POP-005 CTX-002 POP-006 CTX-021 CTX-018"),
    M("CONT-002", BLOCKS, "if hashlib.sha256(data).digest() != entry.digest:", "if False:",
      f"CONT-001 CONT-004 POP-005 CTX-030 READ-005 {MATTERS}"),
    M("CONT-003", BLOCKS, "if record[: len(prefix)] != prefix:", "if False:",
      f"RECV-001 RECV-003 READ-005 {MATTERS}"),
    M("CONT-004", BLOCKS, "raise fault(ErrorCode.UNSUPPORTED_FEATURE, detail)", "return data",
      f"EXT-005 CONT-001 {MATTERS}"),
    M("CONT-005", CONTENT, "offset = segment.blocks[artifact.block].offset",
      "offset = segment.blocks[0].offset", f"CONT-001 {MATTERS}"),
    M("CONT-007", CONTENT, "            if index >= 0 and entries[index].size:\n",
      "            if index >= 0 and entries[index].size and due[index]:\n",
      f"CONT-003 RECV-001 BLOCK-006 HOST-006 {MATTERS}"),
    M("CONT-007b", CONTENT, "        for index in range(-1, len(entries)):\n",
      "        for index, entry in enumerate(entries):\n            if entry.size:\n"
      "                self._block(segment, index)\n"
      "        for index in range(-1, len(entries)):\n", MATTERS),
    M("CONT-007c", CONTENT, "            rows[-1].append(row)\n", "            rows[0].append(row)\n",
      "CONT-001 READ-004 CONT-005"),
    M("CONT-005b", CONTENT, "        self._spend(entry.content_size, place.offset)\n        data = "
      "blocks.stored_data(self._source, place, entry)\n        blocks.check_digest(data, entry, "
      "place.offset)\n", "        data = blocks.stored_data(self._source, place, entry)\n        "
      "blocks.check_digest(data, entry, place.offset)\n        self._spend(entry.content_size, "
      "place.offset)\n", MATTERS),
    M("CONT-005c", CONTENT, "                self._check_size(artifact)\n"
      "                # A raw", "                # A raw", f"LIM-003 {MATTERS}"),
    M("READ-004", "bundle.reader", "    def stream(self, artifact: StoredArtifact) -> "
      "Iterator[memoryview]:\n", "    def stream(self, artifact: StoredArtifact) -> "
      "Iterator[memoryview]:\n        self.verify()\n", "CONT-001 CONT-002 CONT-003 CONT-004 "
      "CONT-005 CONT-007 EXT-005 LIM-003 ZSTD-002 ZSTD-003 ZSTD-004 ZSTD-005 ZSTD-006 ZSTD-007 "
      "ZSTD-009 BLOCK-008 RECV-001 POP-005 CTX-030"),
    M("ZSTD-002", BLOCKS, "if data[:4] != _ZSTD_MAGIC:", "if False:", MATTERS),
    M("ZSTD-003", BLOCKS, "if header.content_size == zstandard.CONTENTSIZE_UNKNOWN:", "if False:",
      MATTERS),
    M("ZSTD-004", BLOCKS, "raise fault(ErrorCode.SIZE_MISMATCH, detail)\n    # [PCB-ZSTD-005]",
      "raise fault(ErrorCode.DECOMPRESSION_FAILED, detail)\n    # [PCB-ZSTD-005]",
      f"ZSTD-008 {MATTERS}"),
    M("ZSTD-006", BLOCKS, "if header.window_size > MAX_WINDOW:", "if False:", MATTERS),
    M("ZSTD-006b", BLOCKS, "MAX_WINDOW = 8 << 20", "MAX_WINDOW = 4 << 20",
      f"LIM-001 ZSTD-002 ZSTD-003 ZSTD-004 ZSTD-005 ZSTD-007 ZSTD-009 LIM-004 {MATTERS}"),
    M("ZSTD-009", BLOCKS, "raise fault(ErrorCode.DECOMPRESSION_FAILED, detail) from None\n    if "
      "len(content)", "raise fault(ErrorCode.MALFORMED_BLOCK, detail) from None\n    if "
      "len(content)", f"ZSTD-007 ZSTD-005 {MATTERS} LIM-004"),
    M("ZSTD-009b", BLOCKS, "    if zstandard.get_frame_parameters(data).has_checksum:\n        "
      "position += 4\n", "", f"ZSTD-002 ZSTD-007 {MATTERS}"),
    M("LIM-003z", CONTENT, "self._decompressed += size if fits else 0",
      "self._decompressed += size", MATTERS),
    M("READ-006", "context.held", "        return self.content if isinstance(self.content, bytes) else self.content.read()",
      "        data = self.content if isinstance(self.content, bytes) else self.content.read()\n"
      "        import pickle\n        try:\n            "
      "pickle.loads(data)\n        except Exception:\n            pass\n        return data",
      "POP-009", may_crash=True),
    M("ZSTD-005", BLOCKS, 'raise fault(ErrorCode.DECOMPRESSION_FAILED, "the zstd frame needs',
      'raise fault(ErrorCode.UNSUPPORTED_FEATURE, "the zstd frame needs', MATTERS),
    M("ZSTD-007", BLOCKS, "    if position != len(data):\n", "    if position != len(data):\n"
      "        raise fault(ErrorCode.SIZE_MISMATCH, 'end')\n    if False:\n",
      f"ZSTD-009 {MATTERS}"),
    M("CONT-007d", CONTENT, "            rows[bisect_left(ends, ends[block] + end) - 1].append(row)\n",
      "            rows[block].append(row)\n", f"PLACE-003 {MATTERS}"),
    M("CONT-008", CONTENT, "                if digests[place] != artifact.content_digest:\n                    raise",
      "                    if digests[place] == artifact.content_digest:\n                        continue\n                    raise",
      f"CONT-001 PLACE-003 LIM-001 LIM-010 LIM-008 EXT-003 WIRE-003 {MATTERS}"),
    M("CONT-008b", CONTENT, "place = artifact.block, artifact.offset, artifact.content_size\n",
      "place = artifact.block, artifact.offset, 0\n",
      f"CONT-001 PLACE-001 PLACE-002 PLACE-003 LIM-001 READ-010 LIM-010 {MATTERS}"),
    M("ZSTD-006c", BLOCKS, "if header.window_size > MAX_WINDOW:",
      "if header.window_size.bit_length() > MAX_WINDOW.bit_length():", MATTERS),
)  # fmt: skip
