"""docs/json.md: the keys that it lists are those that the commands print."""

import json
import re
import sys
from pathlib import Path

import pytest

from precompile_context import BundleFile
from precompile_context.cli import epilogs, refusal, told
from precompile_context.cli.app import COMMANDS, app
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.session import report
from precompile_context.session.settings import Settings
from precompile_context.trust import SigningKey
from tests.toys import BLOB, HERE, blobs

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
# {b} is a bundle, {k} a public key, {d} a folder.
CALLS = {
    "inspect": "inspect {b}",
    "show": "show {b} one",
    "verify": "verify {b}",
    "explain": "explain --unsigned {b}",
    "diff": "diff {b} {b}",
    "merge": "merge --unsigned -o {d}/out {b}",
    "prune": "prune --unsigned --superseded {b}",
    "stats": "stats",
    "quarantine": "quarantine list",
    "extract": f"extract {{b}} {BLOB} one -o {{d}}/content",
    "push": "push --unsigned {b} file:{d}/store/",
    "pull": "pull file:{d}/store/ {d}/pulled",
    "keygen": "keygen {d}/new.pem",
    "sign": "sign {b} --key {d}/new.pem",
    "trust": "trust add {k} --name ci",
}


def _listed(section: str) -> set[str]:
    """The keys in the first column of the section's table."""
    text = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_the_page_has_each_command_that_prints_json() -> None:
    sections = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))
    assert sections == set(CALLS) | {"demo"} == set(COMMANDS) - {"run", "view", "man"}
    assert set(epilogs.EXAMPLES) == set(COMMANDS)


@pytest.mark.slow
def test_each_command_prints_the_keys_that_the_page_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setitem(sys.modules, "torch", None)  # whose facts take seconds
    bundle, key = tmp_path / "b.precompile", tmp_path / "ci.pub"
    blobs(HERE, one=b"1", two=b"2").save_to(BundleFile(bundle))
    key.write_bytes(SigningKey.generate().verifying_key.to_pem())
    printed, listed = {}, {}
    for section, call in CALLS.items():
        words = call.format(b=bundle, k=key, d=tmp_path).split()
        app([*words, "--json"], prog_name="precompile", standalone_mode=False)
        facts = json.loads(capsys.readouterr().out)
        assert facts.pop("version") == told.VERSION
        printed[section], listed[section] = set(facts), _listed(section)
    assert printed == listed


def test_a_refusal_has_the_keys_that_the_page_lists() -> None:
    facts = refusal.facts(PrecompileError(ErrorCode.TRUNCATED, "it ends", 7))
    assert set(facts) == _listed("A refusal, of any command")


def test_a_report_has_the_keys_that_the_page_lists() -> None:
    settings = Settings(bundle=None, read_only=False, report=None, pid=1)
    keys = {*report.entry(settings, "idle"), "children", "totals"}
    rows = PAGE.split("\n## The report of a run\n", 1)[1]
    listed = re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)
    assert {key for row in listed for key in re.findall(r"`(\w+)`", row)} == keys
    (line,) = (row for row in rows.splitlines() if row.startswith("| `totals`"))
    assert set(report.totals([])) == set(re.findall(r"`(\w+)`", line)) - {"totals"}
