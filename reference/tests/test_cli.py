"""`precompile inspect`, `verify` and `extract`: what they print, and how they end."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from precompile_context import BundleFile, Environment, PrecompileContext
from precompile_context.trust import UNSIGNED
from tests.calling import call
from tests.toys import BLOB, GRAPH, STEP, Blob, Graph, Step, noise

WEIRD = "a\u202eb [red]key[/red] \u2028 é"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: object, stdout: int | None = None) -> Done:
    """Forked, but for what becomes another program, or what an interpreter reads as it starts."""
    if arguments[:1] == ("run",) or _for_python() != _AT_THE_START:
        return started(*arguments)
    file = "" if stdout is None else stdout
    done = call(*arguments, folder=Path.cwd(), stdout=file, privileged=True)
    return Done(done.status, done.out, done.err)


def _for_python() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}


_AT_THE_START = _for_python()


def started(*arguments: object) -> Done:
    """In an interpreter of its own."""
    command = [sys.executable, "-c", "from _precompile_command import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80"},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two segments: a superseded and a removed artifact, equal contents, an entry."""
    file = BundleFile(tmp_path / "a.precompile")
    context = PrecompileContext(
        environment=Environment.of(os__name="Toy", cpu__flags=["b", "a"]), policy=UNSIGNED
    )
    for cls in (Blob, Graph, Step):
        context.register(cls)
    context.record_artifact(BLOB, "one", b"first")
    context.record_artifact(BLOB, "gone", b"gone")
    context.record_artifact(GRAPH, "g", b"graph")
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.save_to(file)
    context.record_artifact(BLOB, "one", b"second")
    context.record_artifact(BLOB, WEIRD, noise(2 << 20))
    context.record_artifact(BLOB, "same", b"graph")
    context.remove(BLOB, "gone")
    context.save_to(file)
    return file.path


def test_inspect_shows_all_on_eighty_columns(bundle: Path) -> None:
    done = run("inspect", bundle)
    assert (done.status, done.err) == (0, "")
    first, *lines = done.out.splitlines()
    assert first.endswith("2 segments, 7 artifacts, 2.10 MB")
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for part in ("requires cpu.flags = a, b", "requires os.name = Toy", "removes test.blob gone"):
        assert part in text
    assert "repeats   1 content named again, 5 B not stored again" in text
    assert "obsolete  2 artifacts superseded or removed" in text
    assert "\u202e" not in text
    assert "a\\u202eb [red]key[/red] \\u2028 é" in text


def test_inspect_gives_json_with_everything(bundle: Path) -> None:
    facts = run("inspect", "--json", bundle).json()
    opened = BundleFile(bundle).open(policy=UNSIGNED)
    assert facts["digest"] == opened.digest.hex()
    assert (facts["size"], facts["ignored"]) == (bundle.stat().st_size, 0)
    assert facts["repeats"] == {
        "contents_named_again": 1,
        "bytes_not_stored_again": 5,
        "superseded_or_removed": 2,
    }
    first, second = facts["segments"]
    assert first["begins_chain"]
    assert not second["begins_chain"]
    assert second["removed"] == [{"type": BLOB, "key": "gone"}]
    assert first["requirements"][0] == {
        "name": "cpu.flags",
        "match": "EXACT",
        "values": ["a", "b"],
    }
    by_key = {a["key"]: a for segment in facts["segments"] for a in segment["artifacts"]}
    assert by_key["s"]["kind"] == "ENTRY"
    assert by_key["s"]["backends"][0]["content_digest"] == by_key["g"]["content_digest"]
    assert by_key[WEIRD]["content_size"] == 2 << 20
    assert not by_key["gone"]["current"]
    assert {block["compression"] for block in second["blocks"]} == {"NONE"}


def test_inspect_s_page_never_replaces_the_bundle_and_one_form_is_asked_for(bundle: Path) -> None:
    before = bundle.read_bytes()
    for options in (["--html", bundle], ["--html", "o.html", "--bytes"], ["--json", "--bytes"]):
        done = run("inspect", *options, bundle)
        assert (done.status, done.out) == (2, ""), options
    assert bundle.read_bytes() == before


def test_inspect_tells_of_a_torn_tail(bundle: Path) -> None:
    with bundle.open("ab") as file:
        file.write(bytes(100))
    assert "ignored   100 B after the last complete segment" in run("inspect", bundle).out
    assert run("inspect", "--json", bundle).json()["ignored"] == 100


def test_verify_says_that_a_bundle_is_sound(bundle: Path) -> None:
    done = run("verify", bundle)
    assert (done.status, done.err) == (0, "")
    assert "sound; 2 segments, 7 artifacts" in done.out
    facts = run("verify", "--json", bundle).json()
    assert facts["ok"]
    assert facts["digest"] == BundleFile(bundle).open(policy=UNSIGNED).digest.hex()


