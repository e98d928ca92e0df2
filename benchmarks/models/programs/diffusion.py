"""A Flux denoises, its repeated blocks compiled."""

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel

from benchmarks.models.digest import bits

torch.manual_seed(0)
model = FluxTransformer2DModel(
    patch_size=1,
    in_channels=4,
    num_layers=2,
    num_single_layers=2,
    attention_head_dim=16,
    num_attention_heads=4,
    joint_attention_dim=32,
    pooled_projection_dim=32,
    axes_dims_rope=(4, 4, 8),
).eval()
model.compile_repeated_blocks(fullgraph=True)
scheduler = FlowMatchEulerDiscreteScheduler()
scheduler.set_timesteps(2)
image = torch.randn(1, 16, 4)
text, pooled = torch.randn(1, 8, 32), torch.randn(1, 32)
places = torch.zeros(16, 3)
places[:, 1], places[:, 2] = torch.arange(16) // 4, torch.arange(16) % 4
with torch.no_grad():
    for time in scheduler.timesteps:
        noise = model(
            hidden_states=image,
            encoder_hidden_states=text,
            pooled_projections=pooled,
            timestep=time.expand(1) / 1000,
            img_ids=places,
            txt_ids=torch.zeros(8, 3),
            return_dict=False,
        )[0]
        image = scheduler.step(noise, time, image, return_dict=False)[0]
print("shape", tuple(image.shape))
print("bits", bits([image]))
