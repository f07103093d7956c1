"""Networks: trained again from fresh weights, by a loop that knows task and outputs alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imprint.core.errors import ImprintError, reason_of
from imprint.core.seeds import derive, generator
from imprint.data.records.records import Records, Task
from imprint.nets.predictor.module import ModulePredictor, run, text_of
from imprint.nets.predictor.predictor import OutputKind, Predictor
from imprint.observation.audited_model import Trainer
from imprint.observation.trainers.fresh_weights import with_fresh_weights
from imprint.observation.trainers.trainer import (
    TRAINERS,
    TrainerKind,
    TrainerOptions,
    read_all,
)
from imprint.study.hashing import hash_json

SMALLEST_PROBABILITY = 1e-12
LOSS_RECORDS = 2048
"""Members from which the loss of the model under audit is taken."""
TIMED_STEPS = 3


@dataclass(frozen=True, eq=False)
class NetworkTrainer:
    """Trains a network of the same architecture from fresh weights.

    Attributes:
        predictor: the network under audit.
        members: records it was trained on.
        options: of training.
    """

    predictor: ModulePredictor
    members: Records
    options: TrainerOptions

    @property
    def words(self) -> str:
        """How it trains, for reports."""
        options = self.options
        stop = " at the most, stopped at the model's own loss on its members"
        return (
            f"{self.predictor.name} from fresh weights, {options.optimiser} at a learning rate of "
            f"{options.learning_rate:g}, batches of {options.batch_size}, {options.epochs} epochs "
            f"or {options.steps} steps" + (stop if options.stop_at_model_loss else "")
        )

    def fingerprint(self) -> str:
        """Return the hash of the network under audit and the options."""
        described = [text_of(self.predictor.module), self.predictor.kind, asdict(self.options)]
        stop = self.model_loss if self.options.stop_at_model_loss else None
        return hash_json(["network", described, stop])

    @cached_property
    def model_loss(self) -> float:
        """The mean loss of the model under audit on its members, on the first few of them."""
        count = min(LOSS_RECORDS, len(self.members))
        few = self.members.take(np.arange(count))
        inputs, targets = read_all(few)
        total = 0.0
        with torch.no_grad():
            for start in range(0, count, self.options.batch_size):
                rows = slice(start, start + self.options.batch_size)
                outputs = _outputs(self.predictor, self.predictor.module, inputs[rows])
                wanted = torch.from_numpy(targets[rows]).to(outputs.device)
                loss = task_loss(outputs, wanted, few.task, self.predictor.kind)
                total += float(loss) * len(wanted)
        return total / count

    def train(self, records: Records, seed: int) -> Predictor:
        """Return a network that is trained on these records.

        Raises:
            ImprintError: records without targets, or training that diverges.
        """
        module = self._fresh(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "training"))  # of dropout
            self._fit(module, records, seed, self._epochs(len(records)))
        name, kind, rule = self.predictor.name, self.predictor.kind, self.predictor.rule
        return ModulePredictor(module.eval(), name, kind, rule)

    def seconds(self, records: int) -> float:
        """Return what training for all epochs takes at most, from the time of a few steps."""
        size = min(self.options.batch_size, records)
        few = self.members.take(np.arange(min(len(self.members), size * TIMED_STEPS)))
        module = self._fresh(0)
        self._fit(module, few, 0, 1)  # warms up
        start = time.perf_counter()
        self._fit(module, few, 0, 1)
        epoch = (time.perf_counter() - start) * records / len(few)
        return epoch * self._epochs(records)

    def _epochs(self, count: int) -> int:
        """Return the epochs that training on so many records lasts at most."""
        return max(self.options.epochs, -(-self.options.steps // self._batches(count)))

    def _batches(self, count: int) -> int:
        # A last batch of one record would fail in batch normalisation: it is shared out.
        return max(1, count // self.options.batch_size)

    def _fresh(self, seed: int) -> nn.Module:
        with self._explained():
            return with_fresh_weights(self.predictor.module, seed)

    def _fit(self, module: nn.Module, records: Records, seed: int, epochs: int) -> None:
        with self._explained():
            self._descend(module, records, seed, epochs)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what a user's network raises when it is copied or trained into one sentence."""
        try:
            yield
        except ImprintError:
            raise
        except Exception as error:
            raise ImprintError(
                f"model {self.predictor.name} cannot be trained again ({reason_of(error)}): give "
                "train=, a function that trains it, or ask for no shadow models"
            ) from error

    def _descend(self, module: nn.Module, records: Records, seed: int, epochs: int) -> None:
        options = self.options
        inputs, targets = read_all(records)
        wanted = torch.from_numpy(np.ascontiguousarray(targets))
        parameters = [each for each in module.parameters() if each.requires_grad]
        if not parameters:
            raise ImprintError(
                f"model {self.predictor.name} has no trainable parameters: give train=, a function "
                "that trains it"
            )
        optimiser = _optimiser(parameters, options)
        module.train()
        for epoch in range(epochs):
            order = generator(seed, "order", epoch).permutation(len(records))
            total = 0.0
            for rows in np.array_split(order, self._batches(len(records))):
                outputs = _outputs(self.predictor, module, inputs[rows])
                batch = wanted[torch.from_numpy(rows)].to(outputs.device)
                loss = task_loss(outputs, batch, records.task, self.predictor.kind)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # of torch
                optimiser.step()
                total += float(loss.detach()) * len(rows)
            mean = total / len(records)
            if not np.isfinite(mean):
                raise ImprintError(
                    f"training {self.predictor.name} again diverged in epoch {epoch + 1}: lower "
                    f"its learning rate, {options.learning_rate:g}, or give train="
                )
            if options.stop_at_model_loss and mean <= self.model_loss:
                return


def task_loss(outputs: Tensor, targets: Tensor, task: Task, kind: OutputKind) -> Tensor:
    """Return the mean loss of outputs ``[b, c]``: cross-entropy, or squared error of regression.

    >>> half = torch.full((1, 2), 0.5)
    >>> float(task_loss(half, torch.tensor([0]), "classification", "probabilities").exp())
    2.0

    Args:
        outputs: of a network.
        targets: as in :class:`imprint.data.records.records.Records`.
        task: of the network.
        kind: what the outputs are.
    """
    if task == "regression":
        return functional.mse_loss(outputs, targets.reshape(outputs.shape).to(outputs.dtype))
    by_label = task == "multi_label" or outputs.shape[1] == 1
    if by_label:
        labels = targets.reshape(outputs.shape).to(outputs.dtype)
        if kind == "probabilities":
            return functional.binary_cross_entropy(outputs.clamp(0, 1), labels)
        return functional.binary_cross_entropy_with_logits(outputs, labels)
    if kind == "probabilities":
        return functional.nll_loss(outputs.clamp_min(SMALLEST_PROBABILITY).log(), targets)
    return functional.cross_entropy(outputs, targets)


def _outputs(predictor: ModulePredictor, module: nn.Module, inputs: Any) -> Tensor:
    return predictor.to_outputs(run(module, predictor.to_inputs(inputs)))


def _optimiser(parameters: list[nn.Parameter], options: TrainerOptions) -> torch.optim.Optimizer:
    rate, decay = options.learning_rate, options.weight_decay
    if options.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)


def _recognises(predictor: Predictor) -> bool:
    return isinstance(predictor, ModulePredictor) and predictor.kind != "losses"


def _make(predictor: Predictor, members: Records, options: TrainerOptions) -> Trainer:
    assert isinstance(predictor, ModulePredictor)
    return NetworkTrainer(predictor, members, options)


TRAINERS.register("network")(TrainerKind(_recognises, _make))
