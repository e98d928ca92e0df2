"""A small network trains for two steps under DistributedDataParallel, in one process."""

import tempfile

import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks.models.digest import bits


class Network(nn.Module):
    """Of layers of its own: torch does not compile a `forward` of its own containers here."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 8))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(batch)
        return answer


torch.manual_seed(0)
with tempfile.NamedTemporaryFile() as meeting:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting.name}", rank=0, world_size=1
    )
    network = Network()
    compiled = torch.compile(DistributedDataParallel(network))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    losses = []
    for batch in torch.randn(2, 16, 32):
        loss = compiled(batch).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
    torch.distributed.destroy_process_group()
print("losses", [round(loss.item(), 3) for loss in losses])
print("bits", bits(losses))
