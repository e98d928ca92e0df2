"""Writers: what a segment is made of, what is refused to be written, how a file is extended."""

from mutants.mutant import Mutant as M

FRAMING, WRITER, ENCODE, CHAIN, PACKING = (
    "bundle.framing", "bundle.writer", "bundle.encode", "bundle.chain", "bundle.packing",
)  # fmt: skip
APPENDING = "files.appending"
# What any bundle of a writer's shows when its bytes are wrong.
ANY = (
    "FRAME-001 FRAME-002 FRAME-008 BLOCK-001 BLOCK-002 ENV-001 ENV-003 DET-001 DET-002 DET-003"
    " PLACE-004 TABLE-005 EXTENT-006 WIRE-009 EXT-002 EXT-006 BLOCK-009 ZSTD-001 FRAME-014 DET-004 DET-005"
    " CHAIN-001 ART-001 ART-004 REQ-001 REQ-003 CURR-005 NAME-004 LIM-006 BLOCK-007 APPD-001"
    " APPD-005 APPD-006 CTX-006 CTX-007 CTX-009 CTX-011 CTX-012 CTX-013 CTX-014 CTX-015 CTX-016"
    " CTX-017 CTX-018 CTX-019 CTX-020 CTX-023 CTX-024 CTX-025 CTX-026 CTX-027 CTX-028 CTX-029"
    " CTX-030 CTX-002 CTX-003 CTX-004 CTX-010 POP-001 POP-006 SEC-002 SEC-003 RECV-002 EXT-007"
    " HOST-005 HOST-006 CURR-004 ART-006"
)

