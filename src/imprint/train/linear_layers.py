"""Linear classifiers on frozen features, one or several side by side, by SGD as published.

Each has weights, an optimiser and a loss of its own, so that a classifier is the same, bit for bit,
whether it is trained alone or beside others. SGD with momentum 0.9 and no weight decay, features as
they are, a learning rate that falls in a straight line (Meehan et al. 2023, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import derive, generator
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ImageSet
from imprint.nets.image_model import ImageModel, Layer
from imprint.train.batches import Batches, shared_batch_size
from imprint.train.probe_options import ProbeOptions

MOMENTUM = 0.9
Features = Mapping[str, torch.Tensor]
"""Representations of a batch by name, float ``[b, d]`` each."""


@dataclass(frozen=True)
class FeatureBatches:
    """Batches of features to train on.

    Attributes:
        per_epoch: how many an epoch.
        epoch: yields features and labels, int64 ``[b]``, of every batch of an epoch.
    """

    per_epoch: int
    epoch: Callable[[int], Iterator[tuple[Features, torch.Tensor]]]


@dataclass(frozen=True)
class EpochFigures:
    """What the classifiers reached on the batches of an epoch, while they learned.

    Attributes:
        loss: mean cross-entropy in nats, by name.
        top1: share of the examples that were classified correctly, by name.
    """

    loss: Mapping[str, float]
    top1: Mapping[str, float]


Layers = dict[str, nn.Linear]
OnEpochEnd = Callable[[int, Layers, EpochFigures], None]


def fit_layers(
    batches: FeatureBatches,
    classes: int,
    options: ProbeOptions,
    seed: int,
    name: str,
    on_epoch_end: OnEpochEnd | None = None,
) -> Layers:
    """Train a linear classifier on each representation, all on the same batches.

    Args:
        batches: of features and labels.
        classes: number of classes.
        options: epochs and learning rates.
        seed: of the first weights.
        name: what progress calls the network.
        on_epoch_end: called with the epoch, from 0, the classifiers and what they reached.

    Raises:
        ImprintError: a loss that is not finite.
    """
    layers: Layers = {}
    optimizers: dict[str, torch.optim.Optimizer] = {}
    steps = max(1, options.epochs * batches.per_epoch - 1)
    step = 0
    for epoch in track(range(options.epochs), f"probe {name}", options.epochs, "epoch"):
        sums: dict[str, torch.Tensor] = {}
        examples = 0
        for features, labels in batches.epoch(epoch):
            done = step / steps
            rate = (1 - done) * options.start_learning_rate + done * options.end_learning_rate
            for depth, rows in features.items():
                if depth not in layers:
                    layers[depth] = _new_layer(rows.shape[1], classes, seed).to(rows.device)
                    weights = layers[depth].parameters()
                    optimizers[depth] = torch.optim.SGD(weights, rate, MOMENTUM)
                reached = _step(layers[depth], optimizers[depth], rate, rows, labels)
                sums[depth] = sums[depth] + reached if depth in sums else reached
            examples += len(labels)
            step += 1
        figures = _figures(sums, examples)
        _check_finite(figures, name, epoch)
        if on_epoch_end is not None:
            on_epoch_end(epoch, layers, figures)
    return layers


def augmented_features(
    model: ImageModel,
    images: ImageSet,
    indices: IntArray,
    batch_size: int,
    view: Augmentation,
    seed: int,
    device: torch.device,
    layer: Layer | None = None,
) -> FeatureBatches:
    """Return batches of what a frozen network makes of augmented images.

    Args:
        model: the network, on the device, in evaluation mode.
        images: where pixels and labels come from.
        indices: int64 ``[n]``, the images of an epoch.
        batch_size: images a batch.
        view: how they are augmented.
        seed: of order and augmentation.
        device: where the network is.
        layer: the representation; every depth when None, from one pass.
    """
    batches = Batches(
        images,
        indices,
        views=(view,),
        batch_size=batch_size,
        size=model.input_size,
        seed=derive(seed, "linear probe"),
        device=device,
    )

    def epoch(number: int) -> Iterator[tuple[Features, torch.Tensor]]:
        for (inputs,), labels in batches.epoch(number):
            with torch.no_grad():
                depths = (
                    model.embed_depths(inputs)
                    if layer is None
                    else {str(layer): model.embed(inputs, layer)}
                )
            yield {name: rows.float() for name, rows in depths.items()}, labels

    return FeatureBatches(batches.per_epoch, epoch)


def stored_features(
    features: Mapping[str, np.ndarray], labels: IntArray, batch_size: int, seed: int
) -> FeatureBatches:
    """Return batches of features that are there already, in another order every epoch.

    Args:
        features: float32 ``[n, d]`` by name.
        labels: int64 ``[n]``.
        batch_size: rows a batch; rows that do not fill one wait for another epoch.
        seed: of the order.
    """
    size = shared_batch_size(batch_size, len(labels))

    def epoch(number: int) -> Iterator[tuple[Features, torch.Tensor]]:
        order = generator(seed, "stored features", number).permutation(len(labels))
        for start in range(0, len(order) - size + 1, size):
            rows = np.sort(order[start : start + size])
            taken = {name: torch.from_numpy(values[rows]) for name, values in features.items()}
            yield taken, torch.from_numpy(labels[rows])

    return FeatureBatches(len(labels) // size, epoch)


def _step(
    layer: nn.Linear,
    optimizer: torch.optim.Optimizer,
    rate: float,
    rows: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    """Take one step; return the sum of losses and the number of hits, float64 ``[2]``."""
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    logits = layer(rows)
    loss = F.cross_entropy(logits, labels)
    torch.autograd.backward(loss)
    optimizer.step()
    hits = (logits.detach().argmax(dim=1) == labels).sum()
    return torch.stack([loss.detach().double() * len(labels), hits.double()])


def _new_layer(width: int, classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "linear probe weights"))
        return nn.Linear(width, classes)


def _figures(sums: Mapping[str, torch.Tensor], examples: int) -> EpochFigures:
    totals = {name: values.tolist() for name, values in sums.items()}
    return EpochFigures(
        {name: loss / examples for name, (loss, _) in totals.items()},
        {name: hits / examples for name, (_, hits) in totals.items()},
    )


def _check_finite(figures: EpochFigures, name: str, epoch: int) -> None:
    for depth, loss in figures.loss.items():
        if not np.isfinite(loss):
            raise ImprintError(
                f"the loss of the probe of {name} at {depth} is {loss} in epoch {epoch + 1}: lower "
                "--probe.start-learning-rate"
            )
