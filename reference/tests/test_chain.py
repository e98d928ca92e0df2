"""What a writer knows of the segments before its own."""

import hashlib

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context.bundle import Bundle, Chain
from precompile_context.trust import UNSIGNED
from tests.toys import BLOB, bundle_contents, new_artifact, noise, write_segment

CONTENT = noise(1000)
DIGEST = hashlib.sha256(CONTENT).digest()
ONE = new_artifact("one", CONTENT)


def _two_chains() -> bytes:
    """Two bundles, concatenated; the content is in the first one alone."""
    return write_segment(ONE) + write_segment(new_artifact("other", b"other"))


def _forged() -> bytes:
    """A bundle whose artifact claims the digest of CONTENT and holds something else."""
    return bundle(
        Segment(
            artifacts=(Artifact("one", b"not it"),),
            edit=lambda manifest: setattr(manifest.artifacts, "content_digest", DIGEST),
        )
    ).data


def test_a_new_chain_knows_nothing() -> None:
    chain = Chain()
    assert chain.previous_digest == b""
    assert chain.find(DIGEST) is None


def test_the_chain_of_a_bundle_goes_on_where_it_ends() -> None:
    first = write_segment(ONE)
    chain = Chain.of(Bundle.open(first, policy=UNSIGNED))
    assert chain.previous_digest == Bundle.open(first, policy=UNSIGNED).segments[-1].payload_digest
    place = chain.find(DIGEST)
    assert place is not None
    assert ([entry.content_size for entry in place.blocks], place.offset) == ([1000], 0)
    second = write_segment(new_artifact("again", CONTENT), chain=chain)
    assert len(second) < 500
    assert bundle_contents(first + second)[BLOB, "again"] == CONTENT


def test_the_chain_of_a_concatenation_is_its_last_one() -> None:
    """Each chain is self-contained, so that it can be taken out of the concatenation again."""
    data = _two_chains()
    chain = Chain.of(Bundle.open(data, policy=UNSIGNED))
    assert chain.find(DIGEST) is None
    added = write_segment(new_artifact("again", CONTENT), chain=chain)
    second_chain = data[Bundle.open(data, policy=UNSIGNED).segments[1].offset :] + added
    assert bundle_contents(second_chain)[BLOB, "again"] == CONTENT


def test_the_chain_before_a_byte_leaves_out_what_stands_behind() -> None:
    data = _two_chains()
    bundle = Bundle.open(data, policy=UNSIGNED)
    chain = Chain.of(bundle, before=bundle.segments[1].offset)
    assert chain.previous_digest == bundle.segments[0].payload_digest
    assert chain.find(DIGEST)


def test_content_is_found_through_external_blocks() -> None:
    """The last segment that names a content may have it from an earlier one."""
    chain = Chain()
    data = write_segment(ONE, chain=chain)
    data += write_segment(new_artifact("again", CONTENT), chain=chain)
    of_file = Chain.of(Bundle.open(data, policy=UNSIGNED))
    data += write_segment(new_artifact("third", CONTENT), chain=of_file)
    assert [
        entry.size for entry in Bundle.open(data, policy=UNSIGNED).segments[2].manifest.blocks
    ] == [0]
    assert bundle_contents(data)[BLOB, "third"] == CONTENT


def test_a_digest_that_a_loaded_manifest_only_claims_is_not_referred_to() -> None:
    chain = Chain.of(Bundle.open(_forged(), policy=UNSIGNED))
    assert chain.find(DIGEST) is None
    assert chain.find(DIGEST) is None  # nor when asked again


def test_content_is_stored_anew_where_the_loaded_one_is_damaged() -> None:
    first = bytearray(write_segment(ONE))
    first[100] ^= 1
    opened = Bundle.open(bytes(first), policy=UNSIGNED)
    second = write_segment(new_artifact("again", CONTENT), chain=Chain.of(opened))
    both = Bundle.open(bytes(first) + second, policy=UNSIGNED)
    assert both.read(both.current()[BLOB, "again"]) == CONTENT


def test_a_copy_is_extended_alone() -> None:
    chain = Chain()
    write_segment(ONE, chain=chain)
    before = chain.previous_digest
    copy = chain.copy()
    write_segment(new_artifact("two", b"two"), chain=copy)
    assert copy.find(DIGEST)
    assert chain.previous_digest == before
    assert copy.previous_digest != before
    assert chain.find(hashlib.sha256(b"two").digest()) is None


def test_what_a_copy_finds_damaged_the_original_still_checks_itself() -> None:
    chain = Chain.of(Bundle.open(_forged(), policy=UNSIGNED))
    assert chain.copy().find(DIGEST) is None
    assert chain.find(DIGEST) is None
