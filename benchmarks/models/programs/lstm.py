"""A language model with an LSTM, which torch leaves alone, trains for two steps."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.models.digest import bits


class Model(nn.Module):
    """Predicts each next word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(256, 64)
        self.lstm = nn.LSTM(64, 64, num_layers=2, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 256))

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.lstm(self.words(text))
        scores: torch.Tensor = self.head(hidden)
        return scores


torch.manual_seed(0)
model = Model()
compiled = torch.compile(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
text = torch.randint(256, (4, 17))
losses = []
for _ in range(2):
    scores = compiled(text[:, :-1])
    loss = functional.cross_entropy(scores.flatten(0, 1), text[:, 1:].flatten())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss)
print("losses", [round(loss.item(), 3) for loss in losses])
print("bits", bits(losses))
