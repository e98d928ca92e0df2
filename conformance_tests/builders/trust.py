"""SIGN: whose bundles are accepted. Keys are made of published seeds, which fix signatures, too."""

import hashlib
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from builders.bases import MORE, PLAIN, flip
from builders.case import (
    INPUT,
    READER,
    SIGNATURES,
    SIGNING,
    VERIFIER,
    WRITER,
    Built,
    Cases,
    accepts,
    case,
    of_host,
    refuses,
    rejection,
)
from builders.scripting import Script
from precompile.conformance.v1 import reading_pb2
from precompile_conformance import reader
from precompile_conformance.build import PAYLOAD_TYPE, BuiltBundle, Segment, bundle
from precompile_conformance.judge import without_places
from precompile_conformance.reader.trust import is_public_key, pre_authentication_encoding
from precompile_conformance.wire import record, sha256

# Seeds of the test keys: 32 bytes all alike. They are public; they protect nothing.
SEEDS = {name: bytes([byte]) * 32 for name, byte in {"a": 1, "b": 2, "c": 3, "stranger": 9}.items()}
KEYS = {name: Ed25519PrivateKey.from_private_bytes(seed) for name, seed in SEEDS.items()}
PUBLIC = {name: key.public_key().public_bytes_raw() for name, key in KEYS.items()}
KEYID = {name: sha256(public).hex() for name, public in PUBLIC.items()}
# The order of the group, for signatures whose S is not below it.
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
BASE = "SIGN/one-key"


def signature(name: str, payload: bytes, *, keyid: str | None = None,
              sig: bytes | None = None, payload_type: str = PAYLOAD_TYPE) -> bytes:  # fmt: skip
    """A Signature field of an envelope."""
    if sig is None:
        sig = KEYS[name].sign(pre_authentication_encoding(payload_type.encode(), payload))
    keyid = KEYID[name] if keyid is None else keyid
    return record(0x1A, record(0x0A, sig) + (record(0x12, keyid.encode()) if keyid else b""))


