"""A page's programs, run in its order: one folder, one home, and one interpreter for its Python."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cuda_warning import without_cuda_warning
from tests.pages import ROOT, Block, Mark, Page
from tests.programs import QUICK

_SECONDS = 300
_END = "\x00end of the block\n"
# Statements of one page share their names, as a reader's would.
_INTERPRETER = f"""
import json, signal, sys
for line in sys.stdin:
    signal.alarm({_SECONDS})
    source, file = json.loads(line)
    exec(compile(source, file, "exec"), vars(sys.modules["__main__"]))
    signal.alarm(0)
    sys.stdout.write({_END!r})
    sys.stdout.flush()
"""
_COMMAND = re.compile(r"^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", flags=re.MULTILINE)
_SCRIPTS = {
    "precompile": "from _precompile_command import main",
    "precompile-conformance": "from precompile_conformance.command import main",
    "torchrun": "from torch.distributed.run import main",
}


class Running:
    """A page being run in an empty folder; its commands and homes lie beside that."""

    def __init__(self, page: Page, place: Path, python: Sequence[str] = (sys.executable,)) -> None:
        """`python` is the beginning of a command that does what Python does."""
        self._page, self._place = page, place
        self._here: dict[str, str] = {}
        self._printed = ""
        self._machines = 0
        self._python: subprocess.Popen[str] | None = None
        self._bin = place.parent / f"{place.name}-bin"
        (self._bin / "commands").mkdir(parents=True)
        self._errors = self._bin / "stderr"
        starts = f"#!/bin/sh\nexec {shlex.join(python)} "
        for name, imported in _SCRIPTS.items():
            text = f"#!{sys.executable}\nimport sys\n{imported}\nsys.exit(main())\n"
            source = self._script(f"commands/{name}", text)
            self._script(name, f'{starts} {source} "$@"\n')
        # `precompile run torchrun` reads it, as it is installed.
        (self._bin / "commands" / "torchrun").replace(self._bin / "torchrun")
        for name in ("python", "python3"):
            self._script(name, f'{starts} "$@"\n')

    def run(self) -> None:
        """All of it."""
        try:
            for part in self._page.parts:
                if isinstance(part, Mark):
                    self._mark(part)
                else:
                    self._block(part)
        finally:
            if self._python:
                self._python.kill()
                self._python.communicate()

    def _script(self, name: str, text: str) -> Path:
        script = self._bin / name
        script.write_text(text)
        script.chmod(0o755)
        return script

    def _mark(self, mark: Mark) -> None:
        if mark.name == "here":
            name, value = mark.value.split(" = ")
            self._here[name] = value.replace("PLACE", str(self._place)).replace("ROOT", str(ROOT))
        elif mark.name == "python":
            self._interpret(self._on_this_machine(mark.value), mark.line)
        else:
            self._command(self._on_this_machine(mark.value), mark.line, {}, 0)

    def _block(self, block: Block) -> None:
        marks, where = block.marks, f"{self._page.path.name}:{block.line}"
        text = self._on_this_machine(block.text)
        if "from" in marks:
            assert block.text in (ROOT / marks["from"]).read_text(encoding="utf-8"), where
        elif "file" in marks:
            file = self._place / marks["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif "printed" in marks:
            assert is_as_shown(self._printed, text), f"{where}: it printed\n{self._printed}"
        elif "not run" not in marks and block.kind != "hex":
            for _ in range(int(marks.get("runs", 1))):
                self._run(block, text)

    def _run(self, block: Block, text: str) -> None:
        marks = block.marks
        more = dict([marks["with"].split("=", 1)]) if "with" in marks else {}
        if block.kind == "python":
            self._interpret(text, block.line)
            return
        commands = [(text, "")] if block.kind == "bash" else _COMMAND.findall(text)
        assert "".join(f"$ {c}\n{out}" for c, out in commands) == text or block.kind == "bash"
        for index, (command, shown) in enumerate(commands, start=1):
            if "elsewhere" in marks:
                self._machines += 1
            status = int(marks.get("status", 0)) if index == len(commands) else 0
            self._command(command.replace("\n> ", "\n"), block.line, more, status)
            if shown and "output differs" not in marks:
                where = f"{self._page.path.name}:{block.line}: {command}"
                assert is_as_shown(self._printed, shown), f"{where}: it printed\n{self._printed}"

    def _on_this_machine(self, text: str) -> str:
        for name, value in self._here.items():
            text = text.replace(name, value)
        return text

    def _environment(self, **more: str) -> dict[str, str]:
        """The page's own home; no two programs share a compiler's cache, but by a bundle."""
        home = self._bin / f"home{self._machines}"
        home.mkdir(exist_ok=True)
        cache = self._bin / f"cache{len(os.listdir(self._bin))}"
        cache.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {
            **kept,
            **QUICK,
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHON_EXEC": str(self._bin / "python"),  # what torchrun starts ranks with
            "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), *_OWN])),
            "HOME": str(home),
            "TORCHINDUCTOR_CACHE_DIR": str(cache),
            "TRITON_CACHE_DIR": str(cache),
            "TMPDIR": str(cache),
            "COLUMNS": "80",
            # For the marks' own commands.
            "ROOT": str(ROOT),
            "PROGRAMS": str(Path(__file__).with_name("page_programs")),
            **more,
        }

    def _command(self, command: str, line: int, more: dict[str, str], status: int) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self._place,
            env=self._environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        self._printed = without_cuda_warning(done.stdout)
        where = f"{self._page.path.name}:{line}: {command}"
        assert done.returncode == status, f"{where}: status {done.returncode}\n{self._printed}"

    def _interpret(self, source: str, line: int) -> None:
        if self._python is None:
            with self._errors.open("wb") as errors:
                self._python = subprocess.Popen(
                    [str(self._bin / "python"), "-c", _INTERPRETER],
                    cwd=self._place,
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
        assert self._python.stdin
        assert self._python.stdout
        # So that a traceback names the page's line.
        request = json.dumps(["\n" * line + source, str(self._page.path)])
        print(request, file=self._python.stdin, flush=True)
        self._printed = ""
        while _END not in self._printed:
            text = self._python.stdout.readline()
            if not text:
                raise AssertionError(self._errors.read_text(encoding="utf-8"))
            self._printed += text
        self._printed = self._printed.replace(_END, "")


# What the marks' own commands import: `python -m tests.deployed`, say.
_OWN = (str(ROOT / "reference"),)


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether it printed what a page shows; `…` there stands for anything."""
    parts = (re.escape(part) for part in shown.strip().split("…"))
    return bool(re.fullmatch(".*".join(parts), printed.strip(), flags=re.DOTALL))
