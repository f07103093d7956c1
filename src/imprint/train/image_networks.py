"""Networks of images retrained without some of the records: LeNet, ResNets, any architecture.

All networks that are trained together go without the same records, and see the same batches: those
of the whole set, each less the records left out. So batch normalisation sees no record that its
network goes without, and two networks of one start, one with a record and one without it, differ
by that record alone. (Fully connected networks, which mix no records, go without different ones
side by side: :mod:`imprint.train.cohort.network_stack`.)

On a GPU networks are stacked under ``vmap``. On the CPU they are trained one after another: ten
stacked ResNet-8 took as long, and more memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.probe.influence_kit.losses import row_losses
from imprint.train.cohort.optimizer import Learner
from imprint.train.cohort.training import Solo, Stack, can_stack
from imprint.train.retrain_options import RetrainOptions

STACKED = 10
"""Networks of a stack on a GPU."""
FEWEST_IN_A_BATCH = 2
"""Batch statistics need two images; a smaller batch is passed over."""
EVALUATED = 256
"""Images that pass through a trained network together."""


@dataclass(frozen=True)
class ImageNetworks:
    """Networks of one architecture for images, as a set of images needs them.

    Attributes:
        architecture: a name for :func:`imprint.nets.build.build_network`.
        architecture_options: its settings.
        channels: of the images.
        classes: c.
        input_size: side of the images in pixels.
    """

    architecture: str
    architecture_options: Mapping[str, Any]
    channels: int
    classes: int
    input_size: int

    @property
    def card(self) -> ModelCard:
        """How to build one; images come scaled, so it normalises by 0 and 1."""
        return ModelCard(
            self.architecture,
            self.channels,
            self.classes,
            self.input_size,
            (0.0,),
            (1.0,),
            self.architecture_options,
        )

    def settings(self) -> Mapping[str, Any]:
        """Return what the networks are, as JSON values."""
        return {
            "architecture": self.architecture,
            "options": dict(self.architecture_options),
            "channels": self.channels,
            "input_size": self.input_size,
        }

    def check(self) -> None:
        """Build one, and give it an image.

        Raises:
            ImprintError: an architecture that cannot be built for such images.
        """
        model = initial_model(self.card, 0).eval()
        size = self.input_size
        logits_of(model, torch.zeros(1, self.channels, size, size))

    def at_once(self, device: torch.device) -> int:
        """Return how many networks are best trained together."""
        return STACKED if device.type != "cpu" and can_stack(self.card) else 1


Watch = Callable[[int, Learner], None]
"""Called with (epoch, networks) before each epoch, and once with the number of epochs at the end;
networks are in training mode."""


def train_image_networks(
    networks: ImageNetworks,
    inputs: Tensor,
    labels: Tensor,
    kept: Tensor,
    starts: Sequence[int],
    options: RetrainOptions,
    seed: int,
    watch: Watch | None = None,
) -> list[ImageModel]:
    """Train M networks on the same records.

    Args:
        networks: to train.
        inputs: float ``[N, C, S, S]``, scaled as networks see them; the first n are records.
        labels: int64 ``[N]``.
        kept: bool ``[n]``, the records that they are trained on.
        starts: for each network the number of its initialisation; networks of one number start
            from the same weights.
        options: of training.
        seed: of initialisations and of the order of records.
        watch: sees the networks between epochs.

    Returns:
        the networks in evaluation mode, on the device of the inputs.

    Raises:
        ImprintError: an architecture that cannot be built for such images, fewer than two records,
            or weights that overflow.
    """
    if int(kept.sum()) < FEWEST_IN_A_BATCH:
        raise ImprintError("a network is left with fewer than two records: leave fewer out")
    card = networks.card
    models = [
        initial_model(card, derive(seed, "initialisation", start)).train() for start in starts
    ]
    learner: Learner = (
        Solo(models[0].to(inputs.device))
        if len(models) == 1
        else Stack([model.to(inputs.device) for model in models])
    )
    optimizer = _optimizer(learner, options)
    for epoch in range(options.epochs):
        if watch is not None:
            watch(epoch, learner)
        for group in optimizer.param_groups:
            group["lr"] = options.rate(epoch)
        for batch in _batches(len(kept), epoch, options, seed, inputs.device):
            rows = batch[kept[batch]]
            if len(rows) >= FEWEST_IN_A_BATCH:
                _step(learner, optimizer, inputs[rows], labels[rows], len(models), options)
    if watch is not None:
        watch(options.epochs, learner)
    trained = learner.models()
    if not all(bool(each.isfinite().all()) for model in trained for each in model.parameters()):
        raise ImprintError(
            f"weights of {networks.architecture} overflowed at a learning rate of "
            f"{options.learning_rate:g}: lower it"
        )
    return [model.eval() for model in trained]


@torch.no_grad()
def logits_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the logits of images ``[N, C, S, S]``, float32 ``[N, c]``."""
    return torch.cat([model(part) for part in torch.split(inputs, EVALUATED)]).float()


def _optimizer(learner: Learner, options: RetrainOptions) -> torch.optim.Optimizer:
    decayed, plain = learner.parameters()
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups,
        lr=options.learning_rate,
        momentum=options.momentum,
        nesterov=options.momentum > 0,
    )


def _batches(
    records: int, epoch: int, options: RetrainOptions, seed: int, device: torch.device
) -> tuple[Tensor, ...]:
    name = epoch if options.shuffle else 0
    order = torch.from_numpy(generator(seed, "order", name).permutation(records)).to(device)
    return torch.split(order, options.batch_size)


def _step(
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    labels: Tensor,
    count: int,
    options: RetrainOptions,
) -> None:
    """Take one step of every network; the gradient of a sum of losses is that of each."""
    logits = learner.logits(inputs.expand(count, *inputs.shape))
    every = labels.expand(count, -1).flatten()
    losses = row_losses(options.loss, logits.flatten(0, 1), every)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(losses.view(count, -1).mean(1).sum())
    optimizer.step()
