"""Attacks on what is trusted, by name. docs/security.md lists these and those shown elsewhere.

The bundles here are signed by ALICE unless said otherwise, and ALICE alone is trusted.
"""

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from precompile.v1.bundle_pb2 import Envelope, Signature
from precompile_conformance.build import (
    PAYLOAD_TYPE,
    Artifact,
    Block,
    BuiltBundle,
    Segment,
    bundle,
)
from precompile_conformance.wire import MANIFEST_TAG, record, sha256
from precompile_context import (
    UNSIGNED,
    Bundle,
    BundleFile,
    DirectoryPrecompileCache,
    Environment,
    ErrorCode,
    PrecompileContext,
    PrecompileError,
    StitchedEntry,
)
from precompile_context.cli.inspect import describe
from precompile_context.files import Directory, read_verifying_key
from precompile_context.trust import dsse
from tests.signing import ALICE, BOB, MALLORY, signature, signed, trusts, with_signatures
from tests.test_cli import run
from tests.test_pytorch_places import HOSTILE
from tests.toys import Blob, Graph, Step, refused, toy_context, toy_registry

POLICY = trusts(ALICE)


def opened(data: bytes) -> Bundle:
    """The bundle under the policy, every byte of it verified."""
    found = Bundle.open(data, policy=POLICY)
    found.verify()
    return found


def chain(*keys: str) -> tuple[Segment, ...]:
    """A segment for each key, its content as long as every other's."""
    return tuple(Segment(artifacts=[Artifact(key, key.encode() * 40)]) for key in keys)


def parts(built: BuiltBundle) -> list[bytes]:
    """The bytes of each segment."""
    return [segment.data for segment in built.segments]


# Who signed


def test_a_bundle_of_a_stranger_is_refused() -> None:
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        opened(signed(*chain("a"), by=[MALLORY]).data)


def test_a_bundle_with_its_signatures_taken_off_is_refused() -> None:
    with refused(ErrorCode.UNSIGNED):
        opened(bundle(*chain("a")).data)


def test_a_foreign_segment_appended_to_a_trusted_bundle_is_refused() -> None:
    """In the same chain, which anyone can continue: the digest of a segment is no secret."""
    own, foreign = chain("a", "b")
    built = bundle(own, foreign)
    by = [
        [signature(ALICE, built.segments[0].payload)],
        [signature(MALLORY, built.segments[1].payload)],
    ]
    with refused(ErrorCode.UNTRUSTED_SIGNER) as caught:
        opened(with_signatures([own, foreign], by).data)
    assert caught.value.detail.startswith("segment 1 is signed by key ")


def test_a_foreign_bundle_before_a_trusted_one_is_refused() -> None:
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        opened(signed(*chain("a"), by=[MALLORY]).data + signed(*chain("b")).data)


def test_a_signature_from_another_bundle_is_refused() -> None:
    segments = chain("evil")
    other = signature(ALICE, signed(*chain("good")).segments[0].payload)
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(with_signatures(segments, [[other]]).data)


def test_a_signature_of_another_segment_of_the_same_bundle_is_refused() -> None:
    segments = chain("a", "b")
    first, second = (signature(ALICE, s.payload) for s in bundle(*segments).segments)
    opened(with_signatures(segments, [[first], [second]]).data)
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(with_signatures(segments, [[second], [first]]).data)


