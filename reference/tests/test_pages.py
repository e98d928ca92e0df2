"""README.md, docs and the other pages: what they show is run, or says in its source why not."""

import re
import sys
from pathlib import Path

import pytest

from tests.page_running import Running, is_as_shown
from tests.pages import ROOT, PageError, read

# SPEC.md and SPEC-context.md have a lint of their own, which encodes their examples.
_WHERE = (
    *("[A-R]*.md", "SECURITY.md", "docs/**/*.md", "website/*.md"),
    *("conformance_tests/README.md", "conformance_tests/stores/README.md"),
)
PATHS = sorted(path for pattern in _WHERE for path in ROOT.glob(pattern))
# The page says with which tests it is run: those of PyTorch, say.
_NEEDS = re.compile(r"^<!-- needs: (\w+) -->$", flags=re.MULTILINE)


def _parameter(path: Path) -> object:
    marks = [getattr(pytest.mark, name) for name in _NEEDS.findall(path.read_text("utf-8"))]
    name = path.relative_to(ROOT).as_posix()
    return pytest.param(path, id=name, marks=[pytest.mark.slow, *marks])


@pytest.mark.parametrize("path", [*map(_parameter, PATHS)])
def test_what_a_page_shows_runs_in_its_order(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = tmp_path / "page"
    place.mkdir()
    python = [sys.executable]
    if request.node.get_closest_marker("torch"):
        # Its commands find torch imported, one in a process of its own each.
        python = request.getfixturevalue("interpreters").stand_in()
    Running(read(path), place, python).run()


def test_what_a_page_takes_from_a_file_is_of_one_that_a_test_names() -> None:
    """A page's `from` compares texts, and runs nothing."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    marks = [block.marks.get("from") for path in PATHS for block in read(path).blocks]
    files = {Path(mark) for mark in marks if mark}
    assert len(files) >= 3
    assert not [
        file for file in files if f'"{file}"' not in tests and f'"{file.parent}"' not in tests
    ]


def _page(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```toml\na = 1\n```\n", "a block of toml is not run"),
        ("```\nwhat it says\n```\n", "a block of no kind is not run"),
        ("<!-- not run -->\n```toml\n```\n", "says too much, or nothing"),
        ("<!-- not run: no -->\n<!-- file: a -->\n```toml\n```\n", "one of them"),
        ("<!-- not run: no -->\n<!-- status: 1 -->\n```python\n```\n", "status, and it is not run"),
        ("<!-- file: a -->\n", "no block stands right below file"),
        ("<!-- not run: no -->\nText.\n```python\n```\n", "no block stands right below not run"),
        ("Text.\n\n    pip install something\n", "indented code"),
        ("> ```python\n> print()\n> ```\n", "a fence of its own"),
        ("<pre>pip install something</pre>\n", "a fence of its own"),
        ("<div><pre>pip install something</pre></div>\n", "a fence of its own"),
        ("> > ```console\n> > $ false\n> > ```\n", "a fence of its own"),
        (">     pip install something\n", "a fence of its own"),
        ("- ```console\n  $ false\n  ```\n", "a fence of its own"),
        ("- item\n\n\t```console\n\t$ false\n\t```\n", "a fence of its own"),
        ("- item\n\n        pip install something\n", "indented code"),
        ("<!-- runs: 0 -->\n```console\n$ false\n```\n", "nothing is run"),
        ("```console\n```\n", "nothing is run"),
        ("```hex\n00\n```\n", "a block of hex is not run"),
        ("<!-- run:false -->\n", "no mark"),
        ("<!-- runn: false -->\n", "no mark"),
        ("Text. <!-- run: false -->\n", "no mark"),
        ("<!-- not run: no -->\n```text\n````\n```toml\n```\n", "a block of toml"),
        ("```python\nprint()\n", "has no end"),
    ],
)
def test_nothing_goes_unrun_in_silence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PageError, match=said):
        read(_page(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "```python\nraise KeyError\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```python\nprint(1)\n```\n<!-- printed -->\n```\n2\n```\n",
        "<!-- status: 1 -->\n```console\n$ true\n```\n",
        "<!-- from: README.md -->\n```text\nnot a line of it\n```\n",
        "<!-- run: false -->\n",
    ],
)
def test_what_a_page_shows_wrongly_fails(tmp_path: Path, text: str) -> None:
    page = read(_page(tmp_path, text))
    with pytest.raises(AssertionError):
        Running(page, tmp_path).run()


def test_blocks_share_a_folder_and_python_its_names(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    text = """
<!-- here: /job = PLACE -->
<!-- file: a.txt -->
```text
/job
```

```console
$ cat a.txt > b.txt
$ cat b.txt
…/place
```

```python
text = open("b.txt").read()
```

```python
print(len(text.split()))
```

<!-- printed -->
```text
1
```
"""
    Running(read(_page(tmp_path, text)), place).run()
    assert (place / "b.txt").read_text() == f"{place}\n"


def test_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert is_as_shown("a: 17 kB\n\nmore\nend\n", "a: … kB\n…end\n")
    assert not is_as_shown("a.17\n", "a+…\n")
    assert not is_as_shown("a\nb\n", "a\n")
