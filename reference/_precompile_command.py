"""The script `precompile`: a plain `run` at once, all else by the command line.

`precompile run` becomes the program, so whatever it imports first is lost time: the command line
and our package take a third of a second. A call that says nothing but a program and what most
give it is understood here. Whatever is not, what is wrong included, is the command line's, which
comes to the same where both understand it.
"""

import json
import os
import sys

from _precompile_run import announce, installed

TYPE_CHECKING = False  # typing's own would import typing
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# What the settings call them.
_FLAGS: "dict[str, tuple[str, int]]" = {
    "--read-only": ("read_only", True),
    "--precompile": ("precompile", True),
    "--why-miss": ("why_miss", True),
    "--quarantine": ("quarantine", True),
    **dict.fromkeys(("-v", "--verbose"), ("verbosity", 1)),
    **dict.fromkeys(("-q", "--quiet"), ("verbosity", -1)),
}
_PATHS = {"--bundle": "bundle", "--report": "report"}


def main() -> None:
    """The entry point of the script: this becomes the program, or the command line."""
    try:
        plain = understood(sys.argv[1:], os.environ)
        if plain is not None:
            _become(*plain)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError:  # which the command line meets, too, and tells
        pass
    from precompile_context.cli import main

    main()


def _become(settings: "dict[str, Any]", program: "list[str]") -> None:
    say_what_will_not_be(program)
    if settings["report"] is not None:
        from precompile_context.session import report
        from precompile_context.session.settings import Settings

        report.begin(Settings(**settings))
    environ = dict(os.environ)
    announce(environ)
    environ["PRECOMPILE_RUN"] = json.dumps(settings)
    os.execve(sys.executable, [sys.executable, *program], environ)


def understood(
    arguments: "Sequence[str]", environ: "Mapping[str, str]"
) -> "tuple[dict[str, Any], list[str]] | None":
    """The settings of a plain run, and its program; None where it is no such call.

    Raises:
        OSError: there is no current directory, say.
    """
    if arguments[:1] != ["run"] or any("PRECOMPILE_" in name for name in environ):
        return None  # a variable may be an option, or another run's
    settings: dict[str, Any] = {}
    rest = list(arguments[1:])
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
        option, has_value, value = rest.pop(0).partition("=")
        told: int | str
        if option in _FLAGS and not has_value:
            name, told = _FLAGS[option]
        elif option in _PATHS and (has_value or rest):
            name, told = _PATHS[option], value if has_value else rest.pop(0)
        else:
            return None
        if name in settings or not told:
            return None
        settings[name] = told
    if not _is_plain(rest) or _project_has_options():
        return None
    bundle, report = settings.get("bundle") or default_bundle(rest), settings.get("report")
    if bundle is None or ":" in bundle:  # a store's name, say
        return None
    settings["bundle"], settings["report"] = map(_absolute, (bundle, report))
    if os.path.realpath(settings["report"] or "") in map(os.path.realpath, (bundle, rest[0])):
        return None
    return {"read_only": False, **settings, "pid": os.getpid(), "trust": []}, rest


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def _is_plain(program: "list[str]") -> bool:
    """Whether it is a module, code, or a file that is there: a command is looked for elsewhere."""
    if program[:1] in (["-m"], ["-c"]):
        return len(program) > 1 and not program[1].startswith("-")
    return bool(program) and os.path.exists(program[0])


def _project_has_options() -> bool:
    """Whether the nearest pyproject.toml may set some, or cannot be read."""
    folder = os.getcwd()
    while True:
        try:
            with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
                data = file.read()
                # As a dependency, our name says nothing.
                for name in (b"precompile-context", b"precompile_context"):
                    data = data.replace(name, b"")
                return b"precompile" in data
        except FileNotFoundError:
            if folder == os.path.dirname(folder):
                return False
            folder = os.path.dirname(folder)
        except OSError:
            return True


def default_bundle(program: "Sequence[str]") -> str | None:
    """The bundle's file name for a program; None for code, which has no name."""
    if program[0] == "-m":
        return f"{program[1]}.precompile"
    if program[0] in ("-c", "-"):
        return None
    name = program[0]
    if not _is_named_py(name) and not os.path.isdir(name):
        # Torchrun's program is among its arguments.
        name = next((a for a in program[1:] if a.endswith(".py")), name)
    return f"{os.path.splitext(os.path.basename(os.path.realpath(name)))[0]}.precompile"


def _is_named_py(name: str) -> bool:
    return os.path.splitext(name)[1] == ".py"


def say_what_will_not_be(program: "Sequence[str]") -> None:
    """That nothing will be cached; to a person also which options the program will get."""
    if sys.stderr is None:
        return
    compilers = dict.fromkeys(name.partition(".")[0] for name, _ in installed())
    if not compilers:  # an editable installation of before, say
        why = "no adapter is announced by what is installed here; install precompile-context anew"
        print(f"precompile: {why}: nothing will be cached", file=sys.stderr)
    elif not any(_is_found(name, program) for name in compilers):
        why = f"none of {', '.join(sorted(compilers))} is installed for this Python"
        print(f"precompile: {why}: nothing will be cached", file=sys.stderr)
    ours = [a for a in program[1:] if a.split("=")[0] in OPTIONS and a != "-m"]
    if ours and sys.stderr.isatty():
        line = f"precompile: {ours[0]} stands behind the program, and is the program's"
        print(line, file=sys.stderr)


def _is_found(compiler: str, program: "Sequence[str]") -> bool:
    """Whether the program can import it: a compiler may lie beside the program, too."""
    beside = os.path.dirname(os.path.abspath(program[0]))  # of -m and -c, the current directory
    finders = [find for one in sys.meta_path if (find := getattr(one, "find_spec", None))]
    return any(find(compiler, path) for path in (None, [beside]) for find in finders)


# Those of `precompile run`.
OPTIONS = (
    *("--bundle", "--read-only", "--precompile", "--report", "--why-miss"),
    *("--directory", "--trust", "--key", "--unsigned", "--max-size", "--require"),
    "--quarantine",
    *("--quiet", "--verbose"),
)
