"""Five training steps under torch.compile in one of its modes: CUDA graphs are recorded in the
second, and replayed from the third on."""

import argparse
import json

import torch
from torch import nn
from torch._inductor import cudagraph_trees
from torch.nn import functional

parser = argparse.ArgumentParser()
parser.add_argument("--device", required=True)
parser.add_argument("--mode", required=True)
options = parser.parse_args()

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(256, 512), nn.GELU(), nn.LayerNorm(512), nn.Linear(512, 64))
model.to(options.device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
inputs = torch.randn(5, 128, 256).to(options.device)
targets = torch.randint(64, (5, 128)).to(options.device)


@torch.compile(mode=options.mode)
def loss_of(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(model(x), target)


losses = []
for x, target in zip(inputs, targets, strict=True):
    torch.compiler.cudagraph_mark_step_begin()
    loss = loss_of(x, target)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append(float(loss).hex())
manager = cudagraph_trees.get_manager(0, create_if_none_exists=False)
graphs = 0 if manager is None else manager.new_graph_id().id  # ids count up from 0
print(json.dumps({"values": losses, "cuda_graphs": graphs}))