def test_verify_refuses_damage_with_code_and_offset(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[30] ^= 1
    bundle.write_bytes(data)
    done = run("verify", bundle)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"precompile: {bundle}: DIGEST_MISMATCH at byte 23\n")
    assert len(done.err.splitlines()) == 3
    as_json = run("verify", "--json", bundle)
    assert as_json.status == 1
    assert as_json.json() | {"detail": ""} == {
        "version": 1,
        "ok": False,
        "code": "DIGEST_MISMATCH",
        "stage": "CONTENT",
        "offset": 23,
        "detail": "",
        "file": str(bundle),
    }


def test_verify_is_strict_about_a_torn_tail_unless_told(bundle: Path) -> None:
    size = bundle.stat().st_size
    with bundle.open("ab") as file:
        file.write(b"\x0a\x15")
    assert f"TRUNCATED at byte {size + 2}" in run("verify", bundle).err
    done = run("verify", "--recover", bundle)
    assert done.status == 0
    assert f"left out: 2 bytes of a torn tail from byte {size}" in done.out


def test_verify_expects_a_digest(bundle: Path) -> None:
    digest = BundleFile(bundle).open(policy=UNSIGNED).digest.hex()
    assert run("verify", "--expect", digest.upper(), bundle).status == 0
    other = run("verify", "--expect", "00" * 32, bundle)
    assert (other.status, other.out) == (1, "")
    assert other.err.startswith(f"precompile: {bundle}: DIGEST_MISMATCH\n")
    assert digest in other.err
    facts = run("verify", "--json", "--expect", "00" * 32, bundle).json()
    assert (facts["ok"], facts["code"]) == (False, "DIGEST_MISMATCH")
    assert run("verify", "--expect", "0123", bundle).status == 2


def test_extract_writes_verified_content(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("extract", bundle, BLOB, "one", "-o", out).status == 0
    assert out.read_bytes() == b"second"
    assert run("extract", bundle, BLOB, "one", "--segment", "0", "-o", out).status == 0
    assert out.read_bytes() == b"first"
    assert run("extract", bundle, BLOB, "one", "-o", "-").out == "second"
    facts = run("extract", "--json", bundle, BLOB, WEIRD, "-o", out).json()
    assert out.read_bytes() == noise(2 << 20)
    assert facts["content_size"] == 2 << 20


def test_extract_leaves_no_file_of_damaged_content(bundle: Path, tmp_path: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[30] ^= 1
    bundle.write_bytes(data)
    done = run("extract", bundle, GRAPH, "g", "-o", tmp_path / "out")
    assert done.status == 1
    assert "DIGEST_MISMATCH" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.precompile"]


def test_extract_writes_into_a_pipe_and_through_a_link(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert run("extract", bundle, BLOB, "one", "-o", tmp_path / "link").status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"second"
    assert run("extract", bundle, BLOB, "one", "-o", os.devnull).status == 0
    assert not Path(os.devnull).is_file()


def test_what_is_not_there_is_two_lines(bundle: Path, tmp_path: Path) -> None:
    cases = [
        ("verify", tmp_path / "missing"),
        ("inspect", tmp_path),
        ("extract", bundle, BLOB, "nothing", "-o", "-"),
        ("extract", bundle, BLOB, "one", "-o", tmp_path / "no" / "where"),
    ]
    for arguments in cases:
        done = run(*arguments)
        assert (done.status, done.out) == (1, ""), arguments
        assert done.err.startswith("precompile: "), arguments
        assert len(done.err.splitlines()) == 2, arguments


def test_wrong_usage_is_status_2(bundle: Path) -> None:
    for arguments in [("verify",), ("unknown",), ("extract", bundle), ("inspect", "--no", bundle)]:
        assert run(*arguments).status == 2, arguments


def test_json_asked_for_is_json_where_the_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"bad")
    facts = run("inspect", "--json", tmp_path / "bad").json()
    assert (facts["ok"], facts["code"], facts["offset"]) == (False, "NOT_A_BUNDLE", 0)
    facts = run("verify", "--json", tmp_path / "missing").json()
    assert (facts["ok"], facts["code"]) == (False, None)


def test_a_reader_that_has_seen_enough_costs_no_traceback(bundle: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = run("inspect", "--json", bundle, stdout=write)
    os.close(write)
    assert "Traceback" not in done.err


def test_inspect_prints_on_a_terminal_that_is_not_utf_8(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run("inspect", bundle)
    assert (done.status, done.err) == (0, "")
    assert "\\xe9" in done.out


def test_inspect_shows_the_bytes_of_a_damaged_file_and_what_it_is_refused_for(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    done = run("inspect", "--bytes", bundle)
    assert done.out.splitlines()[0].endswith("Bundle.header, 21 bytes")
    assert "BlockEntry.compression = COMPRESSION_NONE (1)" in done.out
    assert "bytes more" in done.out
    assert done.status == 1
    assert "MALFORMED_FRAME at byte" in done.err
