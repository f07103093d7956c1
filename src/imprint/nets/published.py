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
    simclr     state_dict                          backbone.               backbone.fc.
    trunk      state_dict, model, the file itself  (all)
    simclr_tf  state_dict, the file itself         (all)

``trunk`` is what VICReg, Barlow Twins and DINO publish as the backbone alone, and torchvision's
own layout. Prefixes of DDP and ``torch.compile`` are taken off first. The architecture and its
sizes follow from the shapes (:mod:`imprint.nets.shapes`), and every tensor must find its place.

Sources: the training scripts of the public repositories vicreg, barlowtwins, dino, DejaVu, vissl
and moco (facebookresearch), SimCLR (sthalles) and simclr-converter (tonylins).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from imprint.errors import ImprintError
from imprint.nets.checkpoint import Weights, plain_names, read_content
from imprint.nets.shapes import STEMS, architecture_of, outputs_of, projector_of, stem_of
from imprint.nets.subject import NORMALISATIONS, SubjectCard

Branch = Literal["teacher", "student"]
BRANCHES: tuple[Branch, ...] = ("teacher", "student")

_UNCHANGED = ((0.0,), (1.0,))


@dataclass(frozen=True)
class Layout:
    """Where a published file keeps its parts.

    Args:
        containers: keys to the state dict, from the outside in; the first that is there counts.
        trunk: prefix of the backbone's names.
        projector: prefix of the projector's names, None for none.
        head: prefix of the names of a classifier on the projector, None for none.
        left_out: prefixes of what belongs to the training and not to the network.
        mark: how a name begins that tells this layout from those behind it.
        activation: of the projector.
        normalised: whether the network takes images with ImageNet's normalisation, or in [0, 1].
        options: further options of the architecture.
    """

    containers: tuple[tuple[str, ...], ...]
    trunk: str
    projector: str | None = None
    head: str | None = None
    left_out: tuple[str, ...] = ()
    mark: str = ""
    activation: type[nn.Module] = nn.ReLU
    normalised: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


LAYOUTS: Mapping[str, Layout] = {
    "vissl": Layout(
        (("classy_state_dict", "base_model", "model"),),
        "trunk._feature_blocks.",
        "heads.",
        mark="trunk._feature_blocks.",
    ),
    "dino": Layout(
        tuple((branch,) for branch in BRANCHES),
        "backbone.",
        "head.mlp.",
        left_out=("head.last_layer.",),
        mark="head.mlp.",
        activation=nn.GELU,
    ),
    "dejavu": Layout(
        (("model",), ()), "net.", "projector.", "fc.", ("bn.", "predictor."), mark="net."
    ),
    "barlow": Layout(
        (("model",),), "backbone.", "projector.", left_out=("bn.",), mark="bn.running_mean"
    ),
    "vicreg": Layout((("model",),), "backbone.", "projector.", mark="projector."),
    "moco": Layout(
        (("state_dict",),),
        "encoder_q.",
        "encoder_q.fc.",
        left_out=("encoder_k.", "queue"),
        mark="encoder_q.",
    ),
    "simclr": Layout(
        (("state_dict",),), "backbone.", "backbone.fc.", mark="backbone.", normalised=False
    ),
    "trunk": Layout((("state_dict",), ("model",), ()), ""),
    "simclr_tf": Layout(
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
        weights: by the names of a Subject.
        left_out: names of the tensors that belong to the training alone.
    """

    layout: str
    card: SubjectCard
    weights: Weights
    left_out: tuple[str, ...]


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


def read_published(path: Path, layout: str = "auto", branch: Branch = "teacher") -> Published:
    """Return the network in a published file; see :func:`published_network`.

    Raises:
        ImprintError: a file that cannot be read, or of another layout.
    """
    return published_network(path, read_content(path), layout, branch)


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
            f"{path} is not of the layout {name}: it has neither {first}; --layout auto looks"
        )
    return _translate(path, name, weights, branch)


def _state_dict(content: Any, layout: Layout, branch: Branch) -> Weights:
    """Return the state dict that a layout would have in a file; empty if there is none."""
    containers = layout.containers
    if ("teacher",) in containers:
        containers = ((branch,),)
    for keys in containers:
        found = content
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if flat := _flatten(found):
            return plain_names(flat, ())
    return {}


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
    coloured = layout.normalised and channels == len(NORMALISATIONS["imagenet"][0])
    mean, std = NORMALISATIONS["imagenet"] if coloured else _UNCHANGED
    card = SubjectCard(
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
    return Published(name, card, placed, left_out)


def _take(weights: Weights, prefix: str) -> Weights:
    """Return the tensors under a prefix, by the rest of their names, and take them out."""
    taken = _below(weights, prefix)
    for name in taken:
        del weights[prefix + name]
    return taken


def _architecture(path: Path, trunk: Weights) -> tuple[str, dict[str, Any], int]:
    found = architecture_of(trunk)
    if found is None:
        raise ImprintError(
            f"{path} holds a trunk that is no ResNet, VGG or vision transformer of imprint's "
            "(by its blocks and widths): write the card of its network beside it"
        )
    return found


def _projector(path: Path, tensors: Weights, activation: type[nn.Module]) -> tuple[str, Weights]:
    if not tensors:
        return "", {}
    found = projector_of(tensors, activation)
    if found is None:
        layers = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
        raise ImprintError(
            f"{path} holds a projector that is no row of linear layers with normalisations between "
            f"them ({layers}): save the backbone's state dict alone"
        )
    return found
