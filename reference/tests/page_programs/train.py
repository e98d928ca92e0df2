"""A program as pages run it: one compiled step."""

import torch


@torch.compile
def step(x: torch.Tensor) -> torch.Tensor:
    """Two kernels' worth."""
    return torch.sin(x) * 2 + x.sum()


def train() -> None:
    """What takes its time."""
    print(f"{step(torch.arange(8.0)).sum():.4f}")


if __name__ == "__main__":
    train()
