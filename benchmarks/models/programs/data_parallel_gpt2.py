"""A GPT-2 trains for two steps under DistributedDataParallel, whose buckets cut its graph."""

import tempfile

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = GPT2Config(vocab_size=256, n_positions=32, n_embd=128, n_layer=3, n_head=4)
with tempfile.NamedTemporaryFile() as meeting:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting.name}", rank=0, world_size=1
    )
    model = GPT2LMHeadModel(config).train()
    compiled = torch.compile(DistributedDataParallel(model, bucket_cap_mb=1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for text in torch.randint(config.vocab_size, (2, 4, 16)):
        loss = compiled(input_ids=text, labels=text, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss)
    torch.distributed.destroy_process_group()
print("losses", [round(loss.item(), 3) for loss in losses])
print("bits", bits([*losses, *model.parameters()]))
