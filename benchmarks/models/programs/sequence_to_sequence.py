"""A T5 trains for two steps."""

import torch
from transformers import T5Config, T5ForConditionalGeneration

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = T5Config(
    vocab_size=256,
    d_model=64,
    d_kv=16,
    d_ff=128,
    num_layers=1,
    num_heads=4,
    dropout_rate=0.0,
    decoder_start_token_id=0,
)
model = T5ForConditionalGeneration(config).train()
compiled = torch.compile(model)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
source, target = torch.randint(1, config.vocab_size, (2, 2, 12))
losses = []
for _ in range(2):
    loss = compiled(input_ids=source, labels=target).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss)
print("losses", [round(loss.item(), 3) for loss in losses])
print("bits", bits(losses))
