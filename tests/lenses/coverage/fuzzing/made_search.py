"""A search on small images, with a network that is wrong about bright ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray
from imprint.lenses.coverage.criteria.nc import NeuronCoverage
from imprint.lenses.coverage.fuzzing.children import Breeder
from imprint.lenses.coverage.fuzzing.guide import Guide, guide_by
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS
from imprint.lenses.coverage.fuzzing.search import Outcome, Search, SearchOptions
from imprint.lenses.coverage.fuzzing.unique_faults import UniqueFaults
from imprint.lenses.coverage.fuzzing.validity import ChangeBounds
from imprint.neurons.activations import Batch, Layers

NAMES = ("shift", "rotate", "brightness", "noise")
LAYERS = Layers(("pixels",), (36,))
SEEDS = np.random.default_rng(0).integers(40, 160, (6, 1, 6, 6)).astype(np.uint8)
LABELS = np.zeros(6, dtype=np.int64)


class Mean:
    """Names class 1 of images whose mean exceeds a threshold; counts its forward passes."""

    def __init__(self, threshold: float = 125.0) -> None:
        self.threshold, self.passes = threshold, 0

    def __call__(self, images: Tensor) -> Outcome:
        self.passes += len(images)
        flat = images.flatten(1)
        bright = (flat.mean(1) > self.threshold).long().numpy()
        return Outcome(Batch(LAYERS, flat), bright, flat[:, :2].numpy() / 50)


class Labels:
    """The label of the seed is right."""

    def expected(self, images: Tensor, labels: IntArray) -> IntArray:
        return labels

    def confirms(self, images: Tensor, expected: IntArray) -> BoolArray:
        return np.ones(len(expected), dtype=bool)


def breeder(bounds: ChangeBounds | None = None, strength: float = 1.0) -> Breeder:
    mutations = [MUTATIONS.get(name)() for name in NAMES]
    return Breeder(mutations, bounds or ChangeBounds(), strength, 0, SEEDS, torch.device("cpu"))


def new_search(
    guide: Guide | None = None,
    budget: int = 100,
    seed: int = 0,
    bounds: ChangeBounds | None = None,
) -> Search:
    options = SearchOptions(budget, round_size=16, parents=4, depth=3, seed=seed)
    guided = guide_by(NeuronCoverage(LAYERS)) if guide is None else guide
    return Search(options, SEEDS, LABELS, breeder(bounds), guided, UniqueFaults(0.5, 2))
