"""A toy compiler that keeps its work in a bundle: signed, and shared by several processes.

It compiles formulas to Python's bytecode, with one artifact of each kind:

    toy.names   cache     the names that occur in a formula, put into a dict that it looks into
    toy.code    backend   one formula's bytecode, unmarshalled when its function is stitched
    toy.function entry    a function: its arguments, and the formulas that it is made of

Run it any number of times; only the first one compiles:

    precompile keygen build.pem
    python examples/toy_compiler.py toy.precompile build.pem
"""

import json
import marshal
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import ClassVar

from precompile_context import (
    CacheArtifact,
    EntryArtifact,
    Environment,
    ErrorCode,
    MemoryPrecompileCache,
    PrecompileCacheArtifact,
    PrecompileContext,
    PrecompileError,
    SigningKey,
    TrustPolicy,
)

Numbers = dict[str, float]
Function = Callable[[Numbers], float]
# What each process is asked for: some of it is the same.
PROGRAMS = {
    "mean": ["a + b", "_ / 2"],
    "norm": ["a * a", "_ + b * b", "_ ** 0.5"],
    "double mean": ["a + b", "_ / 2", "_ * 2"],
}


@dataclass(frozen=True)
class Names(CacheArtifact):
    """Which names a formula needs, one a line; the key is the formula."""

    TYPE: ClassVar[str] = "toy.names"
    known: ClassVar[dict[str, list[str]]] = {}

    def populate_cache(self) -> None:
        """Put them where the compiler looks."""
        self.known[self.key] = self.content.decode().split()


@dataclass(frozen=True)
class Code(PrecompileCacheArtifact[CodeType]):
    """The bytecode of one formula, the key. Bytecode is native code: sign it, and trust few."""

    TYPE: ClassVar[str] = "toy.code"

    stack: int  # further fields travel, too: how deep its stack becomes

    def after_deserialization(self) -> CodeType:
        """What a function calls."""
        code = marshal.loads(self.content)
        if not isinstance(code, CodeType):
            raise TypeError(f"{self.key}: no code")
        return code


@dataclass(frozen=True)
class Steps(EntryArtifact):
    """A function: its formulas in order are its backends, its content what it needs as JSON."""

    TYPE: ClassVar[str] = "toy.function"


class Compiler:
    """Makes functions of formulas, from the bundle where that has them."""

    def __init__(self, bundle: Path, key: SigningKey) -> None:
        self.bundle = bundle
        self.compiled = self.served = 0
        # Bytecode is of one version of Python: elsewhere the bundle is refused by this fact.
        self.context = PrecompileContext(
            environment=Environment.of(python__tag=sys.implementation.cache_tag or "none"),
            policy=TrustPolicy([key.verifying_key]),
            signer=key,
        )
        for cls in (Names, Code, Steps):
            self.context.register(cls)
        self.cache = MemoryPrecompileCache()
        try:
            self.context.load(bundle)
        except FileNotFoundError:
            return
        except PrecompileError as error:
            # Another process may be writing the file's first segment just now: this one
            # compiles, too. What is no bundle at all, save() refuses.
            if error.code not in (ErrorCode.NOT_A_BUNDLE, ErrorCode.TRUNCATED):
                print(f"{bundle}: compiled anew: {error}")
            return
        for outcome in self.context.populate(self.cache).outcomes:
            print(f"not applied: {outcome.type} {outcome.key}: {outcome.detail}")

    def function(self, name: str) -> Function:
        """The function, served or compiled."""
        stitched = self.cache.read(Steps.TYPE, name)
        if stitched is not None:
            self.served += 1
            return _running(stitched.values)
        self.compiled += 1
        backends = [self._formula(formula) for formula in PROGRAMS[name]]
        needs = sorted({name for code in backends for name in Names.known[code.key]} - {"_"})
        self.context.record(Steps(name, json.dumps(needs).encode()), backends=backends)
        return _running(tuple(code.after_deserialization() for code in backends))

    def _formula(self, formula: str) -> Code:
        """One formula's code; that of an earlier function is the same."""
        known = self.context.lookup(Code, formula)
        if known is not None:
            return known
        code = compile(formula, "<toy>", "eval")
        artifact = Code(formula, marshal.dumps(code), stack=code.co_stacksize)
        names = Names(formula, "\n".join(code.co_names).encode())
        names.populate_cache()
        self.context.record(names)
        self.context.record(artifact)
        return artifact

    def save(self) -> None:
        """Append what is new. What another process appended meanwhile stays, and wins."""
        self.context.save_to(self.bundle, keep_existing=True)


def _running(codes: tuple[CodeType, ...]) -> Function:
    def run(values: Numbers) -> float:
        result = 0.0
        for code in codes:
            result = float(eval(code, {"__builtins__": {}}, {**values, "_": result}))
        return result

    return run


def work(bundle: Path, pem: Path, names: list[str]) -> tuple[int, int, list[float]]:
    """One process: how many functions it compiled and was served, and their results."""
    compiler = Compiler(bundle, SigningKey.from_pem(pem.read_bytes()))
    results = [compiler.function(name)({"a": 3.0, "b": 4.0}) for name in names]
    compiler.save()
    return compiler.compiled, compiler.served, results


def main() -> None:
    """Three processes at once, each with two of the three functions; then one with them all."""
    bundle, pem = Path(sys.argv[1]), Path(sys.argv[2])
    names = list(PROGRAMS)
    pairs = [[a for a in names if a != left_out] for left_out in names]
    with multiprocessing.get_context("spawn").Pool(len(pairs)) as pool:
        done = pool.starmap(work, [(bundle, pem, pair) for pair in pairs])
    print(f"three processes compiled {sum(compiled for compiled, _, _ in done)}", end=", ")
    compiled, served, results = work(bundle, pem, names)
    print(f"a fourth {compiled} and was served {served}: {results}")


if __name__ == "__main__":
    main()
