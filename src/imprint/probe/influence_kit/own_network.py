"""The network of a user with its records, as estimators of influence take it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.errors import ImprintError, reason_of
from imprint.data.records.records import Records, Task
from imprint.nets.predictor.module import run
from imprint.nets.predictor.predictor import NetworkPredictor, OutputKind
from imprint.probe.influence_kit.losses import Loss
from imprint.probe.influence_kit.question import Checkpoint, Trained
from imprint.probe.record_outputs import SMALLEST_PROBABILITY

LOSSES: dict[Task, Loss] = {
    "classification": "cross_entropy",
    "multi_label": "binary_cross_entropy",
    "regression": "squared_error",
}
"""What a network of each task is taken to have been trained with."""


class OutputNetwork(nn.Module):
    """A network that returns its outputs as logits, or as values of regression, ``[b, c]``.

    Args:
        module: a copy of the user's, in evaluation mode.
        pick: finds the outputs among what it returns.
        kind: what it returns.
        task: of the network.
    """

    def __init__(
        self, module: nn.Module, pick: Callable[[Any], Tensor], kind: OutputKind, task: Task
    ) -> None:
        super().__init__()
        self.module, self._pick, self._kind, self._task = module, pick, kind, task

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs ``[b, c]``."""
        outputs = self._pick(self.module(inputs))
        single = outputs.shape[1] == 1
        if self._kind == "probabilities":
            outputs = outputs.clamp(min=SMALLEST_PROBABILITY)
            if single or self._task == "multi_label":
                return self._two(outputs.log() - (1 - outputs).clamp(SMALLEST_PROBABILITY).log())
            return outputs.log()
        return self._two(outputs)

    def _two(self, outputs: Tensor) -> Tensor:
        """Return the logit of the second of two classes as logits of both."""
        if self._task != "classification" or outputs.shape[1] != 1:
            return outputs
        return torch.cat([torch.zeros_like(outputs), outputs], 1)


@dataclass(frozen=True, eq=False)
class OwnRecords:
    """Inputs and targets of some records, on the device of the network.

    Attributes:
        inputs: as the network takes them, ``[n, …]``.
        targets: int64 ``[n]`` of classes, else in the dtype of the outputs ``[n, c]``.
    """

    inputs: Tensor
    targets: Tensor


def own_network(predictor: NetworkPredictor, task: Task) -> OutputNetwork:
    """Return a copy of a network that gives logits or values.

    Raises:
        ImprintError: it returns losses, or cannot be copied.
    """
    if predictor.kind == "losses":
        raise ImprintError(
            f"model {predictor.name} returns losses, and influence needs its outputs: give a model "
            "that returns logits"
        )
    try:
        module = copy.deepcopy(predictor.module)
    except Exception as error:  # a user's module may hold anything
        reason = reason_of(error)
        raise ImprintError(
            f"model {predictor.name} cannot be copied ({reason}), which influence needs: leave "
            "objects out of it that are no tensors"
        ) from error
    return OutputNetwork(module.eval(), predictor.to_outputs, predictor.kind, task).eval()


def own_records(
    predictor: NetworkPredictor, records: Records, rows: NDArray[np.int64]
) -> OwnRecords:
    """Return some records as tensors.

    Raises:
        ImprintError: records without targets.
    """
    if records.targets is None:
        raise ImprintError(f"influence needs the targets of the {records.name}: give them")
    inputs = predictor.to_inputs(records.inputs.read(rows))
    values = torch.from_numpy(np.asarray(records.targets[rows])).to(inputs.device)
    if records.task == "classification":
        return OwnRecords(inputs, values.long())
    return OwnRecords(inputs, values.reshape(len(rows), -1).float())


def trained_of(
    network: OutputNetwork,
    members: OwnRecords,
    tests: OwnRecords,
    task: Task,
    checkpoints: Sequence[tuple[NetworkPredictor, float]] = (),
    **options: Any,
) -> Trained:
    """Return a network with its members, and tests as queries.

    Args:
        network: from :func:`own_network`.
        members: records it was trained on; the influence of all on themselves is asked.
        tests: what else is asked.
        task: of the network.
        checkpoints: the network at earlier steps of its training, each with the sum of learning
            rates until the next.
        options: further fields of :class:`imprint.probe.influence_kit.question.Trained`.

    Raises:
        ImprintError: the network does not take the inputs, targets that do not fit its outputs, or
            checkpoints of another network.
    """
    with torch.no_grad():
        outputs = run(network, members.inputs[:1])
    for records, name in ((members, "members"), (tests, "tests")):
        _check_targets(outputs.shape[1], records.targets, task, name)
    return Trained(
        network,
        members.inputs,
        members.targets,
        tests.inputs,
        tests.targets,
        torch.arange(len(members.targets), device=members.targets.device),
        LOSSES[task],
        tuple(
            Checkpoint(_state(predictor, network), travelled)
            for predictor, travelled in checkpoints
        ),
        **options,
    )


def _check_targets(outputs: int, targets: Tensor, task: Task, name: str) -> None:
    if task != "classification":
        if targets.shape[1] != outputs:
            raise ImprintError(
                f"the network has {outputs} outputs and the targets of the {name} "
                f"{targets.shape[1]} columns: give as many"
            )
        return
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < outputs:
        raise ImprintError(
            f"classes of the {name} run from {int(targets.min())} to {int(targets.max())}, and the "
            f"network has {outputs} outputs: number the classes as the network does"
        )


def _state(predictor: NetworkPredictor, network: OutputNetwork) -> dict[str, Tensor]:
    wanted = network.state_dict()
    state = {f"module.{name}": each for name, each in predictor.module.state_dict().items()}
    if {name: each.shape for name, each in state.items()} != {
        name: each.shape for name, each in wanted.items()
    }:
        raise ImprintError(
            f"checkpoint {predictor.name} has other weights than the model: give checkpoints of "
            "the same network"
        )
    return {name: each.to(wanted[name].device) for name, each in state.items()}
