"""WIRE to CHAIN, HOST, CURR, EXT and LIM: what a manifest says, and to whom it applies."""

from mutants.mutant import Mutant as M

CODEC, VALIDATE, READER, WALK = (
    "bundle.codec", "bundle.validate", "bundle.reader", "bundle.walk",
)  # fmt: skip
ARTIFACT, HOST = "artifact", "environment"

MUTANTS = (
    M("WIRE-001", CODEC, "parse(message, payload, ErrorCode.MALFORMED_MANIFEST, offset)",
      "parse(message, payload, ErrorCode.MALFORMED_FRAME, offset)", "WIRE-002 READ-001"),
    M("WIRE-005", CODEC, "if artifact.kind == 0:", "if False:", "READ-001 READ-002"),
    M("WIRE-005b", CODEC, "if block.compression == 0:", "if False:"),
    M("WIRE-005c", CODEC, "if requirement.match == 0:", "if False:"),
    M("WIRE-006", CODEC, "if len(block.digest) != DIGEST_SIZE:", "if False:"),
    M("WIRE-006b", CODEC, "if len(artifact.content_digest) != DIGEST_SIZE:", "if False:"),
    M("WIRE-006c", CODEC, "if len(message.previous_manifest_digest) not in (0, DIGEST_SIZE):",
      "if False:"),
    M("WIRE-006d", CODEC, "if len(backend.content_digest) not in (0, DIGEST_SIZE):", "if False:"),
    M("WIRE-008", CODEC, "if is_too_dense(payload):", "if False:"),
    M("EXT-001", CODEC, "if feature not in KNOWN_FEATURES:", "if False:",
      "READ-001 READ-002 RECV-001 APPD-004 CTX-026"),
    M("EXT-001b", CODEC, "    for feature in message.required_features:\n",
      "    for artifact in _artifacts(message, segment):\n"
      "        if fault := _malformed_artifact(artifact):\n"
      "            raise PrecompileError(ErrorCode.MALFORMED_MANIFEST, fault, offset)\n"
      "    for feature in message.required_features:\n", "LIM-003"),
    M("EXT-003", CODEC,
      "_KINDS.get(kind, kind),",
      "ArtifactKind(kind) if kind else kind,",
      "POP-003 CTX-016 NAME-006",
      may_crash=True),
    M("EXT-005", CODEC,
      "_MATCHES.get(r.match, r.match)",
      "Match(r.match)",
      "HOST-003",
      may_crash=True),
    M("REQ-002", VALIDATE, '_check_sorted((r.name for r in manifest.requirements), "requirements")',
      "pass"),
    M("REQ-004", VALIDATE, "_check_sorted(requirement.values, ", "str("),
    M("REQ-004b", VALIDATE, "len(value.encode()) > MAX_VALUE_BYTES", "False"),
    M("REQ-004c", VALIDATE, "[name.encode() for name in names]",
      "[name.encode('utf-16-be') for name in names]"),
    M("ART-002", CODEC,
      "() if kind in _WITHOUT_BACKENDS else _ids(",
      "_ids(",
      "NAME-006 LIM-001"),
    M("ART-005", VALIDATE, "_check_sorted((name for name, _ in artifact.fields), ", "str("),
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
    M("NAME-003", VALIDATE, "if name in seen:", "if False:", "READ-001 READ-002"),
    M("NAME-005", VALIDATE, "name = (artifact.type, artifact.key)",
      "name = (artifact.type, artifact.key.casefold())"),
    M("NAME-006", VALIDATE, "        for backend in artifact.backends:\n            "
      "_check_id(backend)\n", ""),
    M("NAME-006b", VALIDATE, "    for removed in manifest.removed:\n        _check_id(removed)\n",
      ""),
    M("BLOCK-003", VALIDATE, "framing.block_data_size(entry.size) is None or "
      "entry.size > framing.MAX_BLOCK_RECORD", "False",
      "BLOCK-004"),
    M("BLOCK-004", VALIDATE, "if at != frame.manifest_offset:", "if False:",
      "READ-001 EXTENT-001 FRAME-012 CTX-026 BLOCK-003"),
    M("BLOCK-005", VALIDATE, "if entry.content_size == 0:", "if False:"),
    M("BLOCK-006", VALIDATE, "identity = (entry.digest, entry.compression, entry.content_size)",
      "identity = (b'', 0, 0)", "HOST-006 EXTENT-006 CTX-027 BLOCK-007 CHAIN-003"),
    M("BLOCK-006b", VALIDATE, "place = own[identity] = BlockPlace(at, entry.size)",
      "place = own[identity] = chain[identity] = BlockPlace(at, entry.size)"),
    M("BLOCK-006c", VALIDATE, "    chain.update(own)\n", "    chain.update({**own, **chain})\n"),
    M("BLOCK-006d", VALIDATE, "place = own[identity] = BlockPlace(at, entry.size)",
      "place = BlockPlace(at, entry.size)\n            own.setdefault(identity, place)"),
    M("EXTENT-001", VALIDATE,
      "if block >= len(blocks):",
      "if block > 2**33:",
      may_crash=True),
    M("EXTENT-002", VALIDATE,
      "size == 0 or offset + size",
      "offset + size"),
    M("EXTENT-002b", VALIDATE,
      "or offset + size > content_size",
      ""),
    M("EXTENT-002c", VALIDATE,
      "offset + size > content_size",
      "(offset + size) % 2**64 > content_size"),
    M("EXTENT-003", VALIDATE,
      "if size != content_size and len(artifact.extents) > 1:",
      "if False:"),
    M("EXTENT-004", VALIDATE, "if total != artifact.content_size:",
      "if total < artifact.content_size:"),
    M("EXTENT-004b", VALIDATE, "if total != artifact.content_size:",
      "if total % 2**64 != artifact.content_size:"),
    M("CHAIN-002", VALIDATE, 'not in (b"", previous_digest)', 'not in (b"", previous_digest) and '
      "not frame.offset", "READ-001 READ-002"),
    M("CHAIN-003", VALIDATE, "            chain.clear()\n", "            pass\n", "BLOCK-006"),
    M("READ-001", READER, "        manifests.append(manifest)\n    return manifests",
      "        manifests.append(manifest)\n        validate(manifest, frame, "
      "manifest.previous_manifest_digest, {})\n    return manifests", "BLOCK-006 HOST-006 LIM-003"
      " EXTENT-006 BLOCK-007 CTX-027 READ-002 READ-008 WRITE-000 CHAIN-003 READ-005"),
    M("READ-002", READER, "raise min(faults, key=lambda fault: fault.offset or 0)",
      "raise faults[0]", "READ-001 LIM-003 FRAME-012"),
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
    M("HOST-006", READER, "for segment in self.segments if segments is None else segments:",
      "for segment in self.segments:", "CURR-001 HOST-001 HOST-002 HOST-003 HOST-004 EXT-005"
      " CTX-027"),
    M("CURR-001", READER, "            for removed in segment.manifest.removed:\n"
      "                current.pop((removed.type, removed.key), None)\n            for artifact in "
      "segment.manifest.artifacts:\n                current[artifact.type, artifact.key] = "
      "artifact\n", "            for artifact in segment.manifest.artifacts:\n                "
      "current[artifact.type, artifact.key] = artifact\n            for removed in "
      "segment.manifest.removed:\n                current.pop((removed.type, removed.key), None)\n",
      "CURR-004 DET-005 CTX-009 CTX-012 CURR-003 CTX-026"),
    M("CURR-002", READER, "current[artifact.type, artifact.key] = artifact",
      "current.setdefault((artifact.type, artifact.key), artifact)", "CURR-003 CURR-004"
      " APPD-010 CTX-029 CTX-026"),
    M("CURR-003", READER, "                current.pop((removed.type, removed.key), None)\n",
      "                current.pop((removed.type, removed.key, removed.content_digest), None)\n",
      "CURR-001 CURR-004 READ-008 CTX-026 CTX-009"),
    M("CURR-004", READER, "                current[artifact.type, artifact.key] = artifact\n",
      "                current.pop((artifact.type, artifact.key), None)\n                "
      "current[artifact.type, artifact.key] = artifact\n", "CURR-002 APPD-010 CTX-029 CTX-026"),
    M("LIM-003", CODEC,
      "if items_left is not None and items > items_left:",
      "if False:",
      "LIM-005"),
    M("LIM-003b", WALK, "if len(frames) > limits.segments:", "if False:", "READ-008"),
    M("LIM-003c", WALK, "if at - manifest_at > limits.manifest_bytes:", "if False:"),
    M("LIM-003d", READER, "if content > limits.total_content:", "if False:", "LIM-002 LIM-004"),
    M("LIM-003e", CODEC, "if len(envelope.signatures) > most_signatures:", "if False:",
      "LIM-002"),
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
    M("EXT-004", VALIDATE,
      "        _check_name(name_fault(type_name), type_name)\n",
      "        _check_name(\n            'unknown' if type_name.startswith('ve"
      "ndor') else name_fault(type_name), type_name\n        )\n",
      "CTX-016 CTX-031 POP-003 EXT-003 POP-006"),
    M("APPD-010", VALIDATE, 'not in (b"", previous_digest)', '!= previous_digest',
      "CHAIN-002 CHAIN-003 CURR-002 CURR-003 READ-001 READ-002 BLOCK-006 CTX-026 CTX-027 CTX-028"
      " CTX-029 READ-003 READ-008"),
)  # fmt: skip
