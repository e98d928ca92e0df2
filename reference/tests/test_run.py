"""`precompile run` against plain python: everything that a program or its caller can see."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import _precompile_run
from precompile_context.adapters.pytorch.workers import compile_worker_of
from precompile_context.session.settings import VARIABLE, Settings
from tests import hanging

PRECOMPILE = [sys.executable, "-c", "from _precompile_command import main; main()"]
PLAIN = [sys.executable]


def run_command(*options: str) -> list[str]:
    return [*PRECOMPILE, "run", *options]


def finished(command: list[str], cwd: Path, text: str = "") -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    done = subprocess.run(
        command,
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=hanging.SECONDS,
        check=False,
    )
    # Addresses of objects differ between any two processes.
    return done.returncode, done.stdout, re.sub(r"0x[0-9a-f]+", "0x", done.stderr)


def assert_same(cwd: Path, *program: str, text: str = "") -> tuple[int, str, str]:
    """Run plainly and by `precompile run`; the same is seen of both."""
    plain = finished([*PLAIN, *program], cwd, text)
    ours = finished([*run_command("--bundle", "b.precompile"), *program], cwd, text)
    assert ours == plain
    return plain


def script(cwd: Path, source: str, name: str = "program.py") -> str:
    (cwd / name).write_text(source)
    return name


ENDS = {
    "returns": "print('done')",
    "exits_with_a_number": "import sys; sys.exit(3)",
    "exits_with_a_text": "import sys; sys.exit('no such thing')",
    "exits_with_none": "import sys; sys.exit(None)",
    "raises": "def f(x):\n    return 1 / x\n\nf(0)\n",
    "raises_within_except": "try:\n    {}[1]\nexcept KeyError as e:\n    raise OSError('x') from e",
    "has_a_syntax_error": "print('a'\nx = (",
    "leaves_at_once": "import os; print('lost?', flush=True); os._exit(7)",
    "interrupts_itself": "import os, signal; os.kill(os.getpid(), signal.SIGINT); input()",
    "terminates_itself": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "kills_itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "fails_at_exit": "import atexit; atexit.register(lambda: 1 / 0)",
    "fails_in_a_thread": "import threading; threading.Thread(target=lambda: 1 / 0).start()",
    "warns": "import warnings; warnings.warn('old')",
    "closes_its_outputs": "import sys; sys.stdout.close(); sys.stderr.close()",
}


@pytest.mark.parametrize("name", ENDS)
def test_program_ends_as_in_plain_python(name: str, tmp_path: Path) -> None:
    assert_same(tmp_path, script(tmp_path, ENDS[name]))


SEEN = """
import atexit, json, os, signal, sys
import __main__
print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "flags": str(sys.flags),
    "executable": sys.executable, "prefix": sys.prefix, "name": __name__, "file": __file__,
    "main": sorted(vars(__main__)), "spec": str(__spec__), "cwd": os.getcwd(),
    "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "mask": str(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None,
    "modules": sorted(set(sys.modules) - {"_precompile_run"}),
    "environ": sorted(set(os.environ) - {"PRECOMPILE_RUN", "PRECOMPILE_ADAPTERS"}),
    "stdin": sys.stdin.read(),
    "recursion": sys.getrecursionlimit(), "hooks": [str(sys.excepthook), str(sys.displayhook)],
}, indent=1))
atexit.register(lambda: print("at exit", sys.modules["__main__"].__dict__.get("__file__")))
"""


def test_program_sees_what_it_sees_in_plain_python(tmp_path: Path) -> None:
    name = script(tmp_path, SEEN)
    status, out, _ = assert_same(tmp_path, name, "--bundle", "x", "-m", "--", "", text="in\n")
    assert status == 0
    assert '"--bundle"' in out


@pytest.mark.parametrize("form", ["module", "package", "directory", "code", "stdin"])
def test_every_form_of_program_runs(form: str, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    source = "import sys; print(__name__, __package__, sys.argv, sys.path[0]); sys.exit(5)"
    for file in ("package/__init__.py", "package/__main__.py", "package/part.py"):
        (tmp_path / file).write_text(source if "__init__" not in file else "")
    program = {
        "module": ("-m", "package.part", "--help", "-m", "x"),
        "package": ("-m", "package", "a"),
        "directory": ("package", "a"),
        "code": ("-c", source, "-c", "b"),
        "stdin": ("-", "a"),
    }[form]
    assert assert_same(tmp_path, *program, text=source)[0] == 5


def test_missing_program_is_told_by_python(tmp_path: Path) -> None:
    assert assert_same(tmp_path, "none.py")[0] == 2
    assert assert_same(tmp_path, "-m", "no_such_module")[0] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_signal_from_outside_has_its_own_status(number: signal.Signals, tmp_path: Path) -> None:
    # In short sleeps: what comes just before one is handled after it, not 10 minutes later.
    asleep = "for _ in range(6000):\n    time.sleep(0.1)\n"
    name = script(tmp_path, f"import time\nprint('ready', flush=True)\n{asleep}")
    seen = []
    for command in ([*PLAIN, name], [*run_command("--bundle", "b"), name]):
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=hanging.SECONDS)
            # Its last line: the signal may come before the program sleeps, or when it does.
            seen.append((out, err.splitlines()[-1:], process.returncode))
    assert seen[0] == seen[1]
    assert seen[0][2] == -number


POOL = """
import multiprocessing, os, pickle, sys
from concurrent.futures import ProcessPoolExecutor

