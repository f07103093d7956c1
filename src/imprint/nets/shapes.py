"""What the names and shapes of tensors say about the network they are of."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from imprint.nets.backbone import Weights
from imprint.nets.heads import PROJECTOR_KINDS, ProjectorKind
from imprint.nets.sizes import (
    CONVNEXT_DEPTHS,
    CONVNEXT_WIDTH,
    EFFICIENTNET_WIDTH,
    MOBILENET_WIDTH,
    RESNET_STAGES,
    RESNET_WIDTH,
    VGG_CONVOLUTIONS,
    VIT_HEAD_WIDTH,
)

STEMS = (
    "conv1.weight",
    "patch_embed.proj.weight",
    "features.0.weight",
    "features.0.0.weight",
)
"""The first layer of a ResNet, a vision transformer, a VGG, and of torchvision's other networks."""
CLASSIFIERS = (
    "fc.weight",
    "head.weight",
    "classifier.6.weight",
    "classifier.1.weight",
    "classifier.2.weight",
)
MOBILENET_MARK = "features.2.conv.1.0.weight"
EFFICIENTNET_MARK = "features.1.0.block.1.fc1.weight"
CONVNEXT_MARK = "features.1.0.layer_scale"
INPUT_SIZE = 224
NORM_EPS = 1e-5
"""What torch adds to variances by default."""

Found = tuple[str, dict[str, Any], int]


def stem_of(trunk: Weights) -> Tensor | None:
    """Return the weights of the first layer, ``[width, channels, k, k]``, None if there is none."""
    stems = [trunk[stem] for stem in STEMS if stem in trunk and trunk[stem].ndim == 4]
    return stems[0] if stems else None


def outputs_of(trunk: Weights) -> int | None:
    """Return the number of classes of a trunk's own classifier, None if it has none."""
    counts = [len(trunk[name]) for name in CLASSIFIERS if name in trunk]
    return counts[0] if counts else None


def architecture_of(trunk: Weights) -> Found | None:
    """Return name, options and input size of the architecture that a trunk's tensors are of.

    A network that takes any size is given 224 pixels.

    Args:
        trunk: by the names of torchvision's ResNets, VGGs, MobileNetV2, EfficientNet-B0 and
            ConvNeXts, or of DINO's vision transformers.

    Returns:
        None when imprint has no such architecture.
    """
    if STEMS[0] in trunk:
        return _resnet(trunk)
    if STEMS[1] in trunk:
        return _vit(trunk)
    if STEMS[2] in trunk:
        return _vgg(trunk)
    return _convolutional(trunk) if STEMS[3] in trunk else None


def _resnet(trunk: Weights) -> Found | None:
    places = {match.groups() for name in trunk if (match := re.match(r"layer(\d)\.(\d+)\.", name))}
    counts = tuple(sum(stage == str(number) for stage, _ in places) for number in (1, 2, 3, 4))
    basic = "layer1.0.conv3.weight" not in trunk
    depths = [
        depth
        for depth, (block, blocks) in RESNET_STAGES.items()
        if blocks == counts and (block == "basic") == basic
    ]
    if not depths:
        return None
    width, _, kernel, _ = trunk[STEMS[0]].shape
    options: dict[str, Any] = {} if width == RESNET_WIDTH else {"width": width}
    if kernel == 3:
        options["small_input"] = True
    return f"resnet{depths[0]}", options, INPUT_SIZE


def _vit(trunk: Weights) -> Found | None:
    width, _, patch, _ = trunk[STEMS[1]].shape
    blocks = {match[1] for name in trunk if (match := re.match(r"blocks\.(\d+)\.", name))}
    places = trunk.get("pos_embed")
    if places is None or places.ndim != 3 or width % VIT_HEAD_WIDTH:
        return None
    grid = round((places.shape[1] - 1) ** 0.5)
    if grid < 1 or 1 + grid**2 != places.shape[1]:
        return None
    options = {"patch": patch, "width": width, "depth": len(blocks)}
    return "vit", options, grid * patch


def _vgg(trunk: Weights) -> Found | None:
    layers = [tensor for name, tensor in trunk.items() if name.startswith("features.")]
    count = sum(tensor.ndim == 4 for tensor in layers)
    norm = any(name.endswith(".running_mean") for name in trunk)
    depths = [depth for depth, counts in VGG_CONVOLUTIONS.items() if sum(counts) == count]
    return (f"vgg{depths[0]}{'_bn' if norm else ''}", {}, INPUT_SIZE) if depths else None


def _convolutional(trunk: Weights) -> Found | None:
    width, _, kernel, _ = trunk[STEMS[3]].shape
    options: dict[str, Any] = {}
    if CONVNEXT_MARK in trunk:
        if width != CONVNEXT_WIDTH:
            options["width"] = width
        if (depths := _convnext_depths(trunk)) != CONVNEXT_DEPTHS:
            options["depths"] = depths
        return (
            "convnext_tiny",
            {**options, **({} if kernel == 4 else {"patch": kernel})},
            INPUT_SIZE,
        )
    for name, mark, usual in (
        ("mobilenet_v2", MOBILENET_MARK, MOBILENET_WIDTH),
        ("efficientnet_b0", EFFICIENTNET_MARK, EFFICIENTNET_WIDTH),
    ):
        if mark in trunk:
            return name, {} if width == usual else {"width": width}, INPUT_SIZE
    return None


