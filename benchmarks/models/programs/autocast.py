"""A Llama trains for two steps under bfloat16 autocast."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=256,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    use_cache=False,
)
model = LlamaForCausalLM(config).train()
compiled = torch.compile(model)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
text = torch.randint(config.vocab_size, (2, 16))
losses = []
for _ in range(2):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = compiled(text, labels=text).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss)
print("losses", [round(loss.item(), 2) for loss in losses])
print("bits", bits(losses))
