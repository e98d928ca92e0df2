"""The demo's warm start from a file, from S3 and from a registry, interleaved; medians.

    PRECOMPILE_MOTO=.moto/bin/moto_server python -m benchmarks.store_starts [ROUNDS] [FOLDER]

Servers of this machine (moto, Debian's docker-registry), each also behind a proxy that makes
every request wait 20 ms. Each run is a process with empty caches, the nearer level's, too.
What the cold run made is kept in FOLDER, for the next time.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))  # the tests' servers

from precompile_context.adapters import pytorch
from tests.registry_server import docker_registry, registry
from tests.s3_server import Proxy, make_bucket, moto, s3_server

LATENCY = 0.02
MODEL = Path(pytorch.__file__).with_name("demo_model.py")
_COMMAND = [sys.executable, "-c", "from _precompile_command import main; main()"]


class Machine:
    """Runs of the command, each with empty caches, all with one key of a user's."""

    def __init__(self, place: Path, kept: Path) -> None:
        self.place, self.kept = place, kept

    def run(self, *arguments: str) -> None:
        """The command, to its end."""
        home = Path(tempfile.mkdtemp(dir=self.place))
        (home / "tmp").mkdir()
        places = {
            "TORCHINDUCTOR_CACHE_DIR": home / "inductor",
            "TMPDIR": home / "tmp",
            "XDG_CACHE_HOME": home / "ours",
            "XDG_STATE_HOME": home / "state",
            "XDG_CONFIG_HOME": self.kept / "config",
        }
        environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
        done = subprocess.run(
            [*_COMMAND, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)

    def start(self, bundle: str) -> tuple[float, float]:
        """Seconds of the first step, applying what was saved included, and of the whole process.

        Raises:
            SystemExit: it failed, or, of a warm start, compiled something.
        """
        out, report = self.place / "out.json", self.place / "report.json"
        began = time.perf_counter()
        self.run(
            *("run", "--bundle", bundle, "--report", str(report), str(MODEL), "--out", str(out))
        )
        wall = time.perf_counter() - began
        if self.is_filled and json.loads(report.read_text())["kernels"]["built"]:
            raise SystemExit(f"{bundle}: a start that was to be warm compiled")
        return json.loads(out.read_text())["first_step"], wall

    is_filled = False


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    os.environ |= {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "anything"}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        os.environ["DOCKER_CONFIG"] = folder
        kept = Path(sys.argv[2]).absolute() if len(sys.argv) > 2 else place
        machine = Machine(place, kept)
        file = str(kept / "demo.precompile")
        if not os.path.exists(file):
            machine.start(file)
        names = {"a file": file}

        def near_and_far(kind: str, name: str, port: int, address: str) -> None:
            proxy = Proxy(port)
            stack.callback(proxy.close)
            proxy.latency = LATENCY
            machine.run("push", file, name)
            names[kind] = name
            far = proxy.address if "://" in address else urlsplit(proxy.address).netloc
            names[f"{kind}, {LATENCY * 1000:g} ms a request"] = name.replace(address, far)

        command = moto()
        if command is None:
            print("NOT RUN: S3, because there is no moto: PRECOMPILE_MOTO", file=sys.stderr)
        else:
            address = stack.enter_context(s3_server(command, place))
            make_bucket(address, "bucket")
            name = f"s3://bucket/x?endpoint={address}&region=us-east-1"
            near_and_far("S3", name, urlsplit(address).port or 0, address)
        if docker_registry() is None:
            print("NOT RUN: a registry, because docker-registry is missing", file=sys.stderr)
        else:
            host = stack.enter_context(registry(place))
            near_and_far("a registry", f"oci://{host}/x:v1", int(host.rpartition(":")[2]), host)
        machine.is_filled = True
        for name in names.values():  # pages of the disk, and the server's own first answers
            machine.start(name)
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in names}
        for _ in range(rounds):
            for kind, name in names.items():
                taken[kind].append(machine.start(name))
                print(kind, *(f"{one:.2f}" for one in taken[kind][-1]), file=sys.stderr)
    steps = {kind: statistics.median(first for first, _ in all_) for kind, all_ in taken.items()}
    walls = {kind: statistics.median(wall for _, wall in all_) for kind, all_ in taken.items()}
    print("| bundle in | first step | process | more than a file |\n|---|---|---|---|")
    for kind in names:
        more = walls[kind] - walls["a file"]
        print(f"| {kind} | {steps[kind]:.2f} s | {walls[kind]:.2f} s | {more:+.2f} s |")


if __name__ == "__main__":
    main()
