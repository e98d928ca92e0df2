"""SIGN: whose bundles are accepted."""

from mutants.mutant import Mutant as M

POLICY, KEYS, READER = "trust.policy", "trust.keys", "bundle.reader"

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
      " strict=True)):\n", "        _decode(frames, envelopes, limits, Reached(0, 0, {}), None)\n"
      "        for index, (frame, envelope) in enumerate(zip(frames, envelopes, "
      "strict=True)):\n", "READ-001"),
    M("SIGN-001", "trust.dsse", "signer.sign(message(envelope.payload_type, envelope.payload))",
      "signer.sign(envelope.payload)"),
    M("SIGN-010", "bundle.sign", "        count += dsse.sign(envelope, signer)\n",
      "        envelope.payload += b'\\x82\\x02\\x00'\n        import hashlib\n"
      "        envelope.payload_digest = hashlib.sha256(envelope.payload).digest()\n"
      "        count += dsse.sign(envelope, signer)\n"),
    M("SEC-001", "context", "return Bundle.open(source, policy=self._policy, limits",
      "from precompile_context.trust import UNSIGNED\n        return Bundle.open(source, "
      "policy=UNSIGNED, limits", "POP-009 CTX-026"),
)  # fmt: skip
