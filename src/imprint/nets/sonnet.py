"""ResNets of DeepMind's Sonnet 2, the networks that Feldman and Zhang released, as imprint's own.

Their variables are named by attributes; a name here stands for one tensor there:

    conv1.weight                  _initial_conv/w
    layer1.0.conv1.weight         _block_groups/0/_blocks/0/_layers/0/0/w
    layer1.0.bn1.running_mean     _block_groups/0/_blocks/0/_layers/0/1/moving_mean/average
    layer1.0.downsample.0.weight  _block_groups/0/_blocks/0/_proj_conv/w
    fc.weight                     _logits/w

A convolution is ``[h, w, in, out]`` there and ``[out, in, h, w]`` here, a linear layer
``[in, out]`` and ``[out, in]``, and statistics have four axes, all but the last of length 1.
Convolutions are padded alike on either side there too, so they need nothing; the pooling of the
stem is padded as TensorFlow does, which is the option ``same_pooling``
(:class:`imprint.nets.zoo.resnet.SamePool`). Batch normalisation has ε = 1e-5 on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Weights
from imprint.nets.fill import fill_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import NORMALISATIONS, ModelCard
from imprint.nets.sizes import RESNET_STAGES

DEPTHS = {"resnet50": 50, "resnet101": 101}
STEM = "_initial_conv/w"
COUNTERS = ("epoch", "global_step")
INPUT_SIZE = 224
SHOWN = 3

_NO_WEIGHT = re.compile(
    r"save_counter|epoch|global_step|_?optimizer/.*"
    r"|.*/moving_(mean|variance)/_(hidden|counter)"
)
"""What a checkpoint holds beside the network: counters, optimisers, the inside of averages."""


def sonnet_names(depth: int) -> dict[str, str]:
    """Return Sonnet's name of every tensor of a bottleneck ResNet, by imprint's name.

    >>> sonnet_names(50)["layer4.2.bn3.running_var"]
    '_block_groups/3/_blocks/2/_layers/2/1/moving_variance/average'

    Args:
        depth: 50 or 101.
    """
    names = {"conv1.weight": STEM, **_norm("bn1", "_initial_batchnorm")}
    for stage, count in enumerate(RESNET_STAGES[depth][1]):
        for block in range(count):
            target = f"layer{stage + 1}.{block}"
            source = f"_block_groups/{stage}/_blocks/{block}"
            for layer in range(3):
                names[f"{target}.conv{layer + 1}.weight"] = f"{source}/_layers/{layer}/0/w"
                names |= _norm(f"{target}.bn{layer + 1}", f"{source}/_layers/{layer}/1")
            if block == 0:
                names[f"{target}.downsample.0.weight"] = f"{source}/_proj_conv/w"
                names |= _norm(f"{target}.downsample.1", f"{source}/_proj_batchnorm")
    return {**names, "fc.weight": "_logits/w", "fc.bias": "_logits/b"}


def _norm(target: str, source: str) -> dict[str, str]:
    return {
        f"{target}.weight": f"{source}/scale",
        f"{target}.bias": f"{source}/offset",
        f"{target}.running_mean": f"{source}/moving_mean/average",
        f"{target}.running_var": f"{source}/moving_variance/average",
    }


def to_torch(name: str, array: NDArray[Any]) -> torch.Tensor:
    """Return one of Sonnet's tensors in the order of axes that torch has, float32.

    >>> to_torch("conv1.weight", np.zeros((7, 7, 3, 64))).shape
    torch.Size([64, 3, 7, 7])
    >>> to_torch("bn1.running_mean", np.zeros((1, 1, 1, 64))).shape
    torch.Size([64])

    Args:
        name: imprint's name of the tensor.
        array: a convolution ``[h, w, in, out]``, a linear layer ``[in, out]``, or one number an
            output, ``[out]`` or ``[1, 1, 1, out]``.
    """
    if name.endswith(".weight") and array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.T
    elif array.ndim == 4 and array.shape[:3] == (1, 1, 1):
        array = array[0, 0, 0]
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def convert_weights(arrays: Mapping[str, NDArray[Any]], depth: int, where: Path) -> Weights:
    """Return the tensors of a Sonnet ResNet under imprint's names.

    Every tensor is used once; what a checkpoint holds beside a network (counters, optimisers, the
    inside of moving averages) is passed over, anything else is an error.

    Args:
        arrays: as :func:`imprint.nets.tensorflow.read_checkpoint` gives them.
        depth: 50 or 101.
        where: the checkpoint, for messages.

    Raises:
        ImprintError: there is no such network, or more than one, or tensors are missing or left
            over; the message names them.
    """
    root = _root(arrays, where)
    places = {name: root + source for name, source in sonnet_names(depth).items()}
    missing = [source for source in places.values() if source not in arrays]
    wanted = set(places.values())
    left_over = [name for name in arrays if name not in wanted and not _NO_WEIGHT.fullmatch(name)]
    problems = [
        f"{len(names)} {what} ({', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''})"
        for what, names in (("missing", missing), ("left over", left_over))
        if names
    ]
    if problems:
        raise ImprintError(
            f"{where} does not hold a Sonnet ResNet of {depth} layers (tensors: "
            f"{', '.join(problems)}): name the architecture it was trained with"
        )
    return {name: to_torch(name, arrays[source]) for name, source in places.items()}


def _root(arrays: Mapping[str, NDArray[Any]], where: Path) -> str:
    """Return what stands before the names of the network, such as ``model/``."""
    roots = [name.removesuffix(STEM) for name in arrays if f"/{name}".endswith(f"/{STEM}")]
    if len(roots) == 1:
        return roots[0]
    if roots:
        raise ImprintError(
            f"{where} holds {len(roots)} networks ({', '.join(roots)}): save one alone"
        )
    tensor_names = ", ".join(list(arrays)[:SHOWN]) or "nothing"
    raise ImprintError(
        f"{where} holds no ResNet of Sonnet: there is no {STEM}, but {tensor_names}, …; imprint "
        "converts only bottleneck ResNets"
    )


def model_from_sonnet(
    arrays: Mapping[str, NDArray[Any]], architecture: str, where: Path
) -> tuple[ImageModel, ModelCard]:
    """Return the network of a checkpoint, in evaluation mode, and its card.

    The card says ImageNet's mean and deviation and 224 pixels, as Feldman and Zhang trained.

    Args:
        arrays: as :func:`imprint.nets.tensorflow.read_checkpoint` gives them.
        architecture: ``resnet50`` or ``resnet101``.
        where: the checkpoint, for messages.

    Raises:
        ImprintError: as :func:`convert_weights`, another architecture, or a tensor's shape.
    """
    if architecture not in DEPTHS:
        raise ImprintError(
            f"imprint converts {' and '.join(DEPTHS)} from TensorFlow, not {architecture!r}"
        )
    weights = convert_weights(arrays, DEPTHS[architecture], where)
    mean, std = NORMALISATIONS["imagenet"]
    counters = {name: int(arrays[name]) for name in COUNTERS if name in arrays}
    card = ModelCard(
        architecture,
        channels=weights["conv1.weight"].shape[1],
        outputs=len(weights["fc.bias"]),
        input_size=INPUT_SIZE,
        mean=mean,
        std=std,
        options={"same_pooling": True},
        training={"converted_from": "TensorFlow", "checkpoint": where.name, **counters},
    )
    return fill_model(card, weights, where), card