@pytest.mark.parametrize(
    ("signer", "keyid", "code"),
    [
        (BOB, ALICE.keyid, ErrorCode.BAD_SIGNATURE),
        (MALLORY, ALICE.keyid, ErrorCode.BAD_SIGNATURE),
        (MALLORY, "", ErrorCode.UNTRUSTED_SIGNER),
        (MALLORY, ALICE.keyid.upper(), ErrorCode.UNTRUSTED_SIGNER),
        (MALLORY, f" {ALICE.keyid}", ErrorCode.UNTRUSTED_SIGNER),
        (MALLORY, f"{ALICE.keyid}\0", ErrorCode.UNTRUSTED_SIGNER),
        (MALLORY, ALICE.keyid[:32], ErrorCode.UNTRUSTED_SIGNER),
        (ALICE, MALLORY.keyid, ErrorCode.UNTRUSTED_SIGNER),
    ],
    ids=[
        *("another trusted key's", "a trusted key's", "none", "in capitals", "after a space"),
        *("before a zero byte", "half of it", "an untrusted key's"),
    ],
)
def test_key_confusion_is_refused(signer: Any, keyid: str, code: ErrorCode) -> None:
    segments = chain("a")
    claim = signature(signer, bundle(*segments).segments[0].payload, keyid)
    with refused(code):
        Bundle.open(with_signatures(segments, [[claim]]).data, policy=trusts(ALICE, BOB))


def test_a_signature_beside_a_good_one_takes_no_trust_away() -> None:
    """Who can write the file can add one that names ALICE and is none of hers."""
    segments = chain("a")
    good = signature(ALICE, bundle(*segments).segments[0].payload)
    for bad in (Signature(sig=b"", keyid=ALICE.keyid), Signature(), Signature(keyid="x" * 1000)):
        opened(with_signatures(segments, [[bad, good, bad]]).data)


def test_one_key_under_two_names_does_not_meet_a_threshold_of_two() -> None:
    segments = chain("a")
    payload = bundle(*segments).segments[0].payload
    claims = [signature(ALICE, payload, keyid) for keyid in (ALICE.keyid, "", ALICE.keyid.upper())]
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        Bundle.open(
            with_signatures(segments, [claims]).data, policy=trusts(ALICE, BOB, threshold=2)
        )


# What was signed


def test_a_signature_of_another_payload_type_is_refused() -> None:
    """A key that also signs other things: what it signed there is no manifest here."""
    segments = chain("a")
    payload = bundle(*segments).segments[0].payload
    sig = ALICE.sign(dsse.message("application/vnd.in-toto+json", payload))
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(with_signatures(segments, [[Signature(sig=sig, keyid=ALICE.keyid)]]).data)
    plain = ALICE.sign(payload)
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(with_signatures(segments, [[Signature(sig=plain, keyid=ALICE.keyid)]]).data)


@pytest.mark.parametrize("payload_type", ["", "application/vnd.in-toto+json", PAYLOAD_TYPE + " "])
def test_an_envelope_of_another_payload_type_is_refused_though_signed(payload_type: str) -> None:
    segment = replace(chain("a")[0], payload_type=payload_type)
    payload = bundle(segment).segments[0].payload
    sig = ALICE.sign(dsse.message(payload_type, payload))
    with refused(ErrorCode.UNSUPPORTED_FEATURE):
        opened(with_signatures([segment], [[Signature(sig=sig, keyid=ALICE.keyid)]]).data)


def test_a_second_payload_behind_the_signed_one_is_refused() -> None:
    """Protobuf takes the last one: it is what is verified, and what would be decoded."""
    segment, evil = chain("a", "e")
    theirs = bundle(evil).segments[0].payload
    ours = bundle(segment).segments[0].payload
    tail = Envelope(
        payload=theirs, payload_digest=sha256(theirs), signatures=[signature(ALICE, ours)]
    )
    data = bundle(replace(segment, envelope_tail=tail.SerializeToString())).data
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(data)


def test_a_manifest_that_was_changed_after_it_was_signed_is_refused() -> None:
    built = signed(*chain("a")).segments[0]
    changed = built.payload.replace(record(0x1A, b"a"), record(0x1A, b"b"))
    assert changed != built.payload
    envelope = Envelope(
        payload=changed,
        payload_type=PAYLOAD_TYPE,
        payload_digest=sha256(changed),
        signatures=[signature(ALICE, built.payload)],
    )
    segment = replace(chain("a")[0], payload=changed, envelope=envelope.SerializeToString())
    with refused(ErrorCode.BAD_SIGNATURE):
        opened(bundle(segment).data)


# Parts in another place


