""".github/actions/conformance: its steps, run in a shell as a runner would run them.

The runner itself, and what of `uses:` and of expressions it does more than this, is not here.
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import wheelhouse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/actions/conformance"
TEXT = (FOLDER / "action.yml").read_text(encoding="utf-8")
STEPS = re.findall(
    r"^    - shell: bash\n(?:      env:\n((?:        .*\n)+))?      run: \|\n((?:        .*\n)+)",
    TEXT,
    flags=re.MULTILINE,
)
_INPUT = r'^  (\w+):\n    description: .*\n    default: "?([^"\n]*)"?$'
DEFAULTS = dict(re.findall(_INPUT, TEXT, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Its variables, and an index of packages that is a folder."""
    place = tmp_path_factory.mktemp("runner")
    wheels = place / "wheels"
    for name in ("wheels", "temp", "workspace"):
        (place / name).mkdir()
    needed = ("protobuf", "zstandard", "cryptography", "typer", "rich", "jinja2", "hypothesis")
    wheelhouse.fill(wheels, *needed, "hatchling")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(wheels),
        "GITHUB_ACTION_PATH": str(FOLDER),
        "GITHUB_WORKSPACE": str(place / "workspace"),
        "RUNNER_TEMP": str(place / "temp"),
    }


def _step(number: int, runner: dict[str, str], **inputs: str) -> "subprocess.CompletedProcess[str]":
    """One step, with its expressions filled in."""
    given = {**DEFAULTS, **inputs}
    env, script = STEPS[number]
    for name, value in re.findall(r"(\w+): \$\{\{ inputs\.(\w+) \}\}", env):
        runner = {**runner, name: given[value]}
    assert "${{" not in script, "an expression in a script is put there unquoted"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", textwrap.dedent(script)],
        cwd=runner["GITHUB_WORKSPACE"],
        env=runner,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_steps_install_the_suite_and_judge_a_testee(runner: dict[str, str]) -> None:
    assert TEXT.count("shell: bash") == len(STEPS) == 2
    assert set(DEFAULTS) == {"expected", "classes", "report"}
    workspace = Path(runner["GITHUB_WORKSPACE"])
    installed = _step(0, runner)
    assert installed.returncode == 0, installed.stderr
    testee = f"{sys.executable} {ROOT}/conformance_tests/testees/stdlib"
    judged = _step(1, runner, testee=testee, classes="reader verifier")
    assert judged.returncode == 0, judged.stdout
    report = workspace / "conformance-report"
    told = json.loads((report / "summary.json").read_text())
    assert told["testees"][0]["by_class"]["reader"]["PASS"] > 700
    assert {"junit.xml", "report.json", "index.html"} <= {path.name for path in report.iterdir()}

    named = _step(1, runner, testee=testee, expected="no such file.toml")
    assert (named.returncode, "no such file.toml" in named.stderr) == (1, True)
    failed = _step(1, runner, testee="false")
    assert failed.returncode == 1
