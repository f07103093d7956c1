"""Adversarial inputs of a set of images, kept with how often they succeed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.perturb.adversarial import BATCH, AttackOptions, attack
from imprint.perturb.noise import Inputs
from imprint.probe.signals.precision import full_float32
from imprint.reading.regular import check_regular
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table

INPUTS, RECORDS = "inputs.npy", "records.parquet"
MEANINGS = {
    "index": "of the image",
    "label": "its class, which the network named before",
    "prediction": "the class that the network names now",
    "largest_change": "of a value, in units of [0, 1]",
    "euclidean_change": "in units of [0, 1]",
    "changed_pixels": "pixels any channel of which changed",
}


class AttackedNetwork(Protocol):
    """A network with the hash of weights and card, for a step's card."""

    @property
    def model(self) -> ImageModel:
        """The network on its device."""
        ...

    def fingerprint(self) -> str:
        """Return the hash."""
        ...


@dataclass(frozen=True, eq=False)
class AdversarialSet:
    """Adversarial inputs, one for each image that was attacked.

    Attributes:
        inputs: float32 ``[n, channels, H, W]`` in [0, 1]; may be a memory map.
        index: int64 ``[n]``, of the images.
        labels: int64 ``[n]``, their classes.
        predictions: int64 ``[n]``, what the network names.
    """

    inputs: Inputs
    index: IntArray
    labels: IntArray
    predictions: IntArray

    @property
    def fooling(self) -> BoolArray:
        """Which of them the network gets wrong, bool ``[n]``."""
        return np.asarray(self.predictions != self.labels)

    @property
    def success(self) -> Estimate | Missing:
        """The share that the network gets wrong."""
        if not len(self.index):
            return Missing("the network names the class of no image that could be attacked")
        return proportion(int(self.fooling.sum()), len(self.index))


@dataclass(frozen=True)
class AttackImages(Step):
    """Adversarial inputs of images that a network classifies correctly: ``adversarial/ATTACK``.

    ``inputs.npy`` and ``records.parquet`` have a row each; see :class:`AdversarialSet`.

    Attributes:
        network: under attack.
        view: images, each of a class that the network names.
        attack: name of the attack.
        options: of it.
        seed: of what it draws.
    """

    network: AttackedNetwork
    view: View
    attack: str
    options: AttackOptions
    seed: int

    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the inputs go."""
        return f"adversarial/{self.attack}"

    def build(self, path: Path) -> None:
        """Attack batch after batch; a batch that is there stays."""
        path.mkdir(exist_ok=True)
        starts = range(0, len(self.view), BATCH)
        parts = [path / f"part_{start:08d}.npy" for start in starts]
        work = list(zip(starts, parts, strict=True))
        for start, part in track(work, f"attack by {self.attack}", len(work), "batch"):
            if not part.exists():
                inputs = self._attacked(slice(start, start + BATCH))
                with replacing(part) as temporary, temporary.open("wb") as file:
                    np.save(file, inputs)
        size, channels = self.network.model.input_size, self.network.model.channels
        none = np.empty((0, channels, size, size), dtype=np.float32)
        joined = np.concatenate([none, *(_read(part) for part in parts)])
        with replacing(path / INPUTS) as temporary, temporary.open("wb") as file:
            np.save(file, joined)
        write_table(path / RECORDS, self._records(joined), MEANINGS)
        for part in parts:
            part.unlink()

    def set(self, study: Study) -> AdversarialSet:
        """Return the adversarial inputs, made unless they are there.

        Raises:
            ImprintError: ART is not installed, or what is there is damaged.
        """
        folder = study.run(self)
        table = read_table(folder / RECORDS)
        inputs = _read(folder / INPUTS)
        if len(inputs) != len(table["index"]):
            raise ImprintError(f"{folder} is damaged: delete it and run again")
        return AdversarialSet(inputs, table["index"], table["label"], table["prediction"])

    def _attacked(self, rows: slice) -> Inputs:
        view = self.view.rows(rows)
        clean = clean_inputs(self.network.model, view)
        seed = derive(self.seed, "attack", rows.start)
        return attack(self.network.model, clean, view.labels, self.attack, self.options, seed)

    def _records(self, inputs: Inputs) -> Mapping[str, NDArray[np.generic]]:
        model = self.network.model
        largest, euclidean, changed, named = [], [], [], []
        for start in range(0, len(inputs), BATCH):
            rows = slice(start, start + BATCH)
            change = inputs[rows] - clean_inputs(model, self.view.rows(rows))
            largest.append(np.abs(change).max((1, 2, 3)))
            euclidean.append(np.sqrt(np.square(change, dtype=np.float64).sum((1, 2, 3))))
            changed.append((change != 0).any(1).sum((1, 2)))
            named.append(predict(model, inputs[rows]))
        whole = np.empty(0, dtype=np.int64)
        real = np.empty(0, dtype=np.float64)
        return {
            "index": self.view.index,
            "label": self.view.labels,
            "prediction": np.concatenate([whole, *named]),
            "largest_change": np.concatenate([real, *largest]),
            "euclidean_change": np.concatenate([real, *euclidean]),
            "changed_pixels": np.concatenate([whole, *changed]),
        }


def clean_inputs(model: ImageModel, view: View) -> Inputs:
    """Return images as the network takes them, float32 ``[n, channels, H, W]`` in [0, 1]."""
    pixels = view.read(model.input_size).pixels
    return model.to_inputs(pixels).contiguous().cpu().numpy()


def predict(model: ImageModel, inputs: Inputs) -> IntArray:
    """Return the class that a network names for each input, int64 ``[n]``."""
    model.eval()
    with torch.no_grad(), full_float32(model.device):
        logits = model(torch.from_numpy(inputs).to(model.device))
    return np.asarray(logits.argmax(1).cpu().numpy())


def _read(file: Path) -> Inputs:
    try:
        check_regular(file)
        return cast("Inputs", np.load(file, mmap_mode="c", allow_pickle=False))
    except Exception as error:  # the header is an expression, and may be any
        raise ImprintError(
            f"{file} cannot be read ({error}): delete its folder and run again"
        ) from error
