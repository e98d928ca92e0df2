"""A BERT encodes padded sentences, in inference mode."""

import torch
from transformers import BertConfig, BertModel

from benchmarks.models.digest import bits

torch.manual_seed(0)
config = BertConfig(
    vocab_size=256,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=4,
)
model = BertModel(config).eval()
model.compile()
sentences = torch.randint(config.vocab_size, (2, 12))
mask = torch.ones_like(sentences)
mask[1, 8:] = 0
with torch.inference_mode():
    output = model(sentences, attention_mask=mask)
print("shape", tuple(output.last_hidden_state.shape))
print("bits", bits([output.last_hidden_state, output.pooler_output]))
