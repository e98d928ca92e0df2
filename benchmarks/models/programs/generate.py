"""A Qwen2 generates with a static cache, its forward compiled."""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = Qwen2Config(
    vocab_size=256,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
model = Qwen2ForCausalLM(config).eval()
model.generation_config.cache_implementation = "static"
model.forward = torch.compile(model.forward, fullgraph=True)
prompt = torch.randint(3, config.vocab_size, (1, 8))
mask = torch.ones_like(prompt)
text = model.generate(prompt, attention_mask=mask, max_new_tokens=6, do_sample=False)
print("text", text[0].tolist())
print("bits", bits([text]))