class Point:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return self.x == other.x

def double(point): return Point(2 * point.x), __name__, sys.argv

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Point(1))) == Point(1)
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(1) as pool:
        print([(p.x, n, a) for p, n, a in pool.map(double, [Point(1), Point(2)])])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        print(pool.submit(double, Point(4)).result()[0].x)
    child = context.Process(target=sys.exit, args=(9,))
    child.start(); child.join(); print(child.exitcode)
    sys.exit(4)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_every_start_method_work(method: str, tmp_path: Path) -> None:
    assert assert_same(tmp_path, script(tmp_path, POOL), method)[0] == 4


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "Missing argument"),
        (["--bundel", "x", "p.py"], "--bundel"),
        (["-O", "p.py"], "-O"),
        (["-m"], "needs a MODULE"),
        (["-c", "pass"], "needs --bundle"),
    ],
)
def test_wrong_usage_has_status_2(options: list[str], part: str, tmp_path: Path) -> None:
    status, out, err = finished(run_command(*options), tmp_path)
    assert (status, out) == (2, "")
    assert part in err


def test_unwritable_report_is_refused_with_a_line_of_help(tmp_path: Path) -> None:
    name = script(tmp_path, "print('not reached')")
    status, out, err = finished(run_command("--report", "no/such/r.json", name), tmp_path)
    assert (status, out) == (1, "")
    said, help_ = err.splitlines()
    assert said.startswith("precompile: ")
    assert help_.startswith("help: ")


PRINT_VARIABLE = f"import os; print(os.environ[{VARIABLE!r}])"


@pytest.mark.parametrize(
    ("program", "bundle"),
    [(["sub/train.py"], "train.precompile"), (["-m", "sub.train"], "sub.train.precompile")],
)
def test_bundle_is_named_after_the_program(program: list[str], bundle: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    script(tmp_path, PRINT_VARIABLE, "sub/train.py")
    _, out, _ = finished([*run_command(), *program], tmp_path)
    assert json.loads(out)["bundle"] == str(tmp_path / bundle)


def test_options_reach_the_program_process(tmp_path: Path) -> None:
    name = script(tmp_path, PRINT_VARIABLE + "; print(os.getpid())")
    _, out, _ = finished(
        run_command("--bundle", "a", "--read-only", "--report", "r", name), tmp_path
    )
    variable, pid = out.splitlines()
    settings = Settings.read({VARIABLE: variable})
    paths = str(tmp_path / "a"), str(tmp_path / "r")
    assert settings == Settings(paths[0], read_only=True, report=paths[1], pid=int(pid))


def test_report_of_a_program_without_torch_is_idle(tmp_path: Path) -> None:
    name = script(tmp_path, "pass")
    assert finished(run_command("--report", "r.json", name), tmp_path) == (0, "", "")
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["version"], report["status"], report["children"]) == (1, "idle", [])
    assert report["kernels"] == {"hits": 0, "built": 0}
    assert not (tmp_path / "program.precompile").exists()