def test_swapped_blocks_are_refused() -> None:
    artifacts = Artifact("a", b"a" * 40), Artifact("b", b"b" * 40)
    built = signed(Segment(artifacts=artifacts)).segments[0]
    first, second = built.block_offsets
    size = second - first
    data = built.data
    swapped = data[:first] + data[second : second + size] + data[first:second]
    with refused(ErrorCode.DIGEST_MISMATCH):
        opened(swapped + data[second + size :])


def test_blocks_of_another_trusted_bundle_are_refused() -> None:
    """Each manifest and each block is ALICE's; together they are not."""
    one, two = (signed(*chain(key)).segments[0] for key in "ab")
    at = one.manifest_offset
    assert at == two.manifest_offset
    with refused(ErrorCode.DIGEST_MISMATCH):
        opened(one.data[:at] + two.data[at:])


def test_swapped_manifests_of_one_bundle_are_refused() -> None:
    one, two = parts(signed(*chain("a", "b")))
    first, second = (s.manifest_offset - s.offset for s in signed(*chain("a", "b")).segments)
    size = signed(*chain("a", "b")).segments
    swapped = one[:first] + record(MANIFEST_TAG, _envelope(size[1]))
    swapped += _footer(first, len(swapped))
    other = two[:second] + record(MANIFEST_TAG, _envelope(size[0]))
    other += _footer(second, len(other))
    with pytest.raises(PrecompileError) as caught:
        opened(swapped + other)
    assert caught.value.code is ErrorCode.BROKEN_CHAIN


def _envelope(built: Any) -> bytes:
    data: bytes = built.data[
        built.envelope_offset - built.offset : built.footer_offset - built.offset
    ]
    return data


def _footer(manifest_offset: int, size: int) -> bytes:
    from precompile_conformance.wire import FOOTER_SIZE, footer

    return footer(manifest_offset, size + FOOTER_SIZE)


def test_a_removed_segment_is_refused() -> None:
    first, second, third = parts(signed(*chain("a", "b", "c")))
    opened(first + second + third)
    for data in (first + third, second + third, third):
        with refused(ErrorCode.BROKEN_CHAIN):
            opened(data)


def test_reordered_segments_are_refused() -> None:
    first, second, third = parts(signed(*chain("a", "b", "c")))
    for data in (second + first + third, first + third + second, third + second + first):
        with refused(ErrorCode.BROKEN_CHAIN):
            opened(data)


def test_a_repeated_segment_is_refused() -> None:
    first, second = parts(signed(*chain("a", "b")))
    with refused(ErrorCode.BROKEN_CHAIN):
        opened(first + second + second)


def test_a_segment_of_another_chain_does_not_serve_its_blocks() -> None:
    """An external block is looked for in the chain alone, however trusted the other one is."""
    content = b"a" * 40
    lender = Segment(artifacts=[Artifact("a", content)])
    borrower = Segment(
        artifacts=[Artifact("b", content)], blocks=[Block(content, external=True)], chained=False
    )
    with refused(ErrorCode.BAD_REFERENCE):
        opened(signed(lender, borrower).data)


# What signatures do not notice, and the bundle digest does


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """ALICE's public key."""
    path = tmp_path / "alice.pub"
    path.write_bytes(ALICE.verifying_key.to_pem())
    return path


