"""What stands below each command's help: examples, and what its exit status says."""

_BAD = "1 it is bad or refused"
_USAGE = "2 wrong usage"

EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": (
        "precompile run train.py --epochs 3",
        "precompile run --bundle model.precompile --read-only -m serve",
        "precompile run --bundle s3://bucket/team/train/ train.py",
        "precompile run --require warm --bundle model.precompile serve.py",
        "precompile run torchrun --nproc-per-node 2 train.py",
    ),
    "demo": ("precompile demo", "precompile demo --compiler jax", "precompile demo --device cuda"),
    "inspect": (
        "precompile inspect train.precompile",
        "precompile inspect --bytes train.precompile",
        "precompile inspect --html train.html train.precompile",
    ),
    "show": ("precompile show train.precompile fpmake",),
    "view": ("precompile view train.precompile",),
    "verify": ("precompile verify train.precompile --trust ci",),
    "explain": ("precompile explain train.precompile", "precompile explain UNTRUSTED_SIGNER"),
    "diff": ("precompile diff yesterday.precompile train.precompile",),
    "merge": (
        "precompile merge -o all.precompile rank*.precompile",
        "precompile merge -o all.precompile --skip-damaged rank*.precompile",
    ),
    "extract": ("precompile extract train.precompile inductor KEY -o graph.bin",),
    "prune": (
        "precompile prune train.precompile --superseded --max-size 500MB",
        "precompile prune s3://bucket/team/train/ --environment torch.version=2.12.0",
    ),
    "stats": ("precompile stats", "precompile stats --prometheus > precompile.prom"),
    "quarantine": (
        "precompile quarantine list",
        "precompile quarantine remove train.precompile",
    ),
    "push": ("precompile push train.precompile s3://bucket/team/train/",),
    "pull": ("precompile pull s3://bucket/team/train/ train.precompile",),
    "keygen": ("precompile keygen ci.pem",),
    "sign": ("precompile sign train.precompile --key ci.pem",),
    "trust": ("precompile trust add ci.pem.pub --name ci", "precompile trust list"),
    "man": ("precompile man ~/.local/share/man/man1",),
}
_STATUSES: dict[str, tuple[str, ...]] = {
    "run": (
        "the program's own; before it starts, 1 or 2 as for all commands",
        "3 what --require asks for is not so",
    ),
    "explain": ("0 it would be used here", "1 it would not, or is bad", _USAGE),
    "merge": (
        "0 done",
        "1 an input is bad or refused, --strict met a conflict, or",
        "  --skip-damaged left something out",
        _USAGE,
    ),
}


def epilog(command: str) -> str:
    r"""Paragraphs whose lines stay as they are: \b says so."""
    statuses = _STATUSES.get(command, ("0 done", _BAD, _USAGE))
    examples = "\n".join(f"  {example}" for example in EXAMPLES[command])
    return f"\b\nExamples:\n{examples}\n\n\b\nExit status:\n" + "\n".join(
        f"  {status}" for status in statuses
    )
