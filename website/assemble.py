"""Puts the site's pages together in a folder: the repository's own, and those made from the suite.

Pages lie as they do in the repository, so that their links hold in both.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

from precompile_conformance import corpus
from precompile_conformance.spec.requirements import ID
from precompile_context import UNSIGNED
from precompile_context.bundle import Bundle
from precompile_context.cli import page as viewer

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    *("README.md", "SPEC.md", "SPEC-context.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
    *("docs", "benchmarks/results"),
    *("conformance_tests/README.md", "conformance_tests/stores/README.md"),
)
# Bundles of SPEC.md, each in a viewer of its own.
SAMPLES = ("hello", "blocks")
# What programs import, what authors of adapters and of stores do.
PUBLIC = (
    "precompile_context",
    *(f"precompile_context.adapters.{name}" for name in ("pytorch", "jax", "numba")),
    *("precompile_context.session", "precompile_context.stores", "precompile_context.testing"),
)
VECTORS = corpus.VECTORS / "v1.0"
_REQUIREMENT = re.compile(r"^- \*\*\[(PCB-[A-Z]+-\d+)\]\*\* (.*)$", re.M)
_LINK = re.compile(r"\]\(([^)#:\s]+)[^)\s]*\)")


def main(folder: Path) -> None:
    """Make the folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in PAGES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copyfile(source, target)
    shutil.copyfile(Path(__file__).with_name("try.md"), folder / "try.md")
    (folder / "viewer.html").write_text(viewer.page(), encoding="utf-8")
    for name in SAMPLES:
        data = (VECTORS / "SPEC" / name / "input.precompile").read_bytes()
        bundle = Bundle.open(data, policy=UNSIGNED)
        page = viewer.embedded(f"{name}.precompile", bundle, full=True)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    (folder / "api.md").write_text(_api(), encoding="utf-8")
    (folder / "cases.md").write_text(_cases(), encoding="utf-8")
    for path in sorted(folder.rglob("*.md")):
        _adapt(path, folder)


def _adapt(page: Path, folder: Path) -> None:
    """Anchors for requirements; files that a page leads to are copied beside it, folders named."""
    text = page.read_text(encoding="utf-8")
    if page.name in ("SPEC.md", "SPEC-context.md") and page.parent == folder:
        text = _REQUIREMENT.sub(r"- <a id='\1'></a>**[\1](cases.md#\1)** \2", text)
    # Not a language that is highlighted.
    text = re.sub(r"^```hex .*$", "```text", text, flags=re.M)
    for target in set(_LINK.findall(text)):
        path = (page.parent / target).resolve()
        origin = ROOT / path.relative_to(folder)
        if origin.is_dir():
            text = re.sub(rf"\[([^\]]*)\]\({re.escape(target)}\)", r"\1", text)
        elif origin.is_file() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, path)
    page.write_text(text, encoding="utf-8")


def _api() -> str:
    """The public surface: each public module, as its `__all__` has it."""
    lines = ["# Python API", "", "All of what a program may import; what is not here may change."]
    for module in PUBLIC:
        lines += ["", f"## {module}", ""]
        lines += [f"::: {module}.{name}\n" for name in _all(module) if not name.startswith("__")]
    return "\n".join(lines)


def _all(module: str) -> list[str]:
    path = ROOT / "reference" / Path(*module.split("."))
    tree = ast.parse((path / "__init__.py").read_text(encoding="utf-8"))
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return list(names)


def _cases() -> str:
    """Each requirement, and the cases that test it."""
    cases: dict[str, list[str]] = {}
    for case in corpus.load(VECTORS):
        for id_ in case.message.requirements:
            cases.setdefault(id_, []).append(f"`{case.id}`")
    lines = ["# Requirements and their cases", ""]
    for name in ("SPEC.md", "SPEC-context.md"):
        for id_, sentence in _REQUIREMENT.findall((ROOT / name).read_text(encoding="utf-8")):
            assert ID.fullmatch(id_)
            tested = ", ".join(cases.get(id_, ["no case of its own"]))
            plain = re.sub(r"\]\((?=#)", f"]({name}", sentence)
            lines += [f"<a id='{id_}'></a>**[{id_}]({name}#{id_})** {plain}", "", tested, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
