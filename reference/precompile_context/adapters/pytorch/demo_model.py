"""The demo's program: a 4-block transformer in plain torch, three training steps.

Nothing here knows of bundles. `--save-mega-cache` and `--load-mega-cache` are
torch's own way of keeping its caches, to compare with.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

# Imported here, so that the clock below does not measure imports.
import torch._inductor.compile_fx
from torch import nn
from torch.nn import functional

WORDS, WIDTH, HEADS, BLOCKS, LENGTH, BATCH, STEPS = 256, 64, 4, 4, 32, 8, 3


class Block(nn.Module):
    """Attention, then a feed-forward layer, each behind a norm and around a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.feed = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, width // HEADS)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        out: torch.Tensor = x + self.feed(self.norm2(x))
        return out


class Transformer(nn.Module):
    """Predicts each next word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, WORDS)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        places = self.places(torch.arange(text.shape[1], device=text.device))
        scores: torch.Tensor = self.head(self.norm(self.blocks(self.words(text) + places)))
        return scores


def main() -> None:
    """Train for three steps and write times and losses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--load-mega-cache", type=Path)
    parser.add_argument("--save-mega-cache", type=Path)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = Transformer().to(arguments.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    text = torch.randint(WORDS, (STEPS, BATCH, LENGTH + 1)).to(arguments.device)

    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        scores = model(batch[:, :-1])
        return functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())

    began = time.perf_counter()
    if arguments.load_mega_cache:
        torch.compiler.load_cache_artifacts(arguments.load_mega_cache.read_bytes())
    step: Any = loss_of if arguments.eager else torch.compile(loss_of)
    losses = []
    first_step = 0.0
    for batch in text:
        loss = step(batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        first_step = first_step or time.perf_counter() - began

    if arguments.save_mega_cache:
        saved = torch.compiler.save_cache_artifacts()
        assert saved is not None
        arguments.save_mega_cache.write_bytes(saved[0])
    result = {"first_step": first_step, "losses": [loss.hex() for loss in losses]}
    arguments.out.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
