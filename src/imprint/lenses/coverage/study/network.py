"""The network under audit, inputs drawn for it, and its activations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.seeds import generator
from imprint.data.portion import portion
from imprint.data.records.records import Records
from imprint.data.view import View
from imprint.launch.shards import make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.nets.predictor.predictor import NetworkPredictor
from imprint.neurons.activations import ActivationTable
from imprint.probe.attribution.explained import Classifier, Inputs, why_not_explained
from imprint.probe.neurons.activations import (
    BATCH,
    Storage,
    join_activations,
    read_activations,
    write_activations,
)
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study

NO_LOGITS = (
    "the network has no classifier, so that no output can be attributed to neurons (one of your "
    "own declares it by a method features and a submodule classifier)"
)


class ExplainedNetwork(Protocol):
    """A network whose outputs may be attributed to its neurons; on a card, its fingerprint."""

    @property
    def model(self) -> Classifier:
        """The network on its device."""
        ...

    @property
    def unexplained(self) -> str | None:
        """Why no output can be attributed; None where it can."""
        ...

    @property
    def has_baseline(self) -> bool:
        """Whether some input says nothing, so that methods can start from it."""
        ...

    def fingerprint(self) -> str:
        """Return the hash of its weights."""
        ...


@dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A network of the user's with records of its kind.

    Attributes:
        model: on its device.
        records: such as it was trained on.
    """

    model: NetworkPredictor
    records: Records

    @property
    def unexplained(self) -> str | None:
        """Why no output can be attributed."""
        return why_not_explained(self.model, self.records)

    @cached_property
    def has_baseline(self) -> bool:
        """Whether it takes floats, not whole numbers."""
        one = self.records.inputs.read(np.arange(1))
        return self.model.to_inputs(one).is_floating_point()

    def fingerprint(self) -> str:
        """Return the hash of its weights."""
        return self.model.fingerprint()


@dataclass(frozen=True, eq=False)
class AuditedNetwork:
    """The network under audit, loaded when first used; on a card, the hash of weights and card."""

    file: NetworkFile
    device: torch.device

    @cached_property
    def model(self) -> ImageModel:
        """The network on its device, in evaluation mode."""
        return self.file.load(self.device)

    @property
    def unexplained(self) -> str | None:
        """Why no output can be attributed."""
        return None if self.model.has_logits else NO_LOGITS

    @property
    def has_baseline(self) -> bool:
        """Images have one."""
        return True

    def fingerprint(self) -> str:
        """Return the hash of weights and card."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return self.file.fingerprint()


def draw(view: View, count: int, seed: int, purpose: str) -> View:
    """Return images of a view in random order, at most ``count``; all for 0."""
    return view.rows(_order(len(view), count, seed, purpose))


def draw_inputs(inputs: Inputs, count: int, seed: int, purpose: str) -> Inputs:
    """Return images or records in random order, at most ``count``; all for 0."""
    rows = _order(len(inputs), count, seed, purpose)
    return inputs.rows(rows) if isinstance(inputs, View) else inputs.take(rows)


def _order(length: int, count: int, seed: int, purpose: str) -> IntArray:
    order = generator(seed, f"coverage {purpose}").permutation(length)
    return order[:count] if count else order


@dataclass(frozen=True)
class TakeActivations(Step):
    """Activations of a network on some images, from one pass: ``activations/PART``.

    Where passes are cut into tasks (:mod:`imprint.launch.shards`), a killed one goes on with the
    shards that are missing.
    """

    network: AuditedNetwork
    view: View
    taps: TapOptions
    storage: Storage = "float32"
    part: str = uncounted(default="train")

    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return f"activations/{self.part}"

    @property
    def what(self) -> str:
        """A few words for the progress bar."""
        return f"activations of the {self.part} images"

    def build(self, path: Path) -> None:
        """Run the network."""
        shards = shards_of(len(self.view), BATCH)
        if len(shards) == 1:
            self.write(path)
        else:
            self._in_shards(path, shards)
        remove_parts(path)

    def _in_shards(self, path: Path, shards: list[slice]) -> None:
        """Write the activations from those of shards."""
        parts = [
            ActivationsOfShard(
                AuditedNetwork(self.network.file, self.network.device),
                portion(self.view, rows),
                self.taps,
                self.storage,
                self.part,
                rows=rows,
            )
            for rows in shards
        ]
        batches = -(-len(self.view) // BATCH)
        folders = make_parts(self.artefact, path, parts, self.what, batches)
        join_activations(path, folders)

    def write(self, path: Path) -> None:
        """Write the activations from one pass of this process."""
        with of_one_task():
            write_activations(
                path, self.network.model, self.view, self.taps, self.what, self.storage
            )

    def table(self, study: Study) -> ActivationTable:
        """Return the table, taken unless it is there."""
        return read_activations(study.run(self))


@dataclass(frozen=True)
class ActivationsOfShard(TakeActivations):
    """Activations on a shard of the images.

    Attributes:
        rows: of the view.
    """

    rows: slice = uncounted(kw_only=True)

    resumable = False

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return name_of(self.rows)

    def build(self, path: Path) -> None:
        """Run the network."""
        self.write(path)