MUTANTS = (
    M("FRAME-001", WRITER, "        yield framing.footer(manifest_offset, size)\n",
      '        yield framing.footer(manifest_offset, size) + b"\\x2a\\x00"\n', ANY),
    M("FRAME-002", WRITER, "        yield framing.HEADER\n", '        yield b""\n', ANY),
    M("FRAME-008", FRAMING, "    return bytes([MANIFEST_TAG]) + varint(envelope_size)\n",
      "    data = varint(envelope_size)\n    return bytes([MANIFEST_TAG]) + data[:-1] + "
      'bytes([data[-1] | 0x80]) + b"\\x00"\n', ANY),
    M("FRAME-014", WRITER,
      "            if not content:\n                continue\n            # [PCB-EXTENT-006]\n", "",
      ANY),
    M("BLOCK-001", WRITER,
      "        yield prefix\n        yield block.data\n        self._size += size\n",
      "        self._entries.append(self._entries[-1])\n        yield prefix\n        yield block.data\n"
      "        self._size += size\n",
      ANY),
    M("BLOCK-002", WRITER, "BlockEntry(block.digest, size, block.compression",
      "BlockEntry(block.digest, size + 1, block.compression", ANY),
    M("BLOCK-002b", WRITER, "BlockEntry(block.digest, size, block.compression",
      "BlockEntry(bytes(32), size, block.compression", ANY),
    M("BLOCK-007", CHAIN, "if not _is_sound(part.bundle, part.manifest, row):", "if False:"),
    M("BLOCK-007b", CHAIN, "        if not self._stands_for(part, part.manifest.artifacts.block[row],"
      " place.blocks):\n", "        if False:\n"),
    M("BLOCK-009", PACKING, "data, compression = compressed, ZSTD",
      "data, compression = compressed, 9", ANY),
    M("ZSTD-001", PACKING, "zstandard.ZstdCompressor(compression_params=parameters)",
      "zstandard.ZstdCompressor(level=3, write_content_size=False)", ANY),
    M("ENV-001", WRITER, "            payload_type=PAYLOAD_TYPE,\n",
      '            payload_type="application/octet-stream",\n', ANY),
    M("ENV-003", WRITER, "            payload_digest=hashlib.sha256(payload).digest(),\n",
      "            payload_digest=bytes(32),\n", ANY),
    M("REQ-001", "environment", "for name in sorted(by_name))",
      "for name in sorted(by_name, reverse=True))", "CTX-025"),
    M("REQ-003", "environment", "ordered = tuple(sorted(set(values), key=str.encode))",
      "ordered = tuple(values)"),
    M("ART-001", ENCODE,
      "            type=backend.type, key=backend.key, content_digest=backend"
      ".content_digest\n",
      "            type=backend.type, key=backend.key\n",
      "CTX-011 CTX-012 CTX-016 CTX-023 CTX-024 CTX-027 CTX-006 POP-001 POP-00"
      "6 DET-001 CTX-019 EXT-003 CTX-007"),
    M("ART-003", "context.recording", "if ids and cls.KIND is not ArtifactKind.ENTRY:", "if False:",
      "CTX-005"),
    M("ART-004", "artifact", "for name in attribute_names(type(artifact))}",
      "for name in reversed(attribute_names(type(artifact)))}",
      "CTX-017 CTX-006 CTX-007 ART-006 CTX-013 POP-001 CTX-018"),
    M("CHAIN-001", WRITER, "previous_manifest_digest=self._chain.previous_digest,",
      'previous_manifest_digest=b"",', ANY),
    M("DET-001", WRITER, "            producer=self._producer,\n", "            producer=Producer("
      "self._producer.name, __import__('secrets').token_hex(4)),\n", ANY),
    M("DET-002", WRITER, "            producer=self._producer,\n", "            producer=Producer("
      "self._producer.name, str(__import__('time').time_ns())),\n", ANY),
    M("DET-003", ENCODE,
      "    return message.SerializeToString(deterministic=True)",
      '    return message.SerializeToString(deterministic=True) + b"\\x1a\\x00"', ANY),
    M("DET-004", WRITER, "        batch = artifacts if isinstance(artifacts, Batch) else Batch.of(artifacts)\n",
      "        batch = artifacts if isinstance(artifacts, Batch) else Batch.of(\n"
      "            sorted(artifacts, key=lambda one: one.key)\n        )\n", ANY),
    M("DET-005", "context.writing", "removed = [name for name in tombstones if name in state.saved]",
      "removed = sorted(name for name in tombstones if name in state.saved)"),
    M("PLACE-004", WRITER, "            list(map(len, batch.contents)),\n",
      "            [len(content) + 1 for content in batch.contents],\n", ANY),
    M("EXTENT-006", CHAIN, "        number = self._by_digest.get(digest)\n", "        number = None\n",
      "CTX-016 BLOCK-007"),
    M("WIRE-009", ENCODE,
      "    return message.SerializeToString(deterministic=True)",
      "    return message.SerializeToString(deterministic=True) + "
      'b"\\x80\\x81\\x80\\x80\\x80\\x80\\x00\\x01"', ANY),
    M("EXT-002", ENCODE,
      "    message = bundle_pb2.Manifest(\n",
      '    message = bundle_pb2.Manifest(\n        required_features=["x"],\n',
      ANY),
    M("EXT-006", ENCODE,
      "    return message.SerializeToString(deterministic=True)",
      '    return message.SerializeToString(deterministic=True) + b"\\x82\\x01\\x00"', ANY),
    M("CURR-005", ENCODE,
      "message.removed.add(type=removed.type, key=removed.key)",
      "message.removed.add(type=removed.type, key=removed.key, content_digest=bytes(32))", ANY),
    M("APPD-001", APPENDING, "        at, last = self.size, None\n",
      "        at, last = 0, None\n", "APPD-006 BLOCK-007 EXTENT-006 CHAIN-001"),
    M("APPD-004", APPENDING, "        if error.code is not ErrorCode.TRUNCATED and not "
      "ends_with_torn_footer(source, 0):\n            raise\n", "        pass\n", "APPD-006"),
    M("APPD-005", APPENDING, "        os.ftruncate(fd, 0)  # new",
      "        raise PrecompileError(ErrorCode.NOT_A_BUNDLE, '', 0)  # new"),
    M("APPD-006", APPENDING, "if not holds_committed_segment(source, end):", "if True:",
      "APPD-001"),
    M("APPD-006b", APPENDING, "if error.code is ErrorCode.TRUNCATED:", "if True:"),
    M("APPD-006c", APPENDING, "raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, end)",
      "raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, source.size)", "APPD-001"),
    M("NAME-004", "artifact", '        return f"a key is 1 to', '        return None\n        '
      'return f"a key is 1 to', "NAME-002 CTX-004 READ-001 READ-002 READ-008"),
    M("PLACE-004b", ENCODE, "message.offset.extend(table.offset)",
      "message.offset.extend([0] * len(table.offset))", ANY),
    M("TABLE-005", "bundle.table", "    for pair in pairs:\n        index.setdefault(pair, len(index))\n",
      "    for pair in sorted(set(pairs)):\n        index.setdefault(pair, len(index))\n", ANY),
    M("TABLE-005b", "bundle.batch", "        if artifact.backends or artifact.fields:\n", "        if True:\n", ANY),
    M("DET-003b", ENCODE, "    if manifest.artifacts.types:\n",
      "    message.artifacts.SetInParent()\n    if manifest.artifacts.types:\n", ANY),
    M("LIM-011", WRITER, "        content = self._chain.content + batch.content\n", "        content = 0\n"),
    M("LIM-011b", WRITER, "        content = self._chain.content + batch.content\n", "        content = batch.content\n"),
)  # fmt: skip