def verify(path: Path, trusted: Path, expect: str) -> tuple[int, str]:
    """Status and code of `precompile verify`, with and without the digest that is expected."""
    assert run("verify", path, "--trust", trusted).status == 0
    done = run("verify", path, "--trust", trusted, "--expect", expect)
    return done.status, "DIGEST_MISMATCH" if "DIGEST_MISMATCH" in done.err else done.err


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_replayed_old_bundle_is_refused_by_the_digest_that_is_expected(
    tmp_path: Path, trusted: Path
) -> None:
    path = tmp_path / "b.precompile"
    file = BundleFile(path)
    for key in "ab":
        context = toy_context(policy=POLICY, signer=ALICE)
        context.record_artifact(Blob.TYPE, key, key.encode())
        context.save_to(file)
        if key == "a":
            old = path.read_bytes()
    digest = file.open(policy=POLICY).digest.hex()
    assert verify(path, trusted, digest) == (0, "")
    path.write_bytes(old)
    assert verify(path, trusted, digest) == (1, "DIGEST_MISMATCH")


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_dropped_tail_and_reordered_bundles_are_refused_by_the_digest_that_is_expected(
    tmp_path: Path, trusted: Path
) -> None:
    path = tmp_path / "b.precompile"
    one, two = signed(*chain("a", "b")), signed(*chain("c"))
    whole = one.data + two.data
    digest = opened(whole).digest.hex()
    for data in (one.data, parts(one)[0] + two.data, two.data + one.data, whole + two.data):
        path.write_bytes(data)
        assert verify(path, trusted, digest) == (1, "DIGEST_MISMATCH")


# Nothing is executed


