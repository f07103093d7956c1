"""The coverage step of an audit: what images of no training set exercise in one of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.seeds import generator
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.coverage.options import CoverageStep, TablesChoice
from imprint.lenses.coverage.study.criteria import Fitting, MeasureCoverage, settings_of
from imprint.lenses.coverage.study.gallery import SavePictures
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking, check_choice
from imprint.nets.load import NetworkFile
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.finding import to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study


def check_step(choice: CoverageStep) -> None:
    """Refuse mistakes in the choice before other work begins.

    Raises:
        ImprintError: criteria, settings or attributions that do not exist.
    """
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
) -> JsonObject:
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
    order = generator(seed, "coverage tests").permutation(sets["test"])
    tests = np.sort(order[: choice.records or len(sets["train"])])
    members = View(images, np.sort(sets["train"]), centre_fraction)
    network = AuditedNetwork(NetworkFile(study.path(checkpoint)), device)
    steps = [
        TakeActivations(network, view, TapOptions(), part=part)
        for part, view in (("train", members), ("test", replace(members, index=tests)))
    ]
    train, test = (step.table(study) for step in steps)
    ranking = NeuronRanking(study, test.layers, network, members, choice, TablesChoice(), seed)
    settings, choices = ranking.fill(settings_of(choice))
    source = {step.part: study.hash_of(step.artefact) for step in steps}
    fitting = Fitting(train, test.layers, settings, gaps=True)
    step = MeasureCoverage(settings, choices, source, "none", seed, True, fitting, test)
    findings = replace(ranking.with_scores(step.findings(study)), network=checkpoint)
    study.run(SavePictures(images, study))
    return {"coverage": to_json(findings)}
