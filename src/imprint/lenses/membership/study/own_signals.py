"""Signals of a user's network that take passes of their own: curvature and gradients.

They work on inputs of any shape that are real numbers; of token ids there are no derivatives. One
unit of a step is one standard deviation of the network's normalisation, of other networks that of
each feature over the members.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.data.records.joined import joined_records
from imprint.nets.image_model import ImageModel
from imprint.nets.predictor.module import run
from imprint.nets.predictor.penultimate import Penultimate
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.observation.audited_model import AuditedModel
from imprint.probe.signals.confidence import margin
from imprint.probe.signals.curvature import resolution, zeroth_order_curvature
from imprint.probe.signals.loss_gradients import input_gradient_norm
from imprint.probe.signals.precision import full_float32
from imprint.probe.signals.rademacher import rademacher
from imprint.study.step import Step
from imprint.study.tables import write_table

SCALE_RECORDS = 1000
"""Members whose features say what one unit of a step is."""
BATCH = 256


def network_kinds(model: AuditedModel) -> bool:
    """Return whether the model is a network that classifies real-valued inputs."""
    is_real = model.members.inputs.dtype.kind == "f" or len(model.members.inputs.shape) == 3
    network = model.network
    classifies = model.task == "classification" and model.predictor.kind == "logits"
    return network is not None and is_real and classifies


@dataclass(frozen=True)
class NetworkSignals(Step):
    """Curvature, or gradients, of every record that is attacked or compared with.

    Attributes:
        model: under audit.
        curvature: whether it is the curvature; else norms of gradients.
        probes: random directions of the curvature.
        step: of the curvature.
        seed: of the study.
        index: int64 ``[N + Q]``, rows of members, then of non-members behind them.
    """

    model: AuditedModel
    curvature: bool
    probes: int
    step: float
    seed: int
    index: IntArray

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """``tables/curvature.parquet`` or ``tables/white_box.parquet``."""
        return f"tables/{'curvature' if self.curvature else 'white_box'}/model.parquet"

    def build(self, path: Path) -> None:
        """Write a column a signal."""
        network = self.model.network
        assert network is not None
        everything = joined_records(self.model.members, self.model.non_members)
        asked = everything.take(self.index)
        scale = self._scale(network)
        what = "measure the curvature" if self.curvature else "take gradients"
        parts: list[dict[str, FloatArray]] = []
        starts = range(0, len(asked), BATCH)
        for start in track(starts, what, len(starts), "batch"):
            rows = np.arange(start, min(start + BATCH, len(asked)))
            inputs = network.to_inputs(asked.inputs.read(rows))
            assert asked.targets is not None
            labels = torch.from_numpy(asked.targets[rows]).to(inputs.device)
            with full_float32(inputs.device):
                measure = self._curvature if self.curvature else _gradients
                parts.append(measure(network, inputs, labels, scale, self.index[rows]))
        columns: dict[str, Any] = {"index": self.index}
        for kind in parts[0]:
            columns[kind] = np.concatenate([part[kind] for part in parts])
        write_table(path, columns)

    def _curvature(
        self,
        network: NetworkPredictor,
        inputs: Tensor,
        labels: Tensor,
        scale: Tensor,
        index: IntArray,
    ) -> dict[str, FloatArray]:
        seed = derive(self.seed, "curvature")
        flat, forward = _as_images(network, inputs)
        numbers = 2 * flat[0].numel()
        directions = (
            rademacher(seed, "curvature", "identity", probe, index, numbers)
            for probe in range(self.probes)
        )
        curvature = zeroth_order_curvature(
            forward, flat, labels, directions, self.step, scale, rows=BATCH
        )
        with torch.inference_mode():
            logits = forward(flat)
        floor = resolution(logits, labels, self.step)
        return {"log_curvature": torch.maximum(curvature, floor).log().numpy()}

    def _scale(self, network: NetworkPredictor) -> Tensor:
        """Return one unit of a step, ``[channels or 1, 1, 1]``, or ``[features, 1, 1]``."""
        if isinstance(network.module, ImageModel):
            return network.module.std
        count = min(SCALE_RECORDS, len(self.model.members))
        inputs = network.to_inputs(self.model.members.inputs.read(np.arange(count)))
        axes = (0, 2, 3) if inputs.ndim == 4 else (0,)
        spread = inputs.std(axes, correction=0)
        spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        return spread.reshape(-1, 1, 1)


def _as_images(network: NetworkPredictor, inputs: Tensor) -> tuple[Tensor, Any]:
    """Return inputs as ``[b, channels, H, W]``, and the network as a function of such."""
    shape = inputs.shape[1:]

    def forward(images: Tensor) -> Tensor:
        return network.to_outputs(run(network.module, images.reshape(len(images), *shape)))

    return (inputs if inputs.ndim == 4 else inputs.reshape(len(inputs), -1, 1, 1)), forward


def _gradients(
    network: NetworkPredictor, inputs: Tensor, labels: Tensor, scale: Tensor, index: IntArray
) -> dict[str, FloatArray]:
    """Return the norms of the loss gradient by the input and by the last layer's weights."""
    flat, forward = _as_images(network, inputs)
    by_input = input_gradient_norm(forward, flat, labels, scale.to(flat))
    with torch.inference_mode(), Penultimate(network.module) as penultimate:
        logits = network.to_outputs(run(network.module, inputs))
        features = penultimate.take(logits, len(inputs)).double()
    column = labels[:, None]
    rest = -torch.sigmoid(-margin(logits.double(), labels))
    miss = logits.double().softmax(1).scatter(1, column, rest[:, None]).norm(dim=1)
    by_weights = miss * (features.square().sum(1) + 1).sqrt()
    return {
        "input_gradient": by_input.double().cpu().numpy(),
        "parameter_gradient": by_weights.cpu().numpy(),
    }
