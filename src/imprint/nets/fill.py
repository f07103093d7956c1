"""Models from cards, with fresh weights or with those of a file: strict and complete."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.nets.backbone import Weights
from imprint.nets.bounded import bounded_by
from imprint.nets.build import build_network
from imprint.nets.checkpoint import plain_names
from imprint.nets.heads import build_head, build_projector, projector_widths
from imprint.nets.image_model import NETWORK, ImageModel
from imprint.nets.model_card import ModelCard

SHOWN = 3
COUNTER = ".num_batches_tracked"
STATISTICS = ("running_mean", "running_var")


def build_model(card: ModelCard) -> ImageModel:
    """Return the ImageModel of a card with fresh weights, drawn by torch's global generator.

    Raises:
        ImprintError: the card names what cannot be built.
    """
    widths = projector_widths(card.projector)
    network = build_network(
        card.architecture,
        card.channels,
        None if widths else card.outputs,
        card.input_size,
        card.options,
        card.output,
    )
    projector = build_projector(network.feature_width, card.projector)
    head = build_head(widths[-1], card.outputs) if widths and card.outputs is not None else None
    return ImageModel(network, card.channels, card.input_size, card.mean, card.std, projector, head)


def initial_model(card: ModelCard, seed: int) -> ImageModel:
    """Return the untrained model of a card; its weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initial weights"))
        return build_model(card)


def fill_model(card: ModelCard, weights: Weights, path: Path) -> ImageModel:
    """Return the ImageModel of a card with the given weights, in evaluation mode on the CPU.

    Args:
        card: how to build it.
        weights: by the names of a ImageModel or of its network; see
            :meth:`imprint.nets.load.NetworkFile.load`.
        path: where they come from, for messages.

    Raises:
        ImprintError: the two do not fit.
    """
    what = f"the network that the card of {path.name} describes"
    with torch.random.fork_rng(devices=[]), bounded_by(weights, what):
        model = build_model(card)
    weights = _place(weights, model.named_weights())
    _check_fit(path, card, weights, model)
    check_values(path, weights, model)
    for prefix, module in model.parts.items():
        module.load_state_dict(
            {
                name.removeprefix(prefix): tensor
                for name, tensor in weights.items()
                if name.startswith(prefix)
            }
        )
    return model.eval()


def _place(weights: Weights, places: Mapping[str, Tensor]) -> Weights:
    """Return weights under the names of a ImageModel, whether they are of one or of its network."""
    own = [name.removeprefix(NETWORK) for name in places if name.startswith(NETWORK)]
    of_model = plain_names(weights, places)
    of_network = {NETWORK + name: tensor for name, tensor in plain_names(weights, own).items()}
    return max(of_network, of_model, key=lambda named: len(named.keys() & places.keys()))


def check_values(path: Path, weights: Weights, model: ImageModel) -> None:
    """Refuse numbers that no network computes with.

    Raises:
        ImprintError: a tensor is complex, or of integers where the network has floats; or it holds
            NaN, or infinity where it is no buffer of the network's own, such as a mask.
    """
    places = model.named_weights()
    parameters = {
        prefix + name
        for prefix, module in model.parts.items()
        for name, _ in module.named_parameters()
    }
    for name, tensor in weights.items():
        shown, place = name.removeprefix(NETWORK), places[name]
        if not place.is_floating_point():
            continue
        if not tensor.is_floating_point():
            raise ImprintError(
                f"{path}: tensor {shown} holds {tensor.dtype} where the network computes in "
                f"{place.dtype}: save the weights as floats"
            )
        values = tensor.to(place.dtype)
        finite = name in parameters or name.endswith(STATISTICS)
        bad = ~values.isfinite() if finite else values.isnan()
        if count := int(bad.sum()):
            raise ImprintError(
                f"{path}: tensor {shown} holds {count} of {values.numel()} values that are NaN or "
                f"infinite in {place.dtype}: the training diverged or the file is damaged, take an "
                "earlier checkpoint"
            )


def _check_fit(path: Path, card: ModelCard, weights: Weights, model: ImageModel) -> None:
    places = model.named_weights()
    missing = [name for name in places if name not in weights and not name.endswith(COUNTER)]
    left_over = sorted(weights.keys() - places.keys())
    reshaped = [
        name
        for name, tensor in weights.items()
        if name in places and tensor.shape != places[name].shape
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} missing ({_first(missing)})")
    if left_over:
        problems.append(f"{len(left_over)} left over ({_first(left_over)})")
    if reshaped:
        shapes = [
            f"{name} {list(weights[name].shape)} for {list(places[name].shape)}"
            for name in reshaped
        ]
        problems.append(f"{len(reshaped)} of another shape ({_first(shapes)})")
    if problems:
        hint = _hint(weights, places, missing, left_over + reshaped, model)
        raise ImprintError(
            f"{path} does not hold {card.architecture} for {card.channels}-channel images of "
            f"{card.input_size} × {card.input_size} pixels, {card.outputs or 'no'} outputs "
            f"(tensors: {', '.join(problems)}): {hint}"
        )


def _hint(
    weights: Weights,
    places: Mapping[str, Tensor],
    missing: list[str],
    misfits: list[str],
    model: ImageModel,
) -> str:
    classifier = f"{NETWORK}{model.network.classifier_name}."
    if not missing and all(name.startswith(classifier) and weights[name].ndim for name in misfits):
        return f"set outputs to {len(weights[misfits[-1]])}"
    if missing and not misfits and all(name.startswith(classifier) for name in missing):
        return "set outputs to none, since the file has no classifier"
    if not missing and misfits == [next(iter(places))] and weights[misfits[0]].ndim == 4:
        return f"set channels to {weights[misfits[0]].shape[1]}"
    return "name the architecture and the options it was trained with"


def _first(names: list[str]) -> str:
    shown = ", ".join(name.removeprefix(NETWORK) for name in names[:SHOWN])
    return shown + (", …" if len(names) > SHOWN else "")
