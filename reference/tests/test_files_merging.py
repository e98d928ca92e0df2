"""Files merged into one."""

import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from precompile_context import BundleFile, ErrorCode
from precompile_context.files.merging import merge_files
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    GRAPH,
    STEP,
    file_contents,
    file_segment_count,
    flip,
    noise,
    refused,
    save,
    toy_context,
)


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b")]
    for index, path in enumerate(paths):
        save(BundleFile(path), same=b"same", **{f"own{index}": b"%d" % index})
    return paths


def test_merge_files_makes_one_file_of_several(inputs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    report, merged = merge_files(out, inputs, policy=UNSIGNED)
    assert report.artifacts == 3
    assert merged is not None
    assert merged.size == out.stat().st_size
    assert set(file_contents(BundleFile(out))) == {(BLOB, k) for k in ("same", "own0", "own1")}


def test_merge_files_may_replace_an_input(inputs: list[Path]) -> None:
    inputs[0].chmod(0o640)
    save(BundleFile(inputs[0]), more=b"more")
    merge_files(inputs[0], inputs, policy=UNSIGNED)
    assert file_segment_count(BundleFile(inputs[0])) == 1
    assert len(file_contents(BundleFile(inputs[0]))) == 4
    assert inputs[0].stat().st_mode & 0o777 == 0o640


def test_merge_files_leaves_out_a_torn_tail(inputs: list[Path], tmp_path: Path) -> None:
    with inputs[1].open("ab") as file:
        file.write(bytes(50))
    report, _ = merge_files(tmp_path / "out", inputs, policy=UNSIGNED)
    assert report.artifacts == 3


def test_merge_files_names_the_damaged_one_and_changes_nothing(
    inputs: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"before")
    data = inputs[1].read_bytes()
    for at, code in ((0, ErrorCode.NOT_A_BUNDLE), (28, ErrorCode.DIGEST_MISMATCH)):
        inputs[1].write_bytes(flip(data, at))
        with refused(code) as caught:
            merge_files(out, inputs, policy=UNSIGNED)
        assert caught.value.detail.startswith(f"{inputs[1]}: ")
    assert out.read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "out"}


def test_strict_merge_writes_nothing_where_there_is_a_conflict(tmp_path: Path) -> None:
    paths = []
    for key in ("g", "h"):
        context = toy_context()
        context.record_artifact(GRAPH, key, b"graph")
        context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, key)])
        paths.append(tmp_path / key)
        context.save_to(BundleFile(paths[-1]))
    out = tmp_path / "out"
    report, merged = merge_files(out, paths, strict=True, policy=UNSIGNED)
    assert len(report.conflicts) == 1
    assert merged is None
    assert not out.exists()
    assert merge_files(out, paths, policy=UNSIGNED)[1] is not None


def test_a_file_that_is_no_regular_file_does_not_give_way(inputs: list[Path]) -> None:
    with pytest.raises(OSError, match="regular"):
        merge_files(Path("/dev/null"), inputs, policy=UNSIGNED)


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux", reason="the peak of this process alone is told by /proc"
)
def test_merge_of_much_content_stays_below_256_mebibytes(tmp_path: Path) -> None:
    """In memory are a few blocks at a time, whatever the size of contents and files."""
    paths = []
    for index in range(3):
        context = toy_context()
        context.record_artifact(BLOB, f"large{index}", noise(8 << 20, index) * 24)
        context.record_artifact(BLOB, f"text{index}", b"%d" % index * (64 << 20))
        for number in range(40):
            context.record_artifact(BLOB, f"{index}.{number}", noise(400_000, 100 + number) + b"x")
        paths.append(tmp_path / f"{index}.precompile")
        context.save_to(BundleFile(paths[-1]))
    assert sum(path.stat().st_size for path in paths) > 500 << 20
    script = (
        "import sys; from pathlib import Path\n"
        "from precompile_context.files.merging import merge_files\n"
        "from precompile_context.trust import UNSIGNED\n"
        "merge_files(Path(sys.argv[1]), [Path(p) for p in sys.argv[2:]], policy=UNSIGNED)\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out"), *map(str, paths)]
    peak = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert peak < 256 << 10


def _damaged(path: Path, content: bytes) -> None:
    """Flip a bit in the block that holds `content`, which must be stored as it is."""
    data = path.read_bytes()
    path.write_bytes(flip(data, data.index(content) + len(content) // 2))


def test_skipping_damage_gives_the_same_bytes_in_any_order_of_the_inputs(tmp_path: Path) -> None:
    """One content is damaged in one file and sound in another, one is nowhere sound."""
    both, one, lost = noise(5000, 1), noise(5000, 2), noise(5000, 3)
    paths = [tmp_path / name for name in ("a", "b", "c", "d")]
    save(BundleFile(paths[0]), both=both, timed=b"1 s")
    save(BundleFile(paths[0]), lost=lost)
    save(BundleFile(paths[1]), both=both, one=one, timed=b"2 s")
    save(BundleFile(paths[1]), more=b"more")
    context = toy_context()
    context.record_artifact(GRAPH, "g", noise(5000, 4))
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.save_to(BundleFile(paths[2]))
    _damaged(paths[0], both)
    _damaged(paths[0], lost)
    _damaged(paths[2], noise(5000, 4))
    data = paths[1].read_bytes()
    second = BundleFile(paths[1]).open(policy=UNSIGNED).segments[1]
    paths[1].write_bytes(flip(data, second.manifest_offset + 20))
    paths[3].write_bytes(b"no bundle")
    out, results, told = tmp_path / "out", set(), set()
    for order in permutations(paths):
        report, merged = merge_files(out, order, policy=UNSIGNED, skip_damaged=True)
        assert merged is not None
        results.add(out.read_bytes())
        told.add(report.left_out)
    assert (len(results), len(told)) == (1, 1)
    contents = file_contents(BundleFile(out))
    assert {key for _, key in contents} == {"both", "one", "timed"}
    assert contents[BLOB, "both"] == both
    (left_out,) = told
    assert {(Path(one.origin).name, one.code, one.key) for one in left_out} == {
        ("a", "DIGEST_MISMATCH", "both"),
        ("a", "DIGEST_MISMATCH", "lost"),
        ("a", "DIGEST_MISMATCH", "timed"),  # in one block with `both`
        ("b", "MALFORMED_FRAME", None),
        ("c", "DIGEST_MISMATCH", "g"),
        ("c", "DIGEST_MISMATCH", "s"),
        ("d", "NOT_A_BUNDLE", None),
    }


def test_skipping_damage_writes_nothing_where_nothing_is_sound(tmp_path: Path) -> None:
    bad, out = tmp_path / "bad", tmp_path / "out"
    bad.write_bytes(b"no bundle")
    out.write_bytes(b"before")
    report, merged = merge_files(out, [bad], policy=UNSIGNED, skip_damaged=True)
    assert (merged, len(report.left_out), out.read_bytes()) == (None, 1, b"before")
