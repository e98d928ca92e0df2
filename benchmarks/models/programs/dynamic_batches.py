"""A GPT-2 scores batches of several sizes and lengths, with gradients off."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = GPT2Config(vocab_size=256, n_positions=64, n_embd=64, n_layer=1, n_head=4)
model = GPT2LMHeadModel(config).eval()
compiled = torch.compile(model)
scores = []
with torch.no_grad():
    for batch, length in ((2, 8), (3, 8), (5, 12), (4, 20)):
        text = torch.randint(config.vocab_size, (batch, length))
        scores.append(compiled(text, use_cache=False).logits)
print("shapes", [tuple(score.shape) for score in scores])
print("bits", bits(scores))
