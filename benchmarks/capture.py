"""A real bundle: what `precompile run` records of a small training step."""

import os
import subprocess
import sys
from pathlib import Path

PRECOMPILE = Path(sys.executable).with_name("precompile")
PROGRAM = """
import torch

class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.up = torch.nn.Linear(width, 4 * width)
        self.down = torch.nn.Linear(4 * width, width)

    def forward(self, x):
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))))

torch.manual_seed(0)
for width in (32, 48):
    model = torch.compile(torch.nn.Sequential(*(Block(width) for _ in range(3))))
    model(torch.randn(8, width)).sum().backward()
"""


def capture(folder: Path) -> Path:
    """Run the program in an empty cache directory and give its bundle."""
    program, bundle = folder / "program.py", folder / "real.precompile"
    program.write_text(PROGRAM)
    command = [PRECOMPILE, "run", "--unsigned", "--bundle", bundle, program]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
    subprocess.run([str(argument) for argument in command], check=True, env=environment)
    return bundle