class Exploit:
    """Unpickled, it would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("the pickle was executed",)


PICKLE = pickle.dumps(Exploit())
TEXT = pickle.dumps(Exploit(), protocol=0).decode()  # of printable characters and newlines
_WATCHED = ("pickle.find_class", "ctypes.dlopen", "os.system", "os.exec", "subprocess.Popen")
_seen: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in _WATCHED:
        _seen.append(event)


sys.addaudithook(_audit)


@contextmanager
def nothing_executed() -> Iterator[None]:
    """The block unpickles nothing, loads no library and starts no program."""
    global _seen
    _seen = []
    try:
        yield
        assert _seen == []
    finally:
        _seen = None


def test_the_watch_notices_an_unpickled_exploit(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError), nothing_executed():
        pickle.loads(PICKLE)
    with pytest.raises(AssertionError), nothing_executed():
        pickle.loads(TEXT.encode())
    assert capsys.readouterr().out.count("the pickle was executed") == 2


KEY = TEXT.replace("\n", "\\n")
PICKLES = {
    "content": Segment(artifacts=[Artifact("k", PICKLE)]),
    "bytes_attribute": Segment(artifacts=[Artifact("k", b"c", attributes={"raw": PICKLE})]),
    "text_attribute": Segment(artifacts=[Artifact("k", b"c", attributes={"text": TEXT})]),
    "key": Segment(artifacts=[Artifact(KEY, b"c")]),
    "producer": Segment(edit=lambda m: setattr(m.producer, "name", TEXT)),
    "requirement": Segment(requirements=[("os.name", 1, [TEXT])]),
    "backend_s_key": Segment(
        artifacts=[
            Artifact("k", b"c", type="test.step", kind=3, backends=[("test.graph", KEY, b"")])
        ]
    ),
    "removed_key": Segment(removed=[("test.blob", KEY)]),
    "manifest": Segment(payload=PICKLE),
    "envelope": Segment(envelope=PICKLE),
    "block": Segment(artifacts=[Artifact("k", b"c")], blocks=[Block(b"c", stored=PICKLE)]),
}


@pytest.mark.parametrize("place", PICKLES)
def test_a_pickle_is_never_unpickled_before_populate(place: str, tmp_path: Path) -> None:
    """Opened, verified, shown, loaded, looked up, saved and folded, sound or refused."""
    segment = PICKLES[place]
    payload = segment.payload or bundle(segment).segments[0].payload
    if segment.envelope is None:
        segment = replace(
            segment,
            envelope_tail=Envelope(signatures=[signature(ALICE, payload)]).SerializeToString(),
        )
    data = bundle(segment).data
    file = BundleFile(tmp_path / "b")
    file.path.write_bytes(data)
    context = toy_context(policy=POLICY, signer=ALICE, environment=Environment.of(os__name=TEXT))
    with nothing_executed():
        try:
            describe(opened(data))
            context.load(file)
            for id_ in context.current():
                context.lookup(id_.type, id_.key)
            context.record_artifact(Blob.TYPE, "more", PICKLE)
            context.save_to(file)
            context.serialize()
            file.fold(b"", policy=POLICY, signer=ALICE)
            file.sign(BOB)
        except PrecompileError:
            assert place in ("manifest", "envelope", "block")


@pytest.mark.parametrize("place", ["keyid", "sig", "payload_type", "pem"])
def test_a_pickle_in_place_of_a_signature_is_never_unpickled(place: str, tmp_path: Path) -> None:
    segments = chain("a")
    claims = {
        "keyid": Signature(sig=b"x" * 64, keyid=TEXT),
        "sig": Signature(sig=PICKLE, keyid=ALICE.keyid),
    }
    with nothing_executed():
        if place in claims:
            data = with_signatures(segments, [[claims[place]]]).data
        elif place == "payload_type":
            data = bundle(replace(segments[0], payload_type=TEXT)).data
        else:
            data = signed(*segments).data
            (tmp_path / "k").write_bytes(PICKLE)
            with pytest.raises(Exception, match="no PEM"):
                read_verifying_key(tmp_path / "k")
            return
        with pytest.raises(PrecompileError):
            opened(data)


def test_nothing_of_a_refused_bundle_is_deserialized_by_populate() -> None:
    context = PrecompileContext(registry=toy_registry(), policy=POLICY)
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        context.load(signed(Segment(artifacts=[Artifact("k", PICKLE)]), by=[MALLORY]).data)
    Blob.populated.clear()
    assert context.populate().info.artifacts == {}
    assert Blob.populated == []


# Where it is written


PATH_KEYS = {
    **{n: k for n, k in HOSTILE.items() if k and not any(c in k for c in "\0\n\ud800")},
    "home": "~/.ssh/authorized_keys",
    "variable": "$HOME/x",
    "unc": "\\\\host\\share\\x",
    "file_url": "file:///etc/passwd",
    "longest": "k" * 1024,
    "proc": "/proc/self/mem",
    "dot_dot_alone": "..",
}


@pytest.mark.parametrize("key", PATH_KEYS.values(), ids=PATH_KEYS)
def test_no_key_leads_out_of_a_precompile_cache(key: str, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    cache = DirectoryPrecompileCache(Directory(root), toy_registry(), policy=POLICY, signer=ALICE)
    entry = StitchedEntry(Step(key, b"step"), (Graph(key, b"graph"),), ("graph",))
    cache.write(entry)
    assert cache.read(Step.TYPE, key) == entry
    (written,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written.parent == root
    assert set(written.stem) <= set("0123456789abcdef")


@pytest.mark.parametrize("key", ["nul\0", "new\nline", "escape\x1b[2J", "c1\x85", "", "k" * 1025])
def test_a_key_that_is_none_is_refused_in_a_signed_bundle(key: str) -> None:
    with refused(ErrorCode.INVALID_NAME):
        opened(signed(Segment(artifacts=[Artifact(key, b"c")])).data)


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_hostile_signer_s_name_does_not_steer_the_terminal(tmp_path: Path) -> None:
    segments = chain("a")
    claim = Signature(sig=b"x" * 64, keyid="\x1b[2J\u202e\nsegment 9: signed by you, trusted")
    path = tmp_path / "b.precompile"
    path.write_bytes(with_signatures(segments, [[claim]]).data)
    for command in (["inspect", path], ["inspect", "--full", path], ["verify", path]):
        done = run(*command)
        assert done.status == 0
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out
        assert not any(line.startswith("segment 9") for line in done.out.splitlines())


def test_a_file_that_was_replaced_by_a_stranger_s_is_not_appended_to(tmp_path: Path) -> None:
    file = BundleFile(tmp_path / "b.precompile")
    file.path.write_bytes(signed(*chain("a")).data)
    context = toy_context(policy=POLICY, signer=ALICE)
    context.load(file)
    theirs = signed(*chain("a"), by=[MALLORY]).data
    file.path.write_bytes(theirs)
    context.record_artifact(Blob.TYPE, "new", b"content")
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        context.save_to(file)
    assert file.path.read_bytes() == theirs
    assert Bundle.open(theirs, policy=UNSIGNED)
