"""SIGN: whose bundles are accepted."""

from mutants.mutant import Mutant as M

POLICY, KEYS, READER = "trust.policy", "trust.keys", "bundle.reader"
POINTS, DSSE = "trust.points", "trust.dsse"

MUTANTS = (
    M("SIGN-002", POLICY, "named = [signature.keyid] if signature.keyid else list(self._keys)",
      "named = list(self._keys)", "SIGN-005 SIGN-006 SIGN-007 SEC-001"),
    M("SIGN-002b", POLICY, "if signature.keyid else list(self._keys)", "if True else []"),
    M("SIGN-003", POLICY, "if len(signers) >= self.threshold:", "if signers:", "SIGN-006"),
    M("SIGN-003b", POLICY, "                signers.add(examined.signer)\n",
      "                signers.add(str(len(signers)))\n"),
    M("SIGN-003c", POLICY, "            bad = bad or (examined.keyid if examined.is_bad else None)\n",
      "            bad = bad or (examined.keyid if examined.is_bad else None)\n            if bad:\n"
      "                break\n"),
    M("SIGN-004", POLICY, "        if not envelope.signatures:\n", "        if False:\n",
      "SIGN-008 READ-009 READ-001 READ-003 SEC-001 POP-009"),
    M("SIGN-005", POLICY, "code = ErrorCode.BAD_SIGNATURE", "code = ErrorCode.UNTRUSTED_SIGNER",
      "SIGN-002 SIGN-007 SIGN-008"),
    M("SIGN-006", POLICY, "code = ErrorCode.UNTRUSTED_SIGNER", "code = ErrorCode.BAD_SIGNATURE",
      "SIGN-002 SIGN-003 SEC-001 POP-009"),
    M("SIGN-007", KEYS, "            self._key.verify(signature, message)\n",
      "            self._key.verify(signature[:64], message)\n"),
    M("SIGN-007b", KEYS, "            self._key.verify(signature, message)\n",
      "            high = int.from_bytes(signature[32:], 'little') % (2**252 + 277423177773723535"
      "35851937790883648493)\n            self._key.verify(signature[:32] + high.to_bytes(32, "
      "'little'), message)\n", "SIGN-005"),
    M("SIGN-008", READER, "for index, (frame, envelope) in enumerate(zip(frames, envelopes, "
      "strict=True)):\n", "for index, (frame, envelope) in list(enumerate(zip(frames, envelopes, "
      "strict=True)))[:1]:\n", "READ-003"),
    M("READ-009", READER, "        for index, (frame, envelope) in enumerate(zip(frames, envelopes,"
      " strict=True)):\n", "        check_manifests(frames, envelopes, limits)\n"
      "        for index, (frame, envelope) in enumerate(zip(frames, envelopes, "
      "strict=True)):\n", "READ-001"),
    M("SIGN-001", "trust.dsse", "signer.sign(message(envelope.payload_type, envelope.payload))",
      "signer.sign(envelope.payload)"),
    M("SIGN-010", "bundle.sign", "        count += dsse.sign(envelope, signer)\n",
      "        envelope.payload += b'\\x82\\x02\\x00'\n        import hashlib\n"
      "        envelope.payload_digest = hashlib.sha256(envelope.payload).digest()\n"
      "        count += dsse.sign(envelope, signer)\n"),
    M("SEC-001", "context.context", "return Bundle.open(source, policy=policy, limits",
      "from precompile_context.trust import UNSIGNED\n        return Bundle.open(source, "
      "policy=UNSIGNED, limits", "POP-009 CTX-026"),
    M("SIGN-012", KEYS, "        if not is_point(raw):\n", "        if False:\n", "CTX-002"),
    M("SIGN-012b", POINTS, "    if y >= _P:\n", "    if False:\n", "CTX-002"),
    M("SIGN-012c", POINTS, "return not (x == 0 and sign)", "return True"),
    M("SIGN-012d", POINTS, "    elif v * x * x % _P != u:\n", "    elif False:\n", "CTX-002"),
    M("SIGN-012e", KEYS, "        if not is_point(raw):\n",
      "        if not is_point(raw) or raw[1:-1] in (bytes(30), b\"\\xff\" * 30):\n", "SIGN-003"),
    M("SIGN-013", DSSE, "    for index in reversed(own):\n        del envelope.signatures[index]\n", "", "SIGN-010"),
    M("SIGN-013b", DSSE, "if len(own) == 1 and envelope.signatures[own[0]].sig == sig:",
      "if any(envelope.signatures[index].sig == sig for index in own):"),
    M("SIGN-013c", DSSE, "if len(own) == 1 and envelope.signatures[own[0]].sig == sig:", "if False:"),
    M("SIGN-013d", DSSE, "    # [PCB-SIGN-013]\n", "    envelope.DiscardUnknownFields()\n    # [PCB-SIGN-013]\n"),
    M("SIGN-013e", DSSE, "    envelope.signatures.add(sig=sig, keyid=signer.keyid)\n",
      "    envelope.signatures.add(sig=sig, keyid=signer.keyid)\n    envelope.signatures.sort(key=lambda one: one.keyid)\n",
      "SIGN-010 SIGN-001"),
    M("SIGN-013f", DSSE, "if there.keyid == signer.keyid]", "if there.keyid.lower() in (\"\", signer.keyid)]"),
    M("SIGN-005b", POLICY, "bad = bad or (examined.keyid if examined.is_bad else None)",
      "bad = bad or (examined.keyid if examined.is_bad and examined.keyid not in signers else None)"),
    M("SIGN-008b", READER, "        for index, (frame, envelope) in enumerate(zip(frames, envelopes,"
      " strict=True)):\n", "        once = {each.payload: at for at, each in reversed(list(enumerate(envelopes)))}\n"
      "        for index, (frame, envelope) in enumerate(zip(frames, envelopes, strict=True)):\n"
      "            if once[envelope.payload] != index:\n                continue\n", "SIGN-004"),
)  # fmt: skip
