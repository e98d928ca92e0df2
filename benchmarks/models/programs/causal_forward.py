"""A Llama scores a text, without gradients."""

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
)
model = LlamaForCausalLM(config).eval()
compiled = torch.compile(model)
text = torch.randint(config.vocab_size, (2, 16))
with torch.no_grad():
    logits = compiled(text, use_cache=False).logits
print("shape", tuple(logits.shape))
print("bits", bits([logits]))
