"""python -m fuzz: run the targets, replay inputs, keep the corpus.

run [--seconds S] [TARGET ...]   fuzz for S seconds altogether; exit 1 with findings
replay [TARGET] FILE ...         answer, time and memory of single inputs, without atheris
cost TARGET FILE                 seconds and bytes of one input, and how slow the machine is
dearest                          time and memory of the dearest inputs known; exit 1 over the bounds
edits [--seconds S] [--seed N]   edited programs of torch.compile; exit 1 where one was served stale
seeds                            write the first inputs of each corpus
merge DIRECTORY                  add to the corpus what of DIRECTORY/TARGET reaches more code
"""

import argparse
import gc
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FINDINGS = HERE / "findings"


def main() -> int:
    """One of the commands above; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--seconds", type=int, default=60)
    run.add_argument("--keep", type=Path, help="a folder for the inputs that reach new code")
    run.add_argument("--seed", type=int, default=0, help="0: another one each time")
    run.add_argument("targets", nargs="*")
    replay = commands.add_parser("replay")
    replay.add_argument("target")
    replay.add_argument("files", nargs="+")
    cost = commands.add_parser("cost")
    cost.add_argument("target")
    cost.add_argument("file", type=Path)
    commands.add_parser("dearest")
    commands.add_parser("seeds")
    edits = commands.add_parser("edits")
    edits.add_argument("--seconds", type=int, default=30)
    edits.add_argument("--seed", type=int, default=1)
    edits.add_argument("--program", help="one alone: its holder/reach/edit/mode")
    merge = commands.add_parser("merge")
    merge.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "run":
        return _run(arguments.targets, arguments.seconds, arguments.keep, arguments.seed)
    if arguments.command == "replay":
        return _replay(arguments.target, arguments.files)
    if arguments.command == "cost":
        return _cost(arguments.target, arguments.file)
    if arguments.command == "dearest":
        return _dearest()
    if arguments.command == "edits":
        from fuzz import edits as programs

        return programs.run(arguments.seconds, arguments.seed, arguments.program)
    if arguments.command == "seeds":
        return _seeds()
    return _merge(arguments.directory)


def _run(names: list[str], seconds: int, keep: Path | None, seed: int) -> int:
    if importlib.util.find_spec("atheris") is None:
        print("NOT RUN: fuzzing, because atheris is not installed here", file=sys.stderr)
        return 0
    from fuzz.targets import TARGETS

    names = names or list(TARGETS)
    executed, found = 0, []
    for name in names:
        corpus = TARGETS[name].corpus
        with tempfile.TemporaryDirectory() as scratch:
            grown = keep / name if keep else Path(scratch)
            grown.mkdir(parents=True, exist_ok=True)
            FINDINGS.mkdir(exist_ok=True)
            done = _engine(
                name,
                f"-max_total_time={max(1, seconds // len(names))}",
                f"-artifact_prefix={FINDINGS}/{name}-",
                f"-seed={seed}",
                "-print_final_stats=1",
                *_OPTIONS,
                str(grown),
                str(CORPUS / corpus),
            )
        count = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        coverage = re.findall(r"cov: (\d+)", done.stderr)
        executed += int(count[1]) if count else 0
        status = "no finding" if done.returncode == 0 else "A FINDING"
        print(
            f"{name:10} {int(count[1]) if count else 0:12,} executions,"
            f" {coverage[-1] if coverage else '?':>5} branches: {status}",
            flush=True,
        )
        if done.returncode:
            found.append(name)
            print(done.stderr[-6000:], flush=True)
    print(f"{executed:,} executions, {len(found)} targets with findings")
    return 1 if found else 0


_OPTIONS = (
    f"-max_len={1 << 20}",
    "-len_control=50",
    "-timeout=60",
    "-rss_limit_mb=4096",
    "-detect_leaks=0",
)


def _engine(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz.engine", name, *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")


def _replay(name: str, files: list[str]) -> int:
    from fuzz.bounds import cost_alone
    from fuzz.targets import TARGETS, answer

    for file in files:
        result = answer(TARGETS[name], Path(file).read_bytes())
        cost, _ = cost_alone(name, file)
        print(f"{file}: {result}, {cost.seconds:.3f} s, {cost.memory >> 10:,} KiB more")
    return 0


def _dearest() -> int:
    from fuzz.bounds import MAX_INPUT, cost_alone
    from fuzz.dearest import dearest

    worst = 0
    for title, name, data in dearest():
        assert len(data) < MAX_INPUT
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            cost, result = cost_alone(name, file.name)
        within = cost.is_within(len(data))
        worst += not within
        print(
            f"{title:36} {name:10} {cost.seconds:5.2f} s {cost.memory >> 20:4} MiB"
            f" {result}{'' if within else '  OVER THE BOUNDS'}",
            flush=True,
        )
    return 1 if worst else 0


def _cost(name: str, file: Path) -> int:
    from fuzz.bounds import Watch, slowness
    from fuzz.targets import TARGETS, answer

    target = TARGETS[name]
    for seed in sorted((CORPUS / target.corpus).iterdir())[:20]:  # what is made once is made now
        answer(target, seed.read_bytes())
    data = file.read_bytes()
    gc.collect()
    before = slowness()
    answers: list[str] = []
    cost = Watch().cost(lambda given: answers.append(answer(target, given)), data)
    print(cost.seconds, cost.memory, (before + slowness()) / 2, *answers)
    return 0


def _seeds() -> int:
    from fuzz.seeds import seeds

    for corpus, data in seeds():
        _keep(corpus, data)
    return 0


def _keep(corpus: str, data: bytes) -> None:
    folder = CORPUS / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _merge(directory: Path) -> int:
    """The smallest inputs first, each that takes a branch which none before it took."""
    from fuzz.reached import Branch, reached
    from fuzz.targets import TARGETS, answer

    for name, target in TARGETS.items():
        known: set[tuple[str, Branch]] = set()
        found = [path for path in (directory / name).glob("*") if path.stat().st_size <= _MOST_KEPT]
        for path in [*(CORPUS / target.corpus).iterdir(), *sorted(found, key=_size)]:
            data = path.read_bytes()
            new = {(name, b) for b in reached(lambda t=target, d=data: answer(t, d))} - known  # type: ignore[misc]
            if new and path.parent != CORPUS / target.corpus:
                _keep(target.corpus, data)
            known |= new
    return 0


# Small inputs alone: the corpus is kept for good.
_MOST_KEPT = 2000


def _size(path: Path) -> int:
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
