"""Options that a project's pyproject.toml sets, and those that variables do."""

import json
from pathlib import Path

import pytest
import typer

from precompile_context import BundleFile
from precompile_context.cli import project as project_options
from precompile_context.cli.app import app
from tests.toys import BLOB, blobs


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its pyproject.toml; the current directory is below it."""
    below = tmp_path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    blobs(one=b"1").save_to(BundleFile(below / "b.precompile"))
    return tmp_path / "pyproject.toml"


def _printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    app(list(words), prog_name="precompile", standalone_mode=False)
    return capsys.readouterr().out


def test_a_project_s_options_count_where_none_is_typed_and_no_variable_says_otherwise(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text('[tool.precompile.extract]\noutput = "of-project"\nas-json = 1\n')
    with pytest.raises(typer.BadParameter, match="no option as-json"):
        _printed(capsys, "extract", "b.precompile", BLOB, "one")
    project.write_text('[tool.precompile.extract]\noutput = "of-project"\njson = true\n')
    for variable, options, output in (
        (None, (), "of-project"),
        ("of-variable", (), "of-variable"),
        ("of-variable", ("-o", "typed"), "typed"),
    ):
        if variable:
            monkeypatch.setenv("PRECOMPILE_EXTRACT_OUTPUT", variable)
        out = _printed(capsys, "extract", "b.precompile", BLOB, "one", *options)
        assert json.loads(out)["output"] == output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.precompile.inspect]\nful = true\n", "did you mean full?"),
        ('[tool.precompile.inspect]\ntrust = "them.pub"\n', "whom you trust"),
        ("[tool.precompile]\ninspect = 1\n", "no table"),
        ("[tool]\nprecompile = 1\n", "a table for each command"),
        ("[tool.precompile.inspect]\nfull = {}\n", "no value of an option"),
        ("[tool.precompile.inspect]\nfull = \n", "pyproject.toml"),
    ],
    ids=["misspelt", "trust", "no table", "no tables", "no value", "no TOML"],
)
def test_a_project_s_mistake_is_told_with_the_file(project: Path, text: str, said: str) -> None:
    project.write_text(text)
    with pytest.raises(typer.BadParameter, match=said) as told:
        app(["inspect", "b.precompile"], prog_name="precompile", standalone_mode=False)
    assert str(project) in str(told.value)


def test_what_is_not_ours_in_a_project_s_file_is_none_of_our_business(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("no TOML at all", "tool = 1", "[tool.other]\na = 1\n"):
        project.write_text(text)
        assert "1 segment" in _printed(capsys, "inspect", "b.precompile")


def test_a_bundle_that_a_project_names_lies_beside_its_file(project: Path) -> None:
    known = {"bundle": "bundle"}
    for named, bundle in (
        ("train.precompile", str(project.parent / "train.precompile")),
        ("/there/train.precompile", "/there/train.precompile"),
        ("s3://bucket/team/", "s3://bucket/team/"),
    ):
        project.write_text(f'[tool.precompile.run]\nbundle = "{named}"\n')
        assert project_options.options("run", known, project.parent / "below") == {"bundle": bundle}


def test_the_variable_of_an_option_has_the_option_s_name(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECOMPILE_INSPECT_JSON", "1")
    assert json.loads(_printed(capsys, "inspect", "b.precompile"))["segments"]
