"""Kernels of Triton compiled for a GPU that need not be there, as the demo's programs are written.

python -m benchmarks.compiler_caches runs it. Nothing here knows of bundles.
"""

import argparse
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # unset, Triton warns of what will change

import triton
import triton.language as tl
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.cache import triton_key

TARGET = GPUTarget("cuda", 90, 32)


def kernel(function: Any) -> Any:
    """Triton's decorator, which has no types."""
    return triton.jit(function)


@kernel
def softmax(out: tl.tensor, x: tl.tensor, columns: tl.tensor, block: tl.constexpr) -> None:
    """Of each row."""
    row, at = tl.program_id(0), tl.arange(0, block)
    values = tl.load(x + row * columns + at, mask=at < columns, other=-float("inf"))
    raised = tl.exp(values - tl.max(values, axis=0))
    tl.store(out + row * columns + at, raised / tl.sum(raised, axis=0), mask=at < columns)


@kernel
def multiply(
    a: tl.tensor,
    b: tl.tensor,
    out: tl.tensor,
    m: tl.tensor,
    n: tl.tensor,
    k: tl.tensor,
    high: tl.constexpr,
    wide: tl.constexpr,
    deep: tl.constexpr,
) -> None:
    """A block of the product of two matrices."""
    rows = tl.program_id(0) * high + tl.arange(0, high)
    columns = tl.program_id(1) * wide + tl.arange(0, wide)
    inner = tl.arange(0, deep)
    total = tl.zeros((high, wide), dtype=tl.float32)
    for start in range(0, k, deep):
        left = tl.load(
            a + rows[:, None] * k + start + inner, mask=start + inner[None, :] < k, other=0.0
        )
        right = tl.load(
            b + (start + inner[:, None]) * n + columns,
            mask=start + inner[:, None] < k,
            other=0.0,
        )
        total += tl.dot(left, right)
    inside = (rows[:, None] < m) & (columns[None, :] < n)
    tl.store(out + rows[:, None] * n + columns, total.to(tl.float16), mask=inside)


def sources() -> list[Any]:
    """Each kernel with sizes of its blocks."""
    rows = {"out": "*fp32", "x": "*fp32", "columns": "i32", "block": "constexpr"}
    blocks = "high", "wide", "deep"
    matrices = {**dict.fromkeys(("a", "b", "out"), "*fp16"), **dict.fromkeys("mnk", "i32")}
    matrices.update(dict.fromkeys(blocks, "constexpr"))
    return [
        *(ASTSource(softmax, rows, {"block": size}) for size in (256, 1024, 4096)),
        *(
            ASTSource(multiply, matrices, dict(zip(blocks, sizes, strict=True)))
            for sizes in ((64, 64, 32), (128, 64, 32), (64, 128, 64))
        ),
    ]


def main() -> None:
    """Compile them, and write times and results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    hits: list[bool] = []
    knobs.compilation.listener = lambda *, cache_hit, **_: hits.append(cache_hit)
    triton_key()  # a digest of Triton itself, which each process makes
    began = time.perf_counter()
    kernels = [triton.compile(source, target=TARGET) for source in sources()]
    result = {
        "first_calls": time.perf_counter() - began,
        "compile": None,
        "asked": len(hits),
        "hits": sum(hits),
        "results": [hashlib.sha256(kernel.asm["cubin"]).hexdigest() for kernel in kernels],
    }
    arguments.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
