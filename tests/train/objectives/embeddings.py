import torch

from imprint.nets.model_card import ModelCard

CARD = ModelCard("mlp", 3, 4, 8, (0.5,), (0.25,), options={"widths": "16"}, projector="12-6")


def views(seed, rows=7, width=5):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, rows, width, generator=random, dtype=torch.float64)
