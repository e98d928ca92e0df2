"""What a workflow, an image and a pod of the pages would run, run here: their commands alone.

    python -m tests.deployed FILE

FILE is a workflow or a pod in YAML, as far as the pages use of it, or a Dockerfile. A step's
`run`, a Dockerfile's `RUN` of this project's command, its `CMD` and a pod's `command` are run,
with the variables that stand there. What is around them (a runner, docker, a cluster) is not.
A command that stands there in another way is refused.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Run what the file runs; the first command that fails ends it.

    Raises:
        SystemExit: one failed, or is written as this does not read it.
    """
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    steps = re.findall(r"- run: (.*)", text)
    pod = re.search(r"command: \[(.*)\]", text)
    images = re.findall(r"^RUN (?:--mount=\S+ )*((?:\w+=\S+ )*precompile .*)$", text, re.M)
    written = re.findall(r"^\s*(?:- )?(?:run|command|args):|^RUN .*\bprecompile ", text, re.M)
    if len(written) != len(steps) + bool(pod) + len(images):
        sys.exit(f"{path}: a command that would not be run: {written}")
    if steps:
        for step in steps:
            _run(step, {})
    elif pod:
        words = [word.strip().strip('"') for word in pod[1].split(",")]
        _run(words, dict(re.findall(r"\{name: ([A-Z_]+), value: ([^}]*)\}", text)))
    else:
        for step in images:
            _run(step, {})
        variables = re.findall(r"^ENV (.*)$", text, re.M)
        pairs = (pair.split("=", 1) for line in variables for pair in line.split())
        _run(json.loads(re.findall(r"^CMD (.*)$", text, re.M)[-1]), dict(pairs))


def _run(command: str | list[str], variables: dict[str, str]) -> None:
    words = ["bash", "-eo", "pipefail", "-c", command] if isinstance(command, str) else command
    done = subprocess.run(words, env={**os.environ, **variables}, check=False)
    if done.returncode:
        sys.exit(f"status {done.returncode}: {command}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
