"""FRAME, ENV and RECV: headers, footers, envelopes, the walk and E."""

from mutants.mutant import Mutant as M

FRAMING, FRAMES, FORWARDS, WALK, CODEC, READER, CHECKING = (
    "bundle.framing", "bundle.frames", "bundle.forwards", "bundle.walk", "bundle.codec",
    "bundle.reader", "bundle.checking",
)  # fmt: skip

MUTANTS = (
    M("FRAME-003", FRAMES, "or head[0] != 0x0A:", ":", "SPEC-000 READ-005"),
    M("FRAME-003b", FRAMES, "head[2:4] != framing.HEADER[2:4] or head[4:21] != framing.MAGIC",
      "head[4:21] != framing.MAGIC", "APPD-004"),
    M("FRAME-004", FRAMES, "if major not in (None, framing.MAJOR):", "if (major or 0) > 2:", "EXT-001 READ-001 READ-002"
      " READ-005 APPD-004 APPD-014 RECV-006"),
    M("FRAME-005", FRAMES, "if head[: framing.HEADER_SIZE] == framing.HEADER:",
      "if head[2:21] == framing.HEADER[2:21] and (framing.read_varint(head, 22) or [1])[0] == 1:",
      "READ-005 FRAME-003"),
    M("FRAME-006", FRAMES, "offset + len(head)", "offset", "RECV-001"),
    M("FRAME-007", WALK, 'return PrecompileError(ErrorCode.TRUNCATED, detail, end)',
      'return PrecompileError(ErrorCode.TRUNCATED, detail, at)',
      "READ-005 RECV-001 RECV-003 READ-002 APPD-010 READ-003"),
    M("FRAME-007b", FRAMING, "tag != FOOTER_TAG or size_tag != _FOOTER_SIZE_TAG",
      "tag != FOOTER_TAG"),
    M("FRAME-009", FRAMING, "(byte == 0 and index > position) or ", "", "FRAME-005 FRAME-011"),
    M("FRAME-010", FRAMING, "HEADER_SIZE <= manifest_offset < segment_size - FOOTER_SIZE",
      "manifest_offset < segment_size - FOOTER_SIZE", "FRAME-011 RECV-001 APPD-006"),
    M("FRAME-010c", WALK, "if size > end or not", "if not", "RECV-001 APPD-006 FRAME-012", may_crash=True),
    M("FRAME-011", WALK, "manifest_at + prefix[0] + prefix[1] != at",
      "manifest_at + prefix[0] + prefix[1] > at", "FRAME-012 READ-005"),
    M("FRAME-012", WALK, "if fault.code is ErrorCode.NOT_A_BUNDLE and frame.offset > 0:",
      "if False:", "FRAME-005 READ-005"),
    M("FRAME-012b", WALK, "PrecompileError(ErrorCode.MALFORMED_FRAME, detail, max(0, at))",
      "PrecompileError(ErrorCode.TRUNCATED, detail, max(0, at))", "FRAME-013 READ-005"),
    M("FRAME-013", WALK, "    while end > 0:\n        frame = _segment", "    while end > 1:\n"
      "        frame = _segment", "FRAME-012"),
    M("ENV-002", CODEC, "if envelope.payload_type != PAYLOAD_TYPE:", "if False:",
      "READ-001 READ-002 READ-005"),
    M("ENV-004", CODEC, "if envelope.payload_digest != hashlib", "if b'' and hashlib",
      "ENV-006 READ-001 READ-005 RECV-001 CTX-026 ENV-002"),
    M("ENV-005", CODEC, "parse(envelope, data, ErrorCode.MALFORMED_FRAME, offset)",
      "parse(envelope, data, ErrorCode.MALFORMED_MANIFEST, offset)", "READ-005"),
    M("RECV-001", WALK, "or any(end in (f.offset, f.offset + f.size) for f in frames)", "or True"),
    M("RECV-001b", FORWARDS, "is_whole = window.read(at, framing.FOOTER_SIZE, after=_AHEAD) == expected",
      "is_whole = framing.read_footer(window.read(at, framing.FOOTER_SIZE)) is not None", "APPD-006"),
    M("RECV-001c", FRAMING, "if 0 < data_size <= MAX_BLOCK_DATA:", "if 0 <= data_size <= MAX_BLOCK_DATA:",
      "BLOCK-003 BLOCK-004"),
    M("RECV-001d", WALK, "return bool(faults) or any(", "return bool(faults) or False and any("),
    M("RECV-002", READER, "self.ignored = source.size - self.size", "self.ignored = 0",
      "CTX-026 RECV-001 RECV-004"),
    M("RECV-003", CHECKING, "    if recover:\n        end = complete_prefix", "    if True:\n        end = complete_prefix",
      "FRAME-007 FRAME-010 FRAME-011 FRAME-012 FRAME-005 READ-005 READ-002 READ-003 APPD-010"
      " CONT-007 CONT-003 FRAME-009 FRAME-004 RECV-004 APPD-006 APPD-014 ENV-004"),
    M("ENV-006", CODEC, "    return envelope\n", "    data = bytes(data)\n    first = "
      "bundle_pb2.Envelope.FromString(data[: data.find(PAYLOAD_TYPE.encode()) - 2])\n    "
      "envelope.payload = first.payload\n    return envelope\n", "ENV-005 WIRE-004 ENV-004"),
    M("ENV-007", CODEC, "    # [PCB-ENV-002]\n", "    known = bundle_pb2.Envelope()\n    "
      "known.CopyFrom(envelope)\n    known.DiscardUnknownFields()\n    if known.ByteSize() != "
      "envelope.ByteSize():\n        raise PrecompileError(ErrorCode.MALFORMED_FRAME, '', offset)\n"),
    M("READ-003", WALK, "            faults.append(fault)\n        frames.append(frame)",
      "            if fault.code is not ErrorCode.UNSUPPORTED_VERSION or not frame.offset:\n"
      "                faults.append(fault)\n        frames.append(frame)",
      "FRAME-004 READ-001 READ-002"),
    M("RECV-001e", CHECKING,
      "return any(f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME) for f in faults)",
      "return bool(faults) and all(\n        f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME) for f in faults\n    )"),
    M("RECV-006", FRAMES, "if fault is not None and fault.code is ErrorCode.UNSUPPORTED_VERSION:",
      "if False:", "APPD-004 APPD-006 APPD-014 FRAME-004"),
    M("RECV-006b", FRAMES, "source.read(end, min(source.size - end, HEAD_SIZE)), end)",
      "source.read(end, min(source.size - end, framing.HEADER_SIZE)), end)", "FRAME-004"),
    M("RECV-006c", CHECKING,
      "        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):\n            check_same_major(source, end)\n",
      "        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):\n            if faults:\n                check_same_major(source, end)\n",
      "FRAME-004"),
    M("APPD-014", FORWARDS, "        is not None\n    )\n", "        == framing.MAJOR\n    )\n", "APPD-006"),
    M("ENV-002b", CODEC, "    # [PCB-ENV-004]\n    if envelope.payload_digest",
      "    if envelope.payload_type != PAYLOAD_TYPE:\n        raise PrecompileError(ErrorCode.UNSUPPORTED_FEATURE, '', offset)\n"
      "    # [PCB-ENV-004]\n    if envelope.payload_digest",
      "ENV-004 READ-002 READ-008 APPD-004"),
    M("ENV-008", CODEC,
      "        return sum(number == _SIGNATURES for number, _, _ in fields(data, 0, len(data)))\n",
      "        message = bundle_pb2.Envelope()\n        parse(message, data, ErrorCode.MALFORMED_FRAME, offset)\n"
      "        return len(message.signatures)\n", "LIM-003 READ-002 READ-008"),
    M("ENV-008b", "bundle.wire", "            if not groups:\n", "            if True:\n",
      "WIRE-008 WIRE-003 ENV-007 LIM-005"),
    M("ENV-008c", CODEC, "    if (signatures := _count_signatures(data, offset)) > most_signatures:\n",
      "    if (signatures := _count_signatures(data, offset)) > most_signatures and (\n"
      "        bundle_pb2.Envelope.FromString(data).payload_type == PAYLOAD_TYPE\n    ):\n",
      "READ-002 READ-008 LIM-003", may_crash=True),
    M("ENV-005b", CODEC, '        detail = "the envelope is no sequence of fields"\n        raise PrecompileError(ErrorCode.MALFORMED_FRAME',
      '        detail = "the envelope is no sequence of fields"\n        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED',
      "ENV-008 READ-002 READ-008 LIM-003 READ-005"),
    M("RECV-001f", CHECKING, "f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME) for f in faults)",
      "f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME, ErrorCode.LIMIT_EXCEEDED) for f in faults)"),
    M("RECV-001g", CHECKING, "f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME) for f in faults)",
      "f.code in (ErrorCode.TRUNCATED, ErrorCode.MALFORMED_FRAME, ErrorCode.UNSUPPORTED_VERSION) for f in faults)"),
    M("RECV-001h", FORWARDS, "is_whole = window.read(at, framing.FOOTER_SIZE, after=_AHEAD) == expected",
      "is_whole = window.read(at, framing.FOOTER_SIZE, after=_AHEAD)[-8:] == expected[-8:]"),
    M("RECV-006d", CHECKING,
      "        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):\n            check_same_major(source, end)\n",
      "        if end:\n            check_same_major(source, end)\n"
      "        if end and (_may_be_torn(faults) or not is_boundary(end, frames, faults)):\n"),
)  # fmt: skip