def _with_r_of_1(payload: bytes) -> bytes:
    """A signature by `a` that holds but for its R: y = 1, encoded as 1 + PRIME.

    RFC 8032 decodes no y that is not below the prime (5.1.3).
    """
    secret = bytearray(hashlib.sha512(SEEDS["a"]).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    r = (1 + PRIME).to_bytes(32, "little")
    message = pre_authentication_encoding(PAYLOAD_TYPE.encode(), payload)
    challenge = int.from_bytes(hashlib.sha512(r + PUBLIC["a"] + message).digest(), "little")
    return r + (challenge * int.from_bytes(secret, "little") % ORDER).to_bytes(32, "little")


def signed(*names: str, segment: Segment = PLAIN, **options: str) -> BuiltBundle:
    """One segment, signed by these keys."""
    payload = bundle(segment).segments[0].payload
    tail = b"".join(signature(name, payload, **options) for name in names)  # type: ignore[arg-type]
    return bundle(replace(segment, envelope_tail=tail))


def trusting(*names: str, threshold: int = 1) -> reading_pb2.ReadRequest:
    """A request that trusts these keys."""
    keys = [PUBLIC[name] for name in names]
    return reading_pb2.ReadRequest(
        trust=reading_pb2.TrustPolicy(trusted_keys=keys, threshold=threshold)
    )


def _accepted(name: str, shows: str, rules: str, built: BuiltBundle,
              asked: reading_pb2.ReadRequest) -> Built:  # fmt: skip
    return accepts(f"SIGN/{name}", shows, rules, built, asked=asked,
                   classes=[READER, VERIFIER], needs=[SIGNATURES])  # fmt: skip


def _refused(name: str, shows: str, rules: str, built: BuiltBundle, code: str, defect: str,
             asked: reading_pb2.ReadRequest | None = None, segment: int = 0) -> Built:  # fmt: skip
    return refuses(
        f"SIGN/{name}", shows, rules, built, code, built.segments[segment].manifest_offset,
        base=BASE, defect=defect, asked=asked or trusting("a"), classes=[READER, VERIFIER],
        needs=[SIGNATURES],
    )  # fmt: skip


def cases() -> Cases:
    """All cases of the area."""
    yield from _accepts()
    yield from _refuses()
    yield from _thresholds()
    yield from _stages()
    yield from _keys()
    yield from _digest()
    yield from _contexts()
    yield from _signs()
    yield from _signs_beside()


def _accepts() -> Cases:
    yield _accepted(
        "one-key", "Signed by the one trusted key.", "PCB-SIGN-002 PCB-SIGN-003", signed("a"),
        trusting("a"),
    )  # fmt: skip
    yield _accepted(
        "keyid-empty", "Without a keyid every trusted key is tried.", "PCB-SIGN-002",
        signed("b", keyid=""), trusting("a", "b"),
    )  # fmt: skip
    yield _accepted(
        "strangers-beside", "Signatures of strangers are ignored.", "PCB-SIGN-003",
        signed("stranger", "a", "c"), trusting("a"),
    )  # fmt: skip
    payload = bundle(PLAIN).segments[0].payload
    bad = signature("b", payload, sig=bytes(64)) + signature("a", payload)
    yield _accepted(
        "bad-one-beside-a-good-one", "Enough good signatures are enough, whatever else is there.",
        "PCB-SIGN-003", bundle(replace(PLAIN, envelope_tail=bad)), trusting("a", "b"),
    )  # fmt: skip
    yield accepts(
        "SIGN/not-asked-for", "Without a policy signatures are not looked at.", "PCB-ENV-007",
        bundle(replace(PLAIN, envelope_tail=bad)),
    )  # fmt: skip


def _refuses() -> Cases:
    payload = bundle(PLAIN).segments[0].payload

    def with_tail(tail: bytes) -> BuiltBundle:
        return bundle(replace(PLAIN, envelope_tail=tail))

    yield _refused("unsigned", "No signature at all.", "PCB-SIGN-004", bundle(PLAIN), "UNSIGNED",
                   "no signature")  # fmt: skip
    yield _refused("by-a-stranger", "Signed by no trusted key.", "PCB-SIGN-006 PCB-SIGN-002",
                   signed("stranger"), "UNTRUSTED_SIGNER", "another key")  # fmt: skip
    yield _refused(
        "strangers-keyid-for-a-trusted-key", "A keyid that names no trusted key: none is tried.",
        "PCB-SIGN-002 PCB-SIGN-006", signed("a", keyid="0" * 64), "UNTRUSTED_SIGNER",
        "the keyid names nobody",
    )  # fmt: skip
    yield _refused(
        "keyid-in-capitals", "A keyid is lower-case hexadecimal: capitals name nobody.",
        "PCB-SIGN-002", signed("a", keyid=KEYID["a"].upper()), "UNTRUSTED_SIGNER",
        "the keyid is in capitals",
    )  # fmt: skip
    yield _refused(
        "trusted-keyid-for-a-strangers-signature", "The key that is named decides.",
        "PCB-SIGN-002 PCB-SIGN-005", signed("stranger", keyid=KEYID["a"]), "BAD_SIGNATURE",
        "a stranger's signature under a trusted keyid",
    )  # fmt: skip
    good = KEYS["a"].sign(pre_authentication_encoding(PAYLOAD_TYPE.encode(), payload))
    high = int.from_bytes(good[32:], "little") + ORDER
    wrong = {
        "r-not-below-the-prime": (_with_r_of_1(payload), "PCB-SIGN-007"),
        "flipped-bit": (good[:10] + bytes([good[10] ^ 1]) + good[11:], "PCB-SIGN-005"),
        "zeros": (bytes(64), "PCB-SIGN-005"),
        "empty": (b"", "PCB-SIGN-005 PCB-SIGN-007"),
        "63-bytes": (good[:63], "PCB-SIGN-007"),
        "65-bytes": (good + b"\0", "PCB-SIGN-007"),
        "s-not-below-the-order": (good[:32] + high.to_bytes(32, "little"), "PCB-SIGN-007"),
    }
    for name, (sig, rules) in wrong.items():
        yield _refused(
            f"signature-{name}", "A signature that names a trusted key and does not verify.",
            rules, with_tail(signature("a", payload, sig=sig)), "BAD_SIGNATURE",
            f"the signature is {name.replace('-', ' ')}",
        )  # fmt: skip
    yield _refused(
        "signature-bad-without-keyid", "A bad signature that names nobody is a stranger's.",
        "PCB-SIGN-006", with_tail(signature("a", payload, keyid="", sig=bytes(64))),
        "UNTRUSTED_SIGNER", "zeros as a signature, without a keyid",
    )  # fmt: skip
    other = bundle(MORE).segments[0].payload
    yield _refused(
        "of-another-payload", "A signature belongs to its payload.", "PCB-SIGN-005",
        with_tail(signature("a", other)), "BAD_SIGNATURE", "the signature is over another payload",
    )  # fmt: skip
    yield _refused(
        "of-another-payload-type", "A signature covers the payload's type, too.", "PCB-SIGN-005",
        signed("a", payload_type="text/plain"), "BAD_SIGNATURE",
        "the signature is over another payload_type",
    )  # fmt: skip
    bare = signature("a", payload, sig=KEYS["a"].sign(payload))
    yield _refused(
        "of-the-bare-payload", "What is signed is the pre-authentication encoding.",
        "PCB-SIGN-005", with_tail(bare), "BAD_SIGNATURE", "the payload alone is signed",
    )  # fmt: skip


def _thresholds() -> Cases:
    two = trusting("a", "b", "c", threshold=2)
    yield _accepted(
        "two-of-three", "Two distinct keys meet a threshold of two.", "PCB-SIGN-003",
        signed("a", "c"), two,
    )  # fmt: skip
    yield _refused(
        "one-of-two", "One key does not meet a threshold of two.", "PCB-SIGN-003 PCB-SIGN-006",
        signed("a", "stranger"), "UNTRUSTED_SIGNER", "one trusted key alone", two,
    )  # fmt: skip
    yield _refused(
        "the-same-key-twice", "A threshold counts keys, not signatures.", "PCB-SIGN-003",
        signed("a", "a"), "UNTRUSTED_SIGNER", "two signatures of one key", two,
    )  # fmt: skip

    payload = bundle(PLAIN).segments[0].payload
    good, bad = signature("a", payload), signature("a", payload, sig=bytes(64))
    for name, tail in {"good-then-bad": good + bad, "bad-then-good": bad + good}.items():
        yield _refused(
            f"{name}-of-one-key", "A signature that names a trusted key and does not verify is"
            " told, whatever else that key signed.", "PCB-SIGN-005",
            bundle(replace(PLAIN, envelope_tail=tail)), "BAD_SIGNATURE",
            "one of two signatures of a key is zeros, and a second key is missing", two,
        )  # fmt: skip


def _stages() -> Cases:
    first = bundle(PLAIN).segments[0].payload
    second = bundle(PLAIN, MORE).segments[1].payload

    def chain(tail_one: bytes, tail_two: bytes) -> BuiltBundle:
        return bundle(replace(PLAIN, envelope_tail=tail_one), replace(MORE, envelope_tail=tail_two))

    yield _accepted(
        "each-segment", "Every segment carries its own signature.", "PCB-SIGN-003 PCB-SIGN-008",
        chain(signature("a", first), signature("a", second)), trusting("a"),
    )  # fmt: skip
    yield _refused(
        "second-segment-unsigned", "One segment that is refused refuses the bundle.",
        "PCB-SIGN-008 PCB-READ-003", chain(signature("a", first), b""), "UNSIGNED",
        "the second segment has no signature", segment=1,
    )  # fmt: skip
    yield _refused(
        "both-segments-differently-bad", "The lowest segment that is refused decides.",
        "PCB-SIGN-008", chain(signature("a", first, sig=bytes(64)), b""), "BAD_SIGNATURE",
        "the first signature is zeros, the second is missing",
    )  # fmt: skip
    twice = bundle(
        replace(PLAIN, envelope_tail=signature("a", first)), replace(PLAIN, chained=False)
    )
    assert twice.segments[1].payload == first
    yield _refused(
        "same-payload-unsigned", "A signature is of its own envelope: another segment with the same"
        " payload does not have it.", "PCB-SIGN-004 PCB-SIGN-008", twice, "UNSIGNED",
        "the first segment's payload again, unsigned", segment=1,
    )  # fmt: skip
    undecodable = replace(PLAIN, payload=b"\xff\xff\xff")
    yield _refused(
        "before-the-payload-is-decoded", "A payload is not decoded before it is trusted.",
        "PCB-READ-009 PCB-READ-001", bundle(undecodable), "UNSIGNED",
        "unsigned, and no manifest",
    )  # fmt: skip
    framed = bundle(replace(PLAIN, payload_digest=bytes(32)))
    yield _refused(
        "frame-before-trust", "What the frame says is checked before signatures are.",
        "PCB-READ-001", framed, "MALFORMED_FRAME", "unsigned, and with another payload digest",
    )  # fmt: skip


def _contexts() -> Cases:
    signed_one, stranger = signed("a").data, signed("stranger").data
    script = Script(good=signed_one, plain=bundle(PLAIN).data, stranger=stranger)
    script.use("two", trust=trusting("a").trust).load("plain").says(refused="UNSIGNED", current="")
    script.load("stranger").says(refused="UNTRUSTED_SIGNER", current="").populate()
    script.says(applied=0).load("good").says("loaded", current="one two").populate()
    yield script.says(applied=2).built(
        "SIGN/context-with-a-policy", "A context loads and applies what its policy accepts.",
        "PCB-SEC-001 PCB-POP-009 PCB-CTX-026", needs=[SIGNATURES],
    )  # fmt: skip


def _key(y: int, *, sign: bool = False) -> bytes:
    """A public key of this y and sign of x."""
    return (y | sign << 255).to_bytes(32, "little")


# What RFC 8032 does not decode, and what it does, though nobody should trust it.
NO_KEYS = {
    "31-bytes": PUBLIC["a"][:31],
    "33-bytes": PUBLIC["a"] + b"\0",
    "empty": b"",
    "y-is-the-prime": _key(PRIME),
    "y-over-the-prime": _key(PRIME + 1),
    "y-of-255-ones": _key(2**255 - 1),
    "y-over-the-prime-with-the-sign-bit": _key(PRIME + 1, sign=True),
    "not-on-the-curve": _key(2),
    "not-on-the-curve-with-the-sign-bit": _key(2, sign=True),
    "x-is-0-with-the-sign-bit": _key(1, sign=True),
    "x-is-0-and-y-minus-1-with-the-sign-bit": _key(PRIME - 1, sign=True),
}
ODD_KEYS = {"identity": _key(1), "order-2": _key(PRIME - 1), "order-4": _key(0)}


def _keys() -> Cases:
    """A policy is of keys; one that is none makes it misuse, whoever signed."""
    for name, key in NO_KEYS.items():
        assert not is_public_key(key)
        message = case(
            f"SIGN/no-key-{name}", "A policy with a key that RFC 8032 does not decode is misuse.",
            "PCB-SIGN-012", classes=[READER, VERIFIER], needs=[SIGNATURES], base=BASE,
            defect="a second trusted key is none",
        )  # fmt: skip
        message.request.read.CopyFrom(trusting("a"))
        message.request.read.trust.trusted_keys.append(key)
        message.request.read.path = INPUT
        message.expected.misuse.SetInParent()
        yield Built(message, {INPUT: signed("a").data})
    for name, key in ODD_KEYS.items():
        assert is_public_key(key)
        asked = trusting("a")
        asked.trust.trusted_keys.append(key)
        yield _accepted(
            f"key-of-small-order-{name}", "A key of small order is decoded, and may be trusted.",
            "PCB-SIGN-012 PCB-SIGN-003", signed("a"), asked,
        )  # fmt: skip
    for threshold, keys in ((0, "a"), (2, "a"), (3, "ab"), (2, "aa")):
        message = case(
            f"SIGN/threshold-{threshold}-of-{keys}", "A threshold is 1 to the number of different"
            " keys; another is misuse.", "PCB-SIGN-003", classes=[READER, VERIFIER],
            needs=[SIGNATURES], base=BASE, defect=f"the threshold is {threshold}",
        )  # fmt: skip
        message.request.read.CopyFrom(trusting(*keys, threshold=threshold))
        message.request.read.path = INPUT
        message.expected.misuse.SetInParent()
        yield Built(message, {INPUT: signed("a").data})
    policy = trusting("a").trust
    policy.trusted_keys.append(NO_KEYS["not-on-the-curve"])
    script = Script().use("two", trust=policy, types=()).says("misuse").blob("a", b"1")
    yield script.says("done", current="a").built(
        "SIGN/context-with-no-key", "No context is made of a policy with a key that is none.",
        "PCB-SIGN-012 PCB-CTX-002", needs=[SIGNATURES],
    )  # fmt: skip


def _digest() -> Cases:
    built = bundle(PLAIN, MORE)
    digest = sha256(b"".join(sha256(segment.payload) for segment in built.segments))
    yield accepts(
        "CHAIN/expected-digest", "The bundle digest that was expected.", "PCB-CHAIN-004", built,
        asked=reading_pb2.ReadRequest(expected_digest=digest), classes=[READER, VERIFIER],
    )  # fmt: skip
    cut = built.data[: built.segments[1].offset]
    yield refuses(
        "CHAIN/expected-digest-tail-dropped", "A chain's tail that was dropped is noticed.",
        "PCB-CHAIN-004", cut, "DIGEST_MISMATCH", None, base="CHAIN/expected-digest",
        defect="the last segment is gone",
        asked=reading_pb2.ReadRequest(expected_digest=digest), classes=[READER, VERIFIER],
    )  # fmt: skip
    other = of_host(gpu=["h100"])
    other.expected_digest = digest
    foreign = bundle(replace(PLAIN, requirements=[("gpu", 1, ["a100"])]))
    yield refuses(
        "CHAIN/expected-digest-of-another-host", "The bundle digest is asked behind the host.",
        "PCB-CHAIN-004 PCB-HOST-005 PCB-READ-001", foreign, "INCOMPATIBLE_ENVIRONMENT",
        foreign.segments[0].manifest_offset, base="CHAIN/expected-digest",
        defect="another digest, and no segment for the host", asked=other,
        classes=[READER, VERIFIER],
    )  # fmt: skip
    opaque = bundle(PLAIN, replace(MORE, requirements=[("gpu", 1, ["a100"])]))
    digests = b"".join(sha256(segment.payload) for segment in opaque.segments)
    here = of_host(gpu=["h100"])
    here.expected_digest = sha256(digests)
    yield accepts(
        "CHAIN/expected-digest-with-an-opaque-segment", "The bundle digest is of all segments,"
        " whatever the host.", "PCB-CHAIN-004 PCB-HOST-006", opaque, asked=here,
        classes=[READER, VERIFIER],
    )  # fmt: skip
    block = bundle(PLAIN).segments[0].block_offsets[0]
    yield refuses(
        "CHAIN/expected-digest-before-damage", "The bundle digest is asked before any block.",
        "PCB-CHAIN-004", flip(bundle(PLAIN).data, block + 5), "DIGEST_MISMATCH", None,
        base="CHAIN/expected-digest", defect="another digest, and a bit of a block",
        asked=reading_pb2.ReadRequest(expected_digest=digest), classes=[READER, VERIFIER],
    )  # fmt: skip


def _signs() -> Cases:
    chain = bundle(PLAIN, MORE)
    yield _signed_by(
        "sign-adds-to-each-segment", "A signature is added to every segment.",
        "PCB-SIGN-001 PCB-SIGN-010 PCB-DET-003", chain, trusting("a"), chain,
    )  # fmt: skip
    by_b = bundle(*(
        replace(segment, envelope_tail=signature("b", built.payload))
        for segment, built in zip((PLAIN, MORE), chain.segments, strict=True)
    ))  # fmt: skip
    yield _signed_by(
        "sign-beside-another", "A signature stands beside one of another key.",
        "PCB-SIGN-001 PCB-SIGN-010", by_b, trusting("a", "b", threshold=2), chain,
    )  # fmt: skip
    yield _signed_by(
        "sign-two-chains", "Every segment of every chain is signed.", "PCB-SIGN-001 PCB-SIGN-010",
        bundle(PLAIN, replace(MORE, chained=False)), trusting("a"),
        bundle(PLAIN, replace(MORE, chained=False)),
    )  # fmt: skip
    message = case(
        "SIGN/sign-refused", "A file that is no bundle is not signed, and stays as it was.",
        "PCB-FRAME-007", classes=[WRITER], needs=[SIGNING], base="SIGN/sign-adds-to-each-segment",
        defect="the last byte is gone",
    )  # fmt: skip
    message.request.sign.path, message.request.sign.seed = INPUT, SEEDS["a"]
    message.expected.rejection.CopyFrom(rejection("TRUNCATED", None))
    yield Built(message, {INPUT: chain.data[:-1]})


def _unknown(field: bytes) -> bytes:
    """A signature by `b` with a field that the schema does not know."""
    payload = bundle(PLAIN).segments[0].payload
    known = signature("b", payload)
    return record(0x1A, known[2 + (known[1] > 0x7F) :] + record(0x7A, field))


def _signs_beside() -> Cases:
    """What stands in the envelope already."""
    chain = bundle(PLAIN)
    payload = chain.segments[0].payload
    a, b, c = (signature(name, payload) for name in "abc")
    bad, other = signature("a", payload, sig=bytes(64)), signature("a", payload, sig=b"short")
    nameless = signature("a", payload, keyid="")
    capitals = signature("a", payload, keyid=KEYID["a"].upper())
    stories: dict[str, tuple[str, bytes]] = {
        "again": ("A key that signed already adds nothing.", a),
        "again-among-others": ("A key that signed adds nothing, wherever it stands.", a + b),
        "over-a-bad-one": ("A bad signature under the signer's keyid gives way.", bad),
        "over-bad-ones-among-others": (
            "Bad signatures under the signer's keyid give way, the others stay.", bad + b + other,
        ),
        "over-a-good-and-a-bad-one": (
            "Of two under the signer's keyid none stays in its place.", a + bad + b,
        ),
        "over-the-same-twice": ("Of two equal ones, one is left, the last.", a + a + b),
        "behind-others-in-their-order": (
            "Other signatures stay in their order, bad ones too.",
            c + signature("b", payload, sig=b"") + signature("stranger", payload) + b,
        ),
        "beside-one-without-a-keyid": (
            "A signature without keyid names nobody, and stays.", nameless,
        ),
        "beside-a-keyid-in-capitals": ("Another keyid than the signer's stays.", capitals),
        "beside-unknown-fields": (
            "Unknown fields of the envelope and of signatures are kept.",
            _unknown(b"of a signature") + record(0x7A, b"of the envelope") + b"\x80\x01\x07",
        ),
        "again-beside-unknown-fields": (
            "Where there is nothing to add, the file stays as it is.",
            record(0x7A, b"of the envelope") + a + _unknown(b"of a signature"),
        ),
        "over-a-bad-one-beside-unknown-fields": (
            "Unknown fields are kept where a signature gives way.",
            bad + _unknown(b"of a signature") + record(0x7A, b"of the envelope"),
        ),
    }  # fmt: skip
    for name, (shows, tail) in stories.items():
        file = bundle(replace(PLAIN, envelope_tail=tail))
        yield _signed_by(f"sign-{name}", shows, "PCB-SIGN-013 PCB-SIGN-010", file, trusting("a"),
                         chain)  # fmt: skip


def _signed_by(name: str, shows: str, rules: str, file: BuiltBundle,
               asked: reading_pb2.ReadRequest, holds: BuiltBundle) -> Built:  # fmt: skip
    """A file that the key `a` signs, and the policy that accepts it then."""
    message = case(f"SIGN/{name}", shows, rules, classes=[WRITER], needs=[SIGNATURES, SIGNING])
    message.request.sign.path, message.request.sign.seed = INPUT, SEEDS["a"]
    written = message.expected.written
    written.holds.CopyFrom(without_places(reader.read(holds.data)))
    written.trust.CopyFrom(asked.trust)
    written.keeps_payloads = True
    return Built(message, {INPUT: file.data})
