"""WIRE to CHAIN, HOST, CURR, EXT and LIM: what a manifest says, and to whom it applies."""

from mutants.mutant import Mutant as M

CODEC, VALIDATE, READER, WALK, CHECKING, CURRENT, NAMES = (
    "bundle.codec", "bundle.validate", "bundle.reader", "bundle.walk", "bundle.checking",
    "bundle.current", "bundle.names",
)  # fmt: skip
ARTIFACT, HOST = "artifact", "environment"

MUTANTS = (
    M("WIRE-001", CODEC, "parse(message, payload, ErrorCode.MALFORMED_MANIFEST, offset)",
      "parse(message, payload, ErrorCode.MALFORMED_FRAME, offset)", "WIRE-002 READ-001"),
    M("WIRE-005", CODEC, "if any(kind == 0 for _, kind in types):", "if False:", "READ-001 READ-002"
      " READ-008"),
    M("WIRE-005b", CODEC, "if block.compression == 0:", "if False:"),
    M("WIRE-005c", CODEC, "if requirement.match == 0:", "if False:"),
    M("WIRE-006", CODEC, "if len(block.digest) != DIGEST_SIZE:", "if False:"),
    M("WIRE-006c", CODEC, "if len(message.previous_manifest_digest) not in (0, DIGEST_SIZE):",
      "if False:"),
    M("WIRE-006d", CODEC,
      "if any(len(b.content_digest) not in (0, DIGEST_SIZE) for b in detail.backends):", "if False:"),
    M("WIRE-008", CODEC, "if is_too_dense(payload):", "if False:"),
    M("EXT-001", CODEC, "if feature not in KNOWN_FEATURES:", "if False:",
      "READ-001 READ-002 RECV-001 APPD-004 CTX-026"),
    M("EXT-001b", CODEC, "    for feature in message.required_features:\n",
      "    if fault := _malformed(message) or _malformed_table(message.artifacts):\n"
      "        raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, fault, offset)\n"
      "    for feature in message.required_features:\n", "LIM-003 READ-002 READ-008 WIRE-008"),
    M("EXT-003", CODEC, "_KINDS.get(t.kind, t.kind)) for t in table.types",
      "ArtifactKind(t.kind)) for t in table.types",
      "POP-003 CTX-016 NAME-006 TABLE-002 TABLE-003 WIRE-001", may_crash=True),
    M("EXT-005", CODEC,
      "_MATCHES.get(r.match, r.match)",
      "Match(r.match)",
      "HOST-003",
      may_crash=True),
    M("REQ-002", NAMES, "if not _is_sorted(requirement.name for requirement in manifest.requirements):",
      "if False:"),
    M("REQ-004", NAMES, "if not _is_sorted(requirement.values):", "if False:"),
    M("REQ-004b", NAMES, "if any(len(value.encode()) > MAX_VALUE_BYTES for value in requirement.values):",
      "if False:"),
    M("REQ-004c", NAMES, "[name.encode() for name in names]",
      "[name.encode('utf-16-be') for name in names]"),
    M("ART-002", CODEC, "() if ignored else _ids(detail.backends)", "_ids(detail.backends)",
      "NAME-006 LIM-001 WIRE-008"),
    M("ART-005", NAMES, "if fault is None and not _is_sorted(names):", "if False:"),
    M("ART-006", CODEC, "return message.name, getattr(message, which)",
      "return message.name, abs(getattr(message, which)) if which == 'double_value' else "
      "getattr(message, which)"),
    M("NAME-001", ARTIFACT, "if not _NAME.fullmatch(name):", "if not _NAME.match(name):",
      "NAME-006 NAME-004 CTX-004"),
    M("NAME-001b", ARTIFACT, "if len(name) > MAX_NAME_BYTES:", "if False:", "NAME-004"),
    M("NAME-002", ARTIFACT, 'if not key.isprintable() and any(unicodedata.category(char) == "Cc" '
      "for char in key):", "if False:", "NAME-004 CTX-004 NAME-006"),
    M("NAME-002b", ARTIFACT, "if not 1 <= size <= MAX_KEY_BYTES:", "if not size:",
      "NAME-004 CTX-004"),
    M("NAME-002c", ARTIFACT, "if not 1 <= size <= MAX_KEY_BYTES:", "if size > MAX_KEY_BYTES:",
      "NAME-004 CTX-004 READ-001 READ-002 READ-008"),
    M("NAME-003", VALIDATE, "if fault := repeated_name(manifest.artifacts):", "if False:",
      "READ-001 READ-002 READ-008 TABLE-003"),
    M("NAME-005", NAMES, "    if len(set(table.key)) == len(table):\n        return None  # as where each type's keys are digests of their own\n"
      "    if len(set(table.names())) == len(table):\n        return None\n",
      "    if len({(name, key.casefold()) for name, key in table.names()}) == len(table):\n"
      "        return None\n    return 'twice'\n"),
    M("NAME-006", NAMES, "    return _first(map(_id_fault, detail.backends)) or (\n", "    return (\n"),
    M("NAME-006b", NAMES, "        or _first(map(_id_fault, manifest.removed))\n", "", "LIM-003"),
    M("BLOCK-003", VALIDATE, "elif framing.block_data_size(entry.size) is None:", "elif False:",
      "BLOCK-004"),
    M("BLOCK-004", VALIDATE, "if at != frame.manifest_offset:", "if False:",
      "READ-001 FRAME-012 CTX-026 BLOCK-003 APPD-004"),
    M("BLOCK-005", VALIDATE, "if not 0 < entry.content_size <= framing.MAX_BLOCK_CONTENT:",
      "if not entry.content_size <= framing.MAX_BLOCK_CONTENT:", "READ-008"),
    M("BLOCK-006", VALIDATE, "identity = (entry.digest, entry.compression, entry.content_size)",
      "identity = (b'', 0, 0)", "HOST-006 EXTENT-006 CTX-027 BLOCK-007 CHAIN-003"),
    M("BLOCK-006b", VALIDATE, "place = own[identity] = BlockPlace(at, entry.size)",
      "place = own[identity] = chain[identity] = BlockPlace(at, entry.size)"),
    M("BLOCK-006c", VALIDATE, "    chain.update(own)\n", "    chain.update({**own, **chain})\n"),
    M("BLOCK-006d", VALIDATE, "place = own[identity] = BlockPlace(at, entry.size)",
      "place = BlockPlace(at, entry.size)\n            own.setdefault(identity, place)"),
    M("CHAIN-002", VALIDATE, 'not in (b"", previous_digest)', 'not in (b"", previous_digest) and '
      "not frame.offset", "READ-001 READ-002"),
    M("CHAIN-003", VALIDATE, "        chain.clear()\n", "        pass\n", "BLOCK-006"),
    M("READ-001", CHECKING, "        manifests.append(manifest)\n    return manifests, items, content",
      "        manifests.append(manifest)\n        validate(manifest, frame, "
      "manifest.previous_manifest_digest, {})\n    return manifests, items, content", "BLOCK-006 HOST-006 LIM-003"
      " EXTENT-006 BLOCK-007 CTX-027 READ-002 READ-008 WRITE-000 CHAIN-003 READ-005 PLACE-003 CONT-007"
      " CONT-005"),
    M("READ-002", CHECKING, "raise min(faults, key=lambda fault: fault.offset or 0)",
      "raise faults[0]", "READ-001 LIM-003 FRAME-012 FRAME-004 ENV-002"),
    M("HOST-001", HOST, "return actual == frozenset(requirement.values)",
      "return actual >= frozenset(requirement.values)", "HOST-006 HOST-005"),
    M("HOST-002", HOST, "return actual >= frozenset(requirement.values)",
      "return actual == frozenset(requirement.values)"),
    M("HOST-003", HOST, "            return False\n        # [PCB-HOST-001]\n",
      "            return not requirement.values\n        # [PCB-HOST-001]\n"),
    M("HOST-003b", HOST, "return False  # a way of matching", "return True  # a way of matching",
      "EXT-005"),
    M("HOST-004", HOST, "            if not self._meets(requirement)\n",
      "            if not self._meets(requirement) and requirement is list(requirements)[-1]\n"),
    M("HOST-005", READER, "if not matching:", "if False:", "CTX-026"),
    M("HOST-006", READER, "matching if segments is None else {s.index for s in segments})", "matching)",
      "CURR-001 HOST-001 HOST-002 HOST-003 HOST-004 EXT-005 CTX-027 CURR-006 CTX-026 CTX-025"),
    M("CURR-001", CURRENT, "            for removed in segment.manifest.removed:\n"
      "                self._chain.pop((removed.type, removed.key), None)\n"
      "            self._chain.update(zip(segment.manifest.artifacts.names(), rows, strict=True))\n",
      "            self._chain.update(zip(segment.manifest.artifacts.names(), rows, strict=True))\n"
      "            for removed in segment.manifest.removed:\n"
      "                self._chain.pop((removed.type, removed.key), None)\n",
      "CURR-004 DET-005 CTX-009 CTX-012 CURR-003 CTX-026"),
    M("CURR-002", CURRENT,
      "            self._chain.update(zip(segment.manifest.artifacts.names(), rows, strict=True))\n",
      "            for name, row in zip(segment.manifest.artifacts.names(), rows, strict=True):\n"
      "                self._chain.setdefault(name, row)\n",
      "CURR-003 CURR-004 APPD-010 CTX-029 CTX-026 CTX-007 CTX-021 CURR-006 EXT-008"),
    M("CURR-003", CURRENT, "                self._chain.pop((removed.type, removed.key), None)\n",
      "                self._chain.pop((removed.type, removed.key, removed.content_digest), None)\n",
      "CURR-001 CURR-004 READ-008 CTX-026 CTX-009 CURR-006 DET-005 CTX-012 CTX-027"),
    M("CURR-004", CURRENT,
      "            self._chain.update(zip(segment.manifest.artifacts.names(), rows, strict=True))\n",
      "            for name, row in zip(segment.manifest.artifacts.names(), rows, strict=True):\n"
      "                self._chain.pop(name, None)\n                self._chain[name] = row\n",
      "CURR-002 APPD-010 CTX-029 CTX-026 CURR-006"),
    M("LIM-003", CODEC, "if items > items_left:", "if False:", "LIM-005 READ-002 READ-008"),
    M("LIM-003b", WALK, "if len(frames) > limits.segments:", "if False:", "READ-008"),
    M("LIM-003c", WALK, "if at - manifest_at > limits.manifest_bytes:", "if False:"),
    M("LIM-003d", CHECKING, "most = min(limits.total_content, CONTENT_PER_BYTE * size)",
      "most = CONTENT_PER_BYTE * size", "LIM-005 READ-002 READ-008"),
    M("LIM-003f", CODEC, "len(message.removed)\n", "0\n", "LIM-005"),
    M("LIM-001", WALK, "if at - manifest_at > limits.manifest_bytes:",
      "if at - manifest_at > min(limits.manifest_bytes, 1000):",
      "LIM-003 LIM-005 FRAME-009 FRAME-011 READ-010 CONT-001 HOST-004 CONT-005 READ-008 NAME-002"
      " NAME-007 LIM-002 WRITE-000 BLOCK-004 WIRE-003 ENV-007 NAME-001 LIM-008 EXT-001 WIRE-008"
      " WIRE-001 WIRE-005 CTX-004 CTX-016 CURR-001 REQ-004 DET-005 POP-003 REQ-002 ART-005"
      " CTX-026 READ-005 EXT-003 NAME-006 APPD-004 WIRE-006"),
    M("WIRE-003", CODEC, "    # [PCB-EXT-001]\n", "    known = bundle_pb2.Manifest()\n    "
      "known.CopyFrom(message)\n    known.DiscardUnknownFields()\n    if known.ByteSize() != "
      "message.ByteSize():\n        raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, '', offset)"
      "\n    # [PCB-EXT-001]\n", "WIRE-001 LIM-009 ART-006 EXT-007"),
    M("EXT-004", NAMES, "_named(name_fault(name), name) for name in {t.name for t in table.types})",
      "_named('unknown' if name.startswith('vendor') else name_fault(name), name)\n"
      "            for name in {t.name for t in table.types})",
      "CTX-016 CTX-031 POP-003 EXT-003 POP-006 CTX-010 CTX-011 CTX-013"),
    M("APPD-010", VALIDATE, 'not in (b"", previous_digest)', '!= previous_digest',
      "CHAIN-002 CHAIN-003 CURR-002 CURR-003 READ-001 READ-002 BLOCK-006 CTX-026 CTX-027 CTX-028"
      " CTX-029 READ-003 READ-008"),
    M("NAME-003b", NAMES, "    if len(set(table.names())) == len(table):\n",
      "    if len(set(zip(table.type, table.key))) == len(table):\n", "TABLE-003"),
    M("NAME-006c", NAMES, "for name in {t.name for t in table.types})",
      "for name in {table.types[index].name for index in table.type})", "NAME-001"),
    M("CURR-003b", CURRENT, "                self._chain.pop((removed.type, removed.key), None)\n",
      "                self._chain.pop((removed.type, removed.key), None)\n"
      "                self._earlier.pop((removed.type, removed.key), None)\n",
      "CURR-006 APPD-010 CTX-009 CTX-012 CTX-018 CTX-021 CTX-026"),
    M("CURR-006", CURRENT, "if segment.begins_chain and self._chain:", "if False:",
      "CURR-003 APPD-010 CHAIN-003 CTX-009 CTX-012 CTX-018 CTX-021 CTX-026 APPD-001"),
    M("CURR-006b", CURRENT, "if segment.begins_chain and self._chain:",
      "if segment.begins_chain and self._chain and matches:"),
    M("CURR-006c", CURRENT, "self._earlier | self._chain if", "self._chain | self._earlier if",
      "CURR-002 APPD-010 CTX-026 CTX-029 CURR-003 READ-004 CHAIN-003 LIM-010"),
    M("CURR-006d", CURRENT, "            self._earlier.update(self._chain)\n",
      "            self._earlier = self._chain | self._earlier\n", "APPD-010 CHAIN-003 CTX-026"),
    M("ENV-008d", CODEC, "if (signatures := _count_signatures(data, offset)) > most_signatures:",
      "if (signatures := _count_signatures(data, offset)) >= most_signatures:", "LIM-001 LIM-002 LIM-005"),
    M("LIM-003h", CODEC, "        + len(table.types)\n", "", "LIM-005 READ-002 READ-008"),
    M("LIM-003i", CODEC, "        + len(table.details)\n", "", "LIM-005"),
    M("LIM-010", CHECKING, "most = min(limits.total_content, CONTENT_PER_BYTE * size)", "most = limits.total_content",
      "LIM-003 LIM-005 LIM-004 RECV-001 READ-008 WIRE-001"),
    M("LIM-010b", CHECKING, "size = frames[-1].offset + frames[-1].size", "size = frames[0].offset + frames[0].size"),
    M("LIM-010c", "bundle.limits", "CONTENT_PER_BYTE = 1 << 16", "CONTENT_PER_BYTE = 1 << 17", "RECV-001 LIM-005 READ-008"),
    M("LIM-010d", "bundle.limits", "CONTENT_PER_BYTE = 1 << 16", "CONTENT_PER_BYTE = 1 << 15", "LIM-001 RECV-001 CONT-008"),
)  # fmt: skip
