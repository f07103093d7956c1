"""Checkpoints that others published: which layout a file has, and its network as imprint's own.

A layout says under which keys of the file the state dict lies, under which prefixes of its names
the trunk, the projector and the classifier, and which of its tensors are of the training alone:

    layout     state dict under                    trunk                   projector
    vissl      classy_state_dict.base_model.model  trunk._feature_blocks.  heads.
    dino       teacher or student                  backbone.               head.mlp.
    dejavu     model, or the file itself           net.                    projector.
    barlow     model                               backbone.               projector.
    vicreg     model                               backbone.               projector.
    moco       state_dict                          encoder_q.              encoder_q.fc.
    simsiam    state_dict                          encoder.                encoder.fc.
    lightly    state_dict, the file itself         backbone.               projection_head.layers.
    mmpretrain state_dict                          backbone.               neck.
    solo       state_dict                          backbone.               projector.
    simclr     state_dict                          backbone.               backbone.fc.
    backbone   state_dict, model, the file itself  backbone.
    trunk      state_dict, model, the file itself  (all)
    simclr_tf  state_dict, the file itself         (all)

``backbone`` is a trunk under that prefix with nothing else or, as in classifiers of mmpretrain,
with ``head.fc``. ``trunk`` is what VICReg, Barlow Twins and DINO publish as the backbone alone, and
torchvision's own layout. Prefixes of DDP and ``torch.compile`` are taken off first. The
architecture and its sizes follow from the shapes (:mod:`imprint.nets.shapes`), and every tensor
must find its place.

How images are normalised stands in no file. Where the layout's own training script settles it, it
is taken from there; else, and for networks that are not of three channels or have the stem for
small images, it has to be stated (:meth:`Published.stated`): by mean and std of a card, or by
``--mean`` and ``--std``.

Sources: the training scripts of the public repositories vicreg, barlowtwins, dino, DejaVu, vissl,
moco and simsiam (facebookresearch), SimCLR (sthalles) and simclr-converter (tonylins); the names of
modules in lightly, solo-learn and mmpretrain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Weights
from imprint.nets.checkpoint import KeyNames, plain_names, read_content, rename_keys, unwrap
from imprint.nets.model_card import NORMALISATIONS, ModelCard
from imprint.nets.shapes import (
    STEMS,
    architecture_of,
    numbered,
    outputs_of,
    projector_of,
    stem_of,
    without_last_norm,
)

Branch = Literal["teacher", "student"]
BRANCHES: tuple[Branch, ...] = ("teacher", "student")

_UNCHANGED = ((0.0,), (1.0,))


@dataclass(frozen=True)
class CheckpointLayout:
    """Where a published file keeps its parts.

    Args:
        containers: keys to the state dict, from the outside in; the first that is there counts.
        trunk: prefix of the backbone's names.
        projector: prefix of the projector's names, None for none.
        head: prefix of the names of a classifier on the projector, None for none.
        left_out: prefixes of what belongs to the training and not to the network.
        mark: how a name begins that tells this layout from those behind it.
        activation: of the projector.
        normalised: whether the network takes images with ImageNet's normalisation, or in [0, 1];
            None where those who train in this layout choose it.
        options: further options of the architecture.
        renamed: what names begin with, and what stands there in imprint's.
    """

    containers: tuple[tuple[str, ...], ...]
    trunk: str
    projector: str | None = None
    head: str | None = None
    left_out: tuple[str, ...] = ()
    mark: str | tuple[str, ...] = ""
    activation: type[nn.Module] = nn.ReLU
    normalised: bool | None = True
    options: Mapping[str, Any] = field(default_factory=dict)
    renamed: tuple[tuple[str, str], ...] = ()


SEQUENTIAL_RESNET = (
    ("backbone.0.", "backbone.conv1."),
    ("backbone.1.", "backbone.bn1."),
    ("backbone.4.", "backbone.layer1."),
    ("backbone.5.", "backbone.layer2."),
    ("backbone.6.", "backbone.layer3."),
    ("backbone.7.", "backbone.layer4."),
)
"""A ResNet's layers as children of a Sequential, as in lightly's examples."""

LAYOUTS: Mapping[str, CheckpointLayout] = {
    "vissl": CheckpointLayout(
        (("classy_state_dict", "base_model", "model"),),
        "trunk._feature_blocks.",
        "heads.",
        mark="trunk._feature_blocks.",
    ),
    "dino": CheckpointLayout(
        tuple((branch,) for branch in BRANCHES),
        "backbone.",
        "head.mlp.",
        left_out=("head.last_layer.",),
        mark="head.mlp.",
        activation=nn.GELU,
    ),
    "dejavu": CheckpointLayout(
        (("model",), ()), "net.", "projector.", "fc.", ("bn.", "predictor."), mark="net."
    ),
    "barlow": CheckpointLayout(
        (("model",),), "backbone.", "projector.", left_out=("bn.",), mark="bn.running_mean"
    ),
    "vicreg": CheckpointLayout((("model",),), "backbone.", "projector.", mark="projector."),
    "moco": CheckpointLayout(
        (("state_dict",),),
        "encoder_q.",
        "encoder_q.fc.",
        left_out=("encoder_k.", "queue"),
        mark="encoder_q.",
    ),
    "simsiam": CheckpointLayout(
        (("state_dict",),),
        "encoder.",
        "encoder.fc.",
        left_out=("predictor.",),
        mark="encoder.fc.0.",
    ),
    "lightly": CheckpointLayout(
        (("state_dict",), ()),
        "backbone.",
        "projection_head.layers.",
        left_out=(
            "prediction_head.",
            "backbone_momentum.",
            "projection_head_momentum.",
            "online_classifier.",
            "prototypes.",
            "criterion.",
        ),
        mark=("projection_head.", "prediction_head."),
        normalised=None,
        renamed=SEQUENTIAL_RESNET,
    ),
    "mmpretrain": CheckpointLayout(
        (("state_dict",),),
        "backbone.",
        "neck.",
        left_out=("head.", "data_preprocessor.", "target_generator.", "queue"),
        mark=("neck.fc", "neck.bn"),
        normalised=None,
    ),
    "solo": CheckpointLayout(
        (("state_dict",),),
        "backbone.",
        "projector.",
        left_out=("classifier.", "momentum_", "predictor.", "prototypes.", "queue"),
        mark=("projector.", "classifier."),
        normalised=None,
    ),
    "simclr": CheckpointLayout(
        (("state_dict",),), "backbone.", "backbone.fc.", mark="backbone.fc.0.", normalised=False
    ),
    "backbone": CheckpointLayout(
        (("state_dict",), ("model",), ()),
        "backbone.",
        left_out=("data_preprocessor.",),
        mark="backbone.",
        normalised=None,
        renamed=(*SEQUENTIAL_RESNET, ("head.fc.", "backbone.fc.")),
    ),
    "trunk": CheckpointLayout((("state_dict",), ("model",), ()), ""),
    "simclr_tf": CheckpointLayout(
        (("state_dict",), ()), "", normalised=False, options={"same_pooling": True}
    ),
}
"""Every layout by its name; a file is of the first that fits.

