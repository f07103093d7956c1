"""Linear probes to and from files: weights as safetensors, the card beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.checkpoint import read_weights, write_weights
from imprint.study.finding import read_finding, write_finding
from imprint.train.probe_options import ProbeOptions


@dataclass(frozen=True)
class ProbeCard:
    """How probes were made.

    Attributes:
        encoder: fingerprint of the frozen network.
        widths: of the representation at each depth, d.
        classes: names of the classes, in the order of the rows of each weight.
        images: hash of the images they were trained on.
        options: of their training.
        seed: of order, augmentation and first weights.
    """

    encoder: str
    widths: Mapping[str, int]
    classes: tuple[str, ...]
    images: str
    options: ProbeOptions
    seed: int


def save_probes(path: Path, layers: Mapping[str, nn.Linear], card: ProbeCard) -> None:
    """Write ``DEPTH.weight [C, d]`` and ``DEPTH.bias [C]`` of every depth; the card beside them.

    Args:
        path: ``NAME.safetensors``; the card becomes ``NAME.json``.
        layers: by depth; on any device.
        card: how they were made.
    """
    write_finding(path.with_suffix(".json"), card)
    tensors = {
        f"{depth}.{name}": tensor
        for depth, layer in layers.items()
        for name, tensor in layer.state_dict().items()
    }
    write_weights(path, tensors)


def load_probes(path: Path) -> tuple[dict[str, nn.Linear], ProbeCard]:
    """Return the probes that :func:`save_probes` wrote, on the CPU, and their card.

    Raises:
        ImprintError: no such files, damaged ones, or weights that do not fit the card.
    """
    card = read_finding(ProbeCard, path.with_suffix(".json"))
    weights = read_weights(path)
    expected = {
        name: shape
        for depth, width in card.widths.items()
        for name, shape in (
            (f"{depth}.weight", (len(card.classes), width)),
            (f"{depth}.bias", (len(card.classes),)),
        )
    }
    if {name: tuple(tensor.shape) for name, tensor in weights.items()} != expected:
        raise ImprintError(
            f"{path} does not hold the probes of its card {path.with_suffix('.json').name}: run "
            "the command again that made them"
        )
    layers = {}
    for depth, width in card.widths.items():
        layer = nn.Linear(width, len(card.classes))
        with torch.no_grad():
            layer.weight.copy_(weights[f"{depth}.weight"])
            layer.bias.copy_(weights[f"{depth}.bias"])
        layers[depth] = layer
    return layers, card
