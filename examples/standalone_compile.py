"""A serving engine that compiles its pieces itself, and keeps them in one bundle.

Engines cut a model into graphs, compile each with `torch._inductor.standalone_compile`,
and save each as a file. Here the files are artifacts of the engine's own type, beside
the kernels' libraries, which torch's files leave out. Run it twice:

    python examples/standalone_compile.py engine.precompile
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch._inductor import standalone_compile
from torch._inductor.standalone_compile import CompiledArtifact

from precompile_context import BundleFile, CacheArtifact, PrecompileContext
from precompile_context.adapters import pytorch
from precompile_context.trust import UNSIGNED

Compiled = Callable[..., Any]


@dataclass(frozen=True)
class Piece(CacheArtifact):
    """What `CompiledArtifact.save` wrote of one graph."""

    TYPE: ClassVar[str] = "engine.piece"
    ready: ClassVar[dict[str, Compiled]] = {}

    def populate_cache(self) -> None:
        """Load the piece, so that it is ready when the engine meets its graph."""
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(self.content)
            self.ready[self.key] = CompiledArtifact.load(path=file.name, format="binary")


class Engine:
    """Compiles each graph once in the lifetime of a bundle."""

    def __init__(self, path: Path) -> None:
        self.file = BundleFile(path)
        self.compiled = self.loaded = 0
        environment = pytorch.host_environment()
        # The example takes what it finds. An engine would give its key: see docs/security.md.
        bundle = self.file.open(policy=UNSIGNED) if path.exists() else None
        if bundle is not None:
            environment = pytorch.fitting_environment(environment, bundle)
        self.context = PrecompileContext(environment=environment, policy=UNSIGNED)
        self.context.register(Piece)
        if bundle is not None:
            self.context.load(bundle)
            outcomes = pytorch.replay(self.context).outcomes
            assert not outcomes, outcomes

    def backend(self, graph: torch.fx.GraphModule, inputs: list[Any]) -> Compiled:
        """A backend of torch.compile."""
        text = graph.code + repr([(i.shape, i.dtype) for i in inputs])
        key = hashlib.sha256(text.encode()).hexdigest()
        if key in Piece.ready:
            self.loaded += 1
            return Piece.ready[key]
        with pytorch.capture(self.context):  # the libraries
            piece = standalone_compile(graph, inputs)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "piece")
            piece.save(path=str(path), format="binary")
            self.context.record_artifact(Piece.TYPE, key, path.read_bytes())
        self.compiled += 1
        return piece

    def save(self) -> None:
        """Append what is new."""
        self.context.save_to(self.file)


def model(x: torch.Tensor) -> torch.Tensor:
    """Two graphs: what the engine does between them is not compiled."""
    x = torch.sin(x) * 2 + x.sum()
    torch._dynamo.graph_break()
    return torch.softmax(x, dim=-1) * x


def main() -> None:
    """Serve one request."""
    engine = Engine(Path(sys.argv[1]))
    result = torch.compile(model, backend=engine.backend)(torch.arange(32.0).view(4, 8))
    engine.save()
    print(f"compiled {engine.compiled}, loaded {engine.loaded}, result {float(result.sum()).hex()}")


if __name__ == "__main__":
    with torch.no_grad():
        main()
