"""The coverage step of an audit: what images of no training set exercise in one of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.lenses.coverage.study.gallery import gallery_step
from imprint.lenses.coverage.study.measure import settings_of
from imprint.lenses.coverage.study.neurons import Network, check_choice, with_neurons
from imprint.lenses.coverage.study.options import CoverageStep, TablesChoice
from imprint.lenses.coverage.study.study import LENS, coverage_step
from imprint.lenses.coverage.study.tables import Sets, activation_steps
from imprint.nets.load import NetworkFile, load_model
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.store import Study


def check_step(choice: CoverageStep) -> None:
    """Tell mistakes in the choice before other work begins.

    Raises:
        ImprintError: criteria, settings or attributions that do not exist, or a negative number of
            records.
    """
    if choice.records < 0:
        raise ImprintError(f"--coverage.records is {choice.records}: it must not be negative")
    settings_of(choice)
    check_choice(choice)


def audit_step(
    study: Study,
    images: ImageSet,
    checkpoint: str,
    sets: Mapping[str, IntArray],
    choice: CoverageStep,
    seed: int,
    device: torch.device,
    centre_fraction: float = 1.0,
) -> dict[str, Any]:
    """Return the findings by lens for one network, nothing when the step is skipped.

    Args:
        study: holds the network; gets ``activations``, ``importance``, ``wisdom``, ``coverage``.
        images: the set.
        checkpoint: weights of the network, as a path in the study.
        sets: int64 each: ``train``, images the network was trained on, and ``test``, images that
            no network was trained on.
        choice: of the step.
        seed: of the study.
        device: where to compute.
        centre_fraction: share of the shorter side of each image that the network was shown.

    Raises:
        ImprintError: criteria that do not exist, or options that do not fit.
    """
    if choice.skip:
        return {}
    settings = settings_of(choice)
    order = generator(seed, "coverage tests").permutation(sets["test"])
    tests = np.sort(order[: choice.records or len(sets["train"])])
    chosen = Sets(images, {"train": np.sort(sets["train"]), "test": tests}, centre_fraction)
    file = study.path(checkpoint)
    model, weights = load_model(file), NetworkFile(file).fingerprint()
    taps = TapOptions()
    tables = activation_steps(study, model, weights, chosen, taps, "float32", device)
    network = Network(model, weights, images, chosen.index["train"], device, centre_fraction)
    train, test = tables["train"], tables["test"]
    settings, neurons = with_neurons(
        study, settings, test.layers, network, choice, TablesChoice(), seed
    )
    made_with = {
        "source": {name: study.hash_of(f"activations/{name}") for name in tables},
        "correct_only": "none",
        "network": checkpoint,
    }
    findings = coverage_step(study, train, test, settings, neurons, made_with, seed, gaps=True)
    gallery_step(study, images)
    return {LENS: {**findings, "network": checkpoint}}
