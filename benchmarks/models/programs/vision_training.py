"""A ViT trains for two steps, with a compiled step of its optimizer."""

import torch
from transformers import ViTConfig, ViTForImageClassification

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = ViTConfig(
    image_size=32,
    patch_size=8,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_labels=10,
)
model = ViTForImageClassification(config).train()
compiled = torch.compile(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


@torch.compile(fullgraph=False)
def step() -> None:
    optimizer.step()


images, labels = torch.randn(4, 3, 32, 32), torch.arange(4)
losses = []
for _ in range(2):
    loss = compiled(pixel_values=images, labels=labels).loss
    loss.backward()
    step()
    optimizer.zero_grad()
    losses.append(loss)
print("losses", [round(loss.item(), 3) for loss in losses])
print("bits", bits([*losses, *model.parameters()]))