``simclr_tf`` must be named: nothing in the file tells it from a trunk. Its networks take images in
[0, 1] and pool as TensorFlow does. The public converter leaves their classifier's bias as it was
drawn, so their logits are not those of TensorFlow; their features are.
"""


@dataclass(frozen=True)
class Published:
    """A published network.

    Attributes:
        layout: its name in :data:`LAYOUTS`.
        card: how to rebuild it; ``training`` holds the layout and, of two, the branch.
        weights: by the names of a ImageModel.
        left_out: names of the tensors that belong to the training alone.
        unstated: why it is not known how images are normalised; empty where it is.
    """

    layout: str
    card: ModelCard
    weights: Weights
    left_out: tuple[str, ...]
    unstated: str = ""

    def stated(self, overrides: Mapping[str, Any], where: str) -> ModelCard:
        """Return the card with what is said of the network beside the file.

        Args:
            overrides: values that replace those of the card.
            where: who says so, for messages.

        Raises:
            ImprintError: an unknown or impossible value, or none about the normalisation of images
                where the layout leaves it open.
        """
        if self.unstated and not {"mean", "std"} <= overrides.keys():
            raise ImprintError(
                f"{self.unstated}: give --mean and --std, one number or one per channel for "
                "pixels in [0, 1] (ImageNet: 0.485,0.456,0.406 and 0.229,0.224,0.225; none: 0 and "
                "1), or a card with mean and std"
            )
        return ModelCard.from_json({**self.card.to_json(), **overrides}, where)


def recognise(content: Any, branch: Branch = "teacher") -> str | None:
    """Return the name of the layout of a file's content, None when it is none of them.

    Args:
        content: what the file holds.
        branch: which network of DINO's two.
    """
    for name, layout in LAYOUTS.items():
        weights = _state_dict(content, layout, branch)
        marked = any(key.startswith(layout.mark) for key in weights)
        if marked and architecture_of(_below(weights, layout.trunk)):
            return name
    return None


def read_published(
    path: Path, layout: str = "auto", branch: Branch = "teacher", keys: KeyNames | None = None
) -> Published:
    """Return the network in a published file; see :func:`published_network`.

    Args:
        path: the file.
        layout: a name of :data:`LAYOUTS`, or auto.
        branch: which network of DINO's two; the others have one.
        keys: which of its tensors count, and under which names.

    Raises:
        ImprintError: a file that cannot be read, or of another layout.
    """
    return published_network(path, read_renamed(path, keys or KeyNames()), layout, branch)


def read_renamed(path: Path, keys: KeyNames) -> Any:
    """Return the content of a file, with its state dict under the names that ``keys`` gives.

    Raises:
        ImprintError: a file that cannot be read, or names that ``keys`` does not fit.
    """
    content = read_content(path)
    if not keys:
        return content
    renamed = rename_keys(path, unwrap(path, content), keys)
    return {"state_dict": renamed, "model": renamed}


def published_network(
    path: Path, content: Any, layout: str = "auto", branch: Branch = "teacher"
) -> Published:
    """Return the network of a published file; whether all its tensors have a place is not checked.

    Args:
        path: the file, for messages.
        content: what it holds.
        layout: a name of :data:`LAYOUTS`, or auto.
        branch: which network of DINO's two; the others have one.

    Raises:
        ImprintError: an unknown layout, a file of another, or a trunk or projector that imprint
            has no architecture for.
    """
    name = recognise(content, branch) if layout == "auto" else layout
    if name is None:
        raise ImprintError(
            f"{path} has none of the published layouts ({', '.join(LAYOUTS)}) with a ResNet, VGG "
            "or vision transformer that imprint knows: write the card of its network beside it"
        )
    if name not in LAYOUTS:
        raise ImprintError(f"unknown layout {name!r}: choose one of auto, {', '.join(LAYOUTS)}")
    weights = _state_dict(content, LAYOUTS[name], branch)
    if stem_of(_below(weights, LAYOUTS[name].trunk)) is None:
        first = " nor ".join(LAYOUTS[name].trunk + stem for stem in STEMS)
        raise ImprintError(
            f"{path} is not of the layout {name}: it has neither {first}; --checkpoint-layout "
            "auto finds it"
        )
    return _translate(path, name, weights, branch)


def _state_dict(content: Any, layout: CheckpointLayout, branch: Branch) -> Weights:
    """Return the state dict that a layout would have in a file; empty if there is none."""
    containers = layout.containers
    if ("teacher",) in containers:
        containers = ((branch,),)
    for keys in containers:
        state = content
        for key in keys:
            state = state.get(key) if isinstance(state, Mapping) else None
        if flat := _flatten(state):
            return _renamed(plain_names(flat, ()), layout)
    return {}


def _renamed(weights: Weights, layout: CheckpointLayout) -> Weights:
    renamed = {}
    for name, tensor in weights.items():
        for old, new in layout.renamed:
            if name.startswith(old):
                name = new + name.removeprefix(old)
                break
        renamed[name] = tensor
    return renamed


def _flatten(content: Any) -> Weights | None:
    """Return nested mappings of tensors as one, None if there is anything else among them."""
    if not isinstance(content, Mapping):
        return None
    flat: Weights = {}
    for name, value in content.items():
        inner = {"": value} if isinstance(value, Tensor) else _flatten(value)
        if inner is None:
            return None
        flat |= {f"{name}.{below}".removesuffix("."): tensor for below, tensor in inner.items()}
    return flat


def _below(weights: Weights, prefix: str) -> Weights:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


def _translate(path: Path, name: str, weights: Weights, branch: Branch) -> Published:
    layout = LAYOUTS[name]
    rest = {key: tensor for key, tensor in weights.items() if not key.startswith(layout.left_out)}
    parts = {
        part: _take(rest, prefix)
        for part, prefix in (("projector", layout.projector), ("head", layout.head))
        if prefix is not None
    }
    trunk = _take(rest, layout.trunk)
    text, projector = _projector(path, parts.get("projector", {}), layout.activation)
    head = parts.get("head", {})
    stem = stem_of(trunk)
    assert stem is not None
    channels = stem.shape[1]
    architecture, options, size = _architecture(path, trunk)
    coloured = channels == len(NORMALISATIONS["imagenet"][0])
    mean, std = NORMALISATIONS["imagenet"] if layout.normalised and coloured else _UNCHANGED
    card = ModelCard(
        architecture=architecture,
        channels=channels,
        outputs=len(head["2.weight"]) if "2.weight" in head else outputs_of(trunk),
        input_size=size,
        mean=mean,
        std=std,
        options={**options, **layout.options},
        projector=text,
        training={"published": name, **({"branch": branch} if name == "dino" else {})},
    )
    # What no part is named after keeps its name, so that the strict check tells of it.
    placed = {
        **rest,
        **{f"network.{key}": tensor for key, tensor in trunk.items()},
        **{f"projector.{key}": tensor for key, tensor in projector.items()},
        **{f"head.{key}": tensor for key, tensor in head.items()},
    }
    left_out = tuple(key for key in weights if key.startswith(layout.left_out))
    return Published(name, card, placed, left_out, _unstated(path, name, channels, options))


def _unstated(path: Path, name: str, channels: int, options: Mapping[str, Any]) -> str:
    """Return why it is not known how a network's images are normalised; empty where it is."""
    normalised = LAYOUTS[name].normalised
    if normalised is None:
        return f"{path} has the layout {name}, which does not say how images are normalised"
    if normalised and channels != len(NORMALISATIONS["imagenet"][0]):
        return f"{path} is of {channels}-channel images, whose normalisation the file does not say"
    if name == "trunk" and options.get("small_input"):
        return f"{path} is of small images, whose normalisation the file does not say"
    return ""


def _take(weights: Weights, prefix: str) -> Weights:
    """Return the tensors under a prefix, by the rest of their names, and take them out."""
    taken = _below(weights, prefix)
    for name in taken:
        del weights[prefix + name]
    return taken


def _architecture(path: Path, trunk: Weights) -> tuple[str, dict[str, Any], int]:
    architecture = architecture_of(trunk)
    if architecture is None:
        raise ImprintError(
            f"{path} holds a trunk that is none of the networks of imprint list architectures "
            "(by its blocks and widths): write the card of its network beside it"
        )
    return architecture


def _projector(path: Path, tensors: Weights, activation: type[nn.Module]) -> tuple[str, Weights]:
    if not tensors:
        return "", {}
    projector = projector_of(without_last_norm(numbered(tensors)), activation)
    if projector is None:
        layers = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
        raise ImprintError(
            f"{path} holds a projector that is not a sequence of linear layers with "
            f"normalisations between them ({layers}): save the backbone's state dict alone"
        )
    return projector