def _convnext_depths(trunk: Weights) -> str:
    """Return how many blocks each stage has, as the architecture takes them."""
    found = (re.fullmatch(r"features\.(\d+)\.(\d+)\.layer_scale", name) for name in trunk)
    stages = [int(match[1]) for match in found if match]
    return "-".join(str(stages.count(stage)) for stage in sorted(set(stages)))


def projector_of(tensors: Weights, activation: type[nn.Module]) -> tuple[str, Weights] | None:
    """Return the projector that tensors are of, and the tensors by the names of imprint's own.

    Linear layers stand in the order of the numbers in their names, normalisations behind each but
    the last, or behind none. A bias that imprint's layer has and the file's lacks is 0. Where the
    last layer's name is nested as deep as the others', an activation follows it.

    Args:
        tensors: by their names within the projector.
        activation: between the layers, which no tensor tells.

    Returns:
        None when imprint has no such projector.
    """
    places: dict[str, Weights] = {}
    for name, tensor in tensors.items():
        place, _, kind = name.rpartition(".")
        places.setdefault(place, {})[kind] = tensor
    order = sorted(places, key=_number_order)
    layers = [places[place] for place in order]
    norm = any(_is_norm(layer) for layer in layers)
    if not all(
        _is_norm(layer) if norm and row % 2 else _is_linear(layer)
        for row, layer in enumerate(layers)
    ) or _is_norm(layers[-1]):
        return None
    ends_active = norm and order[0].count(".") == order[-1].count(".") == 1
    linear = [layer for layer in layers if _is_linear(layer)]
    fitting = _kind(norm, activation, "bias" in linear[-1], ends_active, len(linear))
    if fitting is None:
        return None
    word, chosen = fitting
    widths = "-".join(str(len(layer["weight"])) for layer in linear)
    return f"{word}:{widths}" if word else widths, _placed(layers, chosen)


def numbered(tensors: Weights) -> Weights:
    """Return a projector's tensors with ``fc0``, ``bn0``, ``fc1`` … by numbers in their order.

    That is how mmpretrain calls the layers of its necks.
    """
    renamed = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(r"(fc|bn)(\d+)\.(\w+)", name)
        if match:
            name = f"{2 * int(match[2]) + (match[1] == 'bn')}.{match[3]}"
        renamed[name] = tensor
    return renamed


def without_last_norm(tensors: Weights) -> Weights:
    """Return a projector's tensors with a normalisation at its end taken into the layer before.

    In evaluation mode (W x + b − μ) / √(σ² + ε) · γ + β is one linear layer; SimSiam, mmpretrain
    and lightly end so, γ and β often left out.
    """
    places = {name.rpartition(".")[0] for name in tensors}
    order = sorted(places, key=_number_order)
    if len(order) < 2 or f"{order[-1]}.running_var" not in tensors:
        return tensors
    last, norm = (
        {
            name.rpartition(".")[2]: tensor
            for name, tensor in tensors.items()
            if name.rpartition(".")[0] == place
        }
        for place in order[-2:]
    )
    if not _is_linear(last):
        return tensors
    weight = last["weight"].double()
    zeros = torch.zeros(len(weight), dtype=torch.float64)
    scale = (
        norm.get("weight", zeros + 1).double() / (norm["running_var"].double() + NORM_EPS).sqrt()
    )
    bias = (last.get("bias", zeros).double() - norm["running_mean"].double()) * scale
    folded = {
        f"{order[-2]}.weight": weight * scale[:, None],
        f"{order[-2]}.bias": bias + norm.get("bias", zeros).double(),
    }
    kept = {
        name: tensor for name, tensor in tensors.items() if name.rpartition(".")[0] in order[:-2]
    }
    return kept | {name: tensor.to(last["weight"].dtype) for name, tensor in folded.items()}


def _number_order(place: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in place.split(".")]


def _is_linear(layer: Weights) -> bool:
    return layer.keys() <= {"weight", "bias"} and "weight" in layer and layer["weight"].ndim == 2


def _is_norm(layer: Weights) -> bool:
    return {"weight", "bias", "running_mean", "running_var"} <= layer.keys()


def _kind(
    norm: bool, activation: type[nn.Module], last_bias: bool, ends_active: bool, count: int
) -> tuple[str, ProjectorKind] | None:
    """Return the first kind that fits; a last bias may be added, as zeros, but never left out."""
    fitting = [
        (word, kind)
        for word, kind in PROJECTOR_KINDS.items()
        if (count == 1 or (kind.norm, kind.activation) == (norm, activation))
        and kind.last_bias >= last_bias
        and kind.ends_active == ends_active
    ]
    return fitting[0] if fitting else None


def _placed(layers: list[Weights], kind: ProjectorKind) -> Weights:
    step = 3 if kind.norm else 2
    named: Weights = {}
    linear = -1
    for row, layer in enumerate(layers):
        if _is_norm(layer):
            named |= {f"{linear * step + 1}.{name}": tensor for name, tensor in layer.items()}
            continue
        linear += 1
        named |= {f"{linear * step}.{name}": tensor for name, tensor in layer.items()}
        last = row == len(layers) - 1
        if "bias" not in layer and (kind.last_bias or not last):
            named[f"{linear * step}.bias"] = torch.zeros(len(layer["weight"]))
    return named
