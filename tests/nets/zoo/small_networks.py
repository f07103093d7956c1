import torch
from torch import nn

from imprint.nets.backbone import Backbone
from imprint.nets.build import build_network


def on_meta(name: str, outputs: int | None = 1000, size: int = 224, **options: object) -> Backbone:
    with torch.device("meta"):
        return build_network(name, 3, outputs, size, options)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def batch_norm(name: str) -> list[str]:
    tensors = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{name}.{tensor}" for tensor in tensors]