TRIGGERS = (
    "torch._dynamo.callback",
    "torch._dynamo.convert_frame",
    "torch._dynamo.package",
    "torch._inductor.compile_fx",
)
# A package that looks like torch's just far enough to wake the hook, and then fails it.
FAKE_TORCH = """
import {trigger} as module
print(type(module.__loader__).__name__, vars(module.__loader__), module.value)
"""


@pytest.fixture
def fake_torch(tmp_path: Path) -> Path:
    for name in TRIGGERS:
        module = tmp_path / f"{name.replace('.', '/')}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        (module.parent / "__init__.py").touch()
        module.write_text("value = 1")
    (tmp_path / "torch" / "__init__.py").touch()
    return tmp_path


def test_failure_of_ours_is_one_line_and_the_program_goes_on(fake_torch: Path) -> None:
    imports = map(FAKE_TORCH.format_map, ({"trigger": t} for t in TRIGGERS))
    name = script(fake_torch, "".join(imports))
    plain = finished([*PLAIN, name], fake_torch)
    status, out, err = finished([*run_command(), name], fake_torch)
    assert (status, out) == plain[:2]
    assert (status, plain[2]) == (0, "")
    assert err.startswith("precompile: ")
    assert err.count("\n") == 1


def test_interpreter_without_the_variable_is_untouched(fake_torch: Path) -> None:
    name = script(fake_torch, "import sys; print('_precompile_run' in sys.modules)")
    assert finished([*PLAIN, name], fake_torch) == (0, "False\n", "")


def test_forked_child_takes_part_by_itself(fake_torch: Path) -> None:
    trigger = f"import {TRIGGERS[0]}"
    source = f"import os\npid = os.fork()\nif not pid:\n    {trigger}\nelse:\n    os.wait()\n"
    name = script(fake_torch, source)
    status, out, err = finished([*run_command(), name], fake_torch)
    assert (status, out) == (0, "")
    assert err.startswith(
        "precompile: "
    )  # there is no torch in truth: once it has started, it fails
    assert err.count("\n") == 1


def test_multiprocessing_helper_stays_out() -> None:
    code = "from multiprocessing.resource_tracker import main;main(5)"
    assert _precompile_run.is_helper([sys.executable, "-X", "dev", "-c", code])
    assert not _precompile_run.is_helper([sys.executable, "-c", "print()"])
    assert not _precompile_run.is_helper([sys.executable, "program.py", "-c"])


@pytest.mark.parametrize(
    "code",
    [
        "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)",
        "from multiprocessing.forkserver import main; main(5)",
    ],
)
def test_children_and_the_server_that_forks_them_take_part(code: str) -> None:
    arguments = [sys.executable, "-c", code, "--multiprocessing-fork"]
    assert not _precompile_run.is_helper(arguments)


def test_compile_worker_is_known_by_its_script() -> None:
    worker = os.path.join("/v", "torch", "_inductor", "compile_worker", "__main__.py")
    assert compile_worker_of([sys.executable, worker, "--parent=42"]) == "42"
    assert compile_worker_of([sys.executable, "program.py", worker]) is None


def test_program_may_have_a_module_of_the_name_of_ours(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    script(tmp_path, "value = 'theirs'", "sub/precompile.py")
    source = """
import sys, precompile, _precompile_run
startup = _precompile_run._startup()
print(precompile.value, sys.modules["precompile"] is precompile, startup.__name__)
"""
    status, out, err = finished([*run_command(), script(tmp_path, source, "sub/p.py")], tmp_path)
    assert (status, err) == (0, "")
    assert out.split() == ["theirs", "True", "precompile_context.session.startup"]


def test_report_that_would_replace_the_bundle_is_wrong_usage(tmp_path: Path) -> None:
    name = script(tmp_path, "print()")
    command = run_command("--bundle", "b", "--report", "b")
    status, _, err = finished([*command, name], tmp_path)
    assert status == 2
    assert "replace the bundle" in " ".join(err.split())
