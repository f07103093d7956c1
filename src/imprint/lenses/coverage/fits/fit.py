"""``coverage fit``: criteria fitted to training data once, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imprint.core.arrays import IntArray
from imprint.data.choice import image_facts
from imprint.data.view import View
from imprint.lenses.coverage.fits.findings import FitFinding, FitFindings
from imprint.lenses.coverage.fits.fitted_file import FitContext, read_fitted, write_fitted
from imprint.lenses.coverage.fits.options import FitOptions
from imprint.lenses.coverage.measure.fitted_criteria import fit_criteria
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import (
    members_view,
    open_network,
    tap_options,
    training_from_arrays,
)
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking
from imprint.lenses.coverage.study.source import accuracy_on, check_source
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import only_correct
from imprint.report.model_facts import ModelAccuracy, ModelFacts, network_facts
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import to_json
from imprint.study.hashing import hash_file
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

FILE = "fitted.safetensors"


def fit_study(options: FitOptions) -> JsonObject:
    """Fit the chosen criteria, and write the report; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    check_source(options)
    study = Study(options.out)
    with study.locked():
        source = _open_training(study, options)
        if options.correct_only:
            source = replace(source, train=only_correct(source.train))
        ranking = NeuronRanking(
            study,
            source.train.layers,
            source.network,
            source.members,
            options,
            options,
            options.seed,
        )
        filled, choices = ranking.fill(settings)
        context = replace(source.context, choices=choices, correct_only=options.correct_only)
        step = FitCriteria(filled, context, source.fingerprints, source.train)
        file = study.run(step)
        lenses = {"coverage": to_json(FitFindings(_finding(file)))}
        return finish(study, options, source.facts, lenses, source.model_facts())


@dataclass(frozen=True, eq=False)
class _TrainingSource:
    """Where training activations come from; see ``study/source.py``."""

    train: ActivationTable
    fingerprints: Mapping[str, str]
    facts: JsonObject
    context: FitContext
    network: AuditedNetwork | None = None
    images: View | None = None

    @property
    def members(self) -> View | None:
        index: IntArray | None = self.train.index
        if self.images is None or index is None:
            return None
        return replace(self.images, index=index)

    def model_facts(self) -> ModelFacts | None:
        if self.network is None:
            return None
        return network_facts(self.network.file, ModelAccuracy(members=accuracy_on(self.train)))


def _open_training(study: Study, options: FitOptions) -> _TrainingSource:
    if options.arrays is not None:
        train = training_from_arrays(options.arrays)
        hashed = {"arrays": hash_file(options.arrays)}
        return _TrainingSource(train, hashed, {"name": options.arrays.name}, FitContext({}))
    view = members_view(options)
    network = open_network(options, view.images)
    taps = tap_options(options)
    step = TakeActivations(network, view, taps, options.storage, "train")
    train = step.table(study)
    context = FitContext(
        {},
        network.fingerprint(),
        tuple(view.images.classes),
        view.images.name,
        str(view.images.fingerprint()),
        taps,
        options.centre_fraction,
    )
    facts = image_facts(view.images)
    hashed = {"train": study.hash_of(step.artefact)}
    return _TrainingSource(train, hashed, facts, context, network, view)


@dataclass(frozen=True)
class FitCriteria(Step):
    """Criteria fitted to training activations: ``fitted.safetensors``."""

    settings: Mapping[str, Any]
    context: FitContext
    source: Mapping[str, str]
    train: ActivationTable = uncounted()

    artefact = FILE

    def build(self, path: Path) -> None:
        """Fit."""
        gaps = self.context.network is not None
        fitted = fit_criteria(self.train.layers, self.settings, self.train, gaps)
        write_fitted(path, fitted, self.context)


def _finding(file: Path) -> FitFinding:
    held = read_fitted(file)
    fitted, choices = held.fitted, held.context.choices
    reasons = {
        name: (choices[name].missing if name in choices else None) or reason
        for name, reason in fitted.missing.items()
    }
    return FitFinding(
        file.name,
        None if fitted.training is None else fitted.training.count,
        len(fitted.layers.names),
        fitted.layers.neurons,
        {name: to_json(each.options) for name, each in sorted(fitted.criteria.items())},
        reasons,
        {name: choice.source for name, choice in choices.items() if choice.source},
    )
