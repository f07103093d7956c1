"""One pass of the model under audit over a set of records, for every lens at once.

Outputs, penultimate features and activations of every layer come from the same forward pass, each
record once. They are written as the artefact ``observed/PART``, which lenses read.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.records.records import Records
from imprint.nets.predictor.module import run
from imprint.nets.predictor.penultimate import Penultimate
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.neurons.activations import ActivationTable, Layers
from imprint.observation.audited_model import AuditedModel
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.probe.record_outputs import (
    SMALLEST_PROBABILITY,
    RecordSignals,
    as_logits,
    record_signals,
)
from imprint.probe.signals.precision import full_float32
from imprint.study.counted import uncounted
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step

BATCH = 256
OUTPUTS, FEATURES, ACTIVATIONS, LAYERS = (
    "outputs.npy",
    "features.npy",
    "activations.npy",
    "layers.json",
)


@dataclass(frozen=True)
class Wanted:
    """What a lens wants to know of records beside the model's outputs.

    Attributes:
        features: the input of the last layer.
        activations: every neuron of the layers that ``taps`` chooses.
        taps: which layers, and what a neuron is.
    """

    features: bool = False
    activations: bool = False
    taps: TapOptions = TapOptions()  # noqa: RUF009  # frozen

    def __or__(self, other: Wanted) -> Wanted:
        """Return what either wants."""
        taps = self.taps if self.activations else other.taps
        return Wanted(self.features or other.features, self.activations or other.activations, taps)


@dataclass(frozen=True)
class ObserveRecords(Step):
    """Run the model once over one set of records.

    Attributes:
        model: under audit.
        records: the set.
        wanted: what to keep beside outputs.
        part: what the set is to the model: members, non_members or tests.
    """

    model: AuditedModel
    records: Records
    wanted: Wanted
    part: str = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the tables go."""
        return f"observed/{self.part}"

    def build(self, path: Path) -> None:
        """Write ``outputs.npy`` and what else is wanted."""
        path.mkdir(exist_ok=True)
        files: dict[str, NDArray[Any]] = {}
        layers: Layers | None = None
        network = self.model.network
        what = f"run the model on {self.part.replace('_', '-')}"
        for rows, inputs in self.records.batches(BATCH, what):
            targets = None if self.records.targets is None else self.records.targets[rows]
            if network is None:
                seen = {OUTPUTS: self.model.predictor.predict(inputs, targets)}
            else:
                seen, layers = observe_batch(network, inputs, self.wanted)
            for name, values in seen.items():
                if name not in files:
                    shape = (len(self.records), *values.shape[1:])
                    files[name] = open_memmap(path / name, "w+", values.dtype, shape)
                files[name][rows] = values
        for values in files.values():
            values.flush()  # type: ignore[attr-defined]  # a memory map
        if layers is not None:
            described = {"names": layers.names, "widths": layers.widths, "kinds": layers.kinds}
            write_json(path / LAYERS, described)


def observe_batch(
    network: NetworkPredictor, inputs: NDArray[Any], wanted: Wanted
) -> tuple[dict[str, NDArray[Any]], Layers | None]:
    """Return outputs, features and activations of a batch by file, and its layers.

    One forward pass, whatever is wanted.

    Raises:
        ImprintError: the network does not take these inputs, or has no features.
    """
    module, layers = network.module, None
    tensor = network.to_inputs(inputs)
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(full_float32(tensor.device))
        penultimate = stack.enter_context(Penultimate(module)) if wanted.features else None
        taps = stack.enter_context(Taps(module, wanted.taps)) if wanted.activations else None
        result = run(module, tensor)
        outputs = network.to_outputs(result)
        seen = {OUTPUTS: outputs}
        if penultimate is not None:
            seen[FEATURES] = penultimate.take(outputs, len(inputs))
        if taps is not None:
            batch = taps.take()
            layers, seen[ACTIVATIONS] = batch.layers, batch.values
    return {name: values.float().cpu().numpy() for name, values in seen.items()}, layers


@dataclass(frozen=True, eq=False)
class Observed:
    """What one pass of the model said of a set of records.

    Attributes:
        records: the set.
        model: under audit.
        outputs: float ``[n, c]``, or ``[n]`` of losses; a memory map.
        features: float32 ``[n, d]``; None where not wanted.
        activations: of every neuron; None where not wanted.
    """

    records: Records
    model: AuditedModel
    outputs: NDArray[Any]
    features: NDArray[np.float32] | None
    activations: ActivationTable | None

    def __len__(self) -> int:
        return len(self.outputs)

    def logits(self) -> FloatArray:
        """Return the outputs as logits, float64 ``[n, c]``; real values of regression."""
        model = self.model
        return as_logits(self.outputs, model.predictor.kind, model.task, model.predictor.name)

    def predictions(self) -> IntArray | None:
        """Return the predicted classes, int64 ``[n]``; None but for classification."""
        if self.model.task != "classification" or self.model.predictor.kind == "losses":
            return None
        return np.asarray(self.logits().argmax(axis=1), dtype=np.int64)

    def signals(
        self, scale: float | None = None, floor: float = SMALLEST_PROBABILITY
    ) -> RecordSignals:
        """Return loss, φ, correctness and entropy of each record.

        Args:
            scale: of squared errors of regression, one for all sets.
            floor: what a probability of 0 counts as, one for all sets.
        """
        model = self.model
        return record_signals(
            self.outputs,
            self.records.targets,
            model.task,
            model.predictor.kind,
            model.predictor.name,
            scale,
            floor,
        )

    def require_features(self) -> NDArray[np.float32]:
        """Return the features.

        Raises:
            ImprintError: the model has none.
        """
        if self.features is None:
            raise ImprintError("the model is no PyTorch network, so its features are not known")
        return self.features


def read_observed(folder: Path, model: AuditedModel, records: Records) -> Observed:
    """Return what :class:`ObserveRecords` wrote; large arrays stay on the disk."""
    arrays = {
        # Copy on write, as tensors of read-only arrays are refused.
        name: np.load(folder / name, mmap_mode="c", allow_pickle=False)
        for name in (OUTPUTS, FEATURES, ACTIVATIONS)
        if (folder / name).exists()
    }
    for name, values in arrays.items():
        if len(values) != len(records):
            raise ImprintError(
                f"{folder / name} holds {len(values)} rows for {len(records)} records: delete "
                f"{folder} and run again"
            )
    observed = Observed(records, model, arrays[OUTPUTS], arrays.get(FEATURES), None)
    if ACTIVATIONS not in arrays:
        return observed
    content = cast("dict[str, list[Any]]", read_json(folder / LAYERS))
    layers = Layers(*(tuple(content[key]) for key in ("names", "widths", "kinds")))
    index = records.images.index if records.images is not None else np.arange(len(records))
    table = ActivationTable(
        layers, arrays[ACTIVATIONS], records.labels, index, observed.predictions()
    )
    return Observed(records, model, observed.outputs, observed.features, table)
