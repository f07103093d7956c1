"""How far faults lie from ordinary images, on features of a network of the user's choice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.data.view import View
from imprint.lenses.coverage.faults.findings import FaultQuality
from imprint.lenses.coverage.faults.gallery import read_faults
from imprint.lenses.coverage.faults.network import as_float
from imprint.lenses.coverage.faults.oracles import as_inputs, resized
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.nets.image_model import ImageModel, Layer
from imprint.probe.signals.precision import full_float32
from imprint.stats.frechet import frechet_distance
from imprint.stats.inception import inception_score
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

DRAWS = 20
MIN_FAULTS = 2
BATCH_SIZE = 256


@dataclass(frozen=True)
class MeasuredQuality:
    """The content of the file."""

    quality: FaultQuality | Missing


@dataclass(frozen=True)
class MeasureQuality(Step):
    """Fréchet distance of unique faults and of as many seeds from the other seeds.

    Attributes:
        network: whose features are compared.
        seeds: of the search.
        side: of the images that the network under test sees.
        seed: of the seeds that are drawn.
    """

    network: AuditedNetwork
    seeds: View
    side: int
    seed: int
    study: Study = uncounted()

    artefact = "fuzzing_quality.json"
    inputs = ("fuzzing",)

    def build(self, path: Path) -> None:
        """Take the features, and compare."""
        faults = read_faults(self.study.path("fuzzing")).images
        count = min(len(faults), len(self.seeds) // 2)
        if count < MIN_FAULTS:
            reason = Missing("it needs two unique faults and four seeds")
            write_finding(path, MeasuredQuality(reason))
            return
        model = self.network.model
        of_faults, fault_classes = seen_by(model, faults[:count], "features of the faults")
        pixels = self.seeds.read(self.side).pixels
        of_seeds, seed_classes = seen_by(model, pixels, "features of the seeds")
        distances = np.array([self._compare(of_faults, of_seeds, draw) for draw in range(DRAWS)])
        low, high = np.quantile(distances[:, 1], [0.025, 0.975])
        quality = FaultQuality(
            network=self.network.file.path.name,
            images=count,
            distance=float(distances[:, 0].mean()),
            seed_distance=float(distances[:, 1].mean()),
            seed_low=float(low),
            seed_high=float(high),
            score=None if fault_classes is None else inception_score(fault_classes),
            seed_score=None if seed_classes is None else self._seed_score(seed_classes, count),
        )
        write_finding(path, MeasuredQuality(quality))

    def finding(self, study: Study) -> FaultQuality | Missing:
        """Return the distances, measured unless they are there."""
        return read_finding(MeasuredQuality, study.run(self)).quality

    def _compare(self, faults: FloatArray, seeds: FloatArray, draw: int) -> tuple[float, float]:
        """Return the distance of faults and of as many random seeds from the other seeds."""
        order = self._order(len(seeds), draw)
        drawn, others = seeds[order[: len(faults)]], seeds[order[len(faults) :]]
        return frechet_distance(faults, others), frechet_distance(drawn, others)

    def _order(self, seeds: int, draw: int) -> IntArray:
        return generator(self.seed, "fuzzing quality", draw).permutation(seeds)

    def _seed_score(self, classes: FloatArray, count: int) -> float:
        """Return the mean inception score of as many random seeds as there are faults."""
        orders = [self._order(len(classes), draw)[:count] for draw in range(DRAWS)]
        return float(np.mean([inception_score(classes[order]) for order in orders]))


def seen_by(model: ImageModel, pixels: Pixels, what: str) -> tuple[FloatArray, FloatArray | None]:
    """Return what a network has before its classifier, and its probabilities of classes.

    Args:
        model: on its device.
        pixels: uint8 ``[n, channels, H, W]``.
        what: a few words for the progress bar.

    Returns:
        float64 ``[n, d]``, and float64 ``[n, C]``, or None where there is no classifier.
    """
    model.place(model.device).eval()
    starts = range(0, len(pixels), BATCH_SIZE)
    layers: tuple[Layer, ...] = ("backbone", "logits") if model.has_logits else ("backbone",)
    parts: dict[str, list[FloatArray]] = {layer: [] for layer in layers}
    with torch.no_grad(), full_float32(model.device):
        for start in track(starts, what, len(starts), "batch"):
            images = as_inputs(as_float(pixels[start : start + BATCH_SIZE], model.device))
            seen = model.embed_layers(resized(images, model.input_size), layers)
            for layer in layers:
                parts[layer].append(seen[layer].flatten(1).double().cpu().numpy())
    joined = {layer: np.concatenate(part) for layer, part in parts.items()}
    logits = joined.get("logits")
    return joined["backbone"], None if logits is None else torch.from_numpy(logits).softmax(
        1
    ).numpy()
