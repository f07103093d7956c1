"""``coverage measure``: from activations, or a network and its images, to findings and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.options import (
    CorrectOnly,
    MeasureOptions,
    NetworkTestChoice,
)
from imprint.lenses.coverage.study.criteria import MeasureCoverage, settings_of
from imprint.lenses.coverage.study.gallery import SavePictures
from imprint.lenses.coverage.study.inputs import (
    ImageSets,
    open_network,
    open_sets,
    tables_from_arrays,
    tap_options,
)
from imprint.lenses.coverage.study.network import AuditedNetwork, TakeActivations
from imprint.lenses.coverage.study.neurons import NeuronRanking, check_choice, check_tables
from imprint.lenses.coverage.study.parts import PARTS, part_findings
from imprint.lenses.coverage.study.search import SearchClusterer
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import only_correct
from imprint.report.model_facts import ModelAccuracy, ModelFacts, network_facts
from imprint.report.summary import finish
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion
from imprint.study.finding import to_json
from imprint.study.hashing import hash_file
from imprint.study.options import Common
from imprint.study.plain import JsonObject
from imprint.study.store import Study

LENS = "coverage"
NEEDS_PREDICTIONS = (
    "{} needs the predictions of a network, which --arrays does not hold: leave it out"
)


def measure_study(options: MeasureOptions) -> JsonObject:
    """Measure the chosen criteria, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    _check(options, settings)
    study = Study(options.out)
    with study.locked():
        source = _from_arrays(options) if options.arrays else _from_network(study, options)
        train, test = keep_correct(source.train, source.test, options.correct_only)
        members = None
        if source.sets is not None and train is not None and train.index is not None:
            members = replace(source.sets.train, index=train.index)
        ranking = NeuronRanking(
            study, test.layers, source.network, members, options, options, options.seed
        )
        settings, choices = ranking.fill(settings)
        has_images = source.network is not None
        made_from = (source.fingerprints, options.correct_only, options.seed)
        step = MeasureCoverage(settings, choices, *made_from, has_images, train, test)
        findings = step.findings(study)
        if options.per:
            scores, classifier = ranking.scores()
            scopes = part_findings(options.per, train, test, settings["idc"], scores, classifier)
            findings = replace(findings, scopes=scopes)
        if options.search:
            search = SearchClusterer(
                settings["idc"], options.search_trials, *made_from, train, test
            )
            findings = replace(findings, search=search.result(study))
        if source.sets is not None:
            study.run(SavePictures(source.sets.images, study))
        lenses = {LENS: to_json(findings)}
        return finish(study, options, source.facts, lenses, source.model_facts())


@dataclass(frozen=True, eq=False)
class _Source:
    """Where activations come from.

    Attributes:
        train: of training inputs, if there are any.
        test: of test inputs.
        fingerprints: of what they were made from.
        facts: of the data, for the summary.
        network: that made them; None where they came from a file.
        sets: images it was shown, likewise.
    """

    train: ActivationTable | None
    test: ActivationTable
    fingerprints: Mapping[str, str]
    facts: JsonObject
    network: AuditedNetwork | None = None
    sets: ImageSets | None = None

    def model_facts(self) -> ModelFacts | None:
        """Return what the summary says of the network; None of arrays."""
        if self.network is None:
            return None
        accuracy = ModelAccuracy(
            members=None if self.train is None else accuracy_on(self.train),
            tests=accuracy_on(self.test),
        )
        return network_facts(self.network.file, accuracy)


def accuracy_on(table: ActivationTable) -> Estimate | None:
    """Return the share of inputs whose class the network names; None where it is not known."""
    if table.labels is None or table.predictions is None or not len(table):
        return None
    return proportion(int((table.labels == table.predictions).sum()), len(table))


def _from_arrays(options: MeasureOptions) -> _Source:
    assert options.arrays is not None
    train, test = tables_from_arrays(options.arrays)
    facts = {"name": options.arrays.name}
    return _Source(train, test, {"arrays": hash_file(options.arrays)}, facts)


def _from_network(study: Study, options: MeasureOptions) -> _Source:
    sets = open_sets(options)
    network = open_network(options, sets.images)
    steps = [
        TakeActivations(network, view, tap_options(options), options.storage, part)
        for part, view in (("train", sets.train), ("test", sets.test))
    ]
    train, test = (step.table(study) for step in steps)
    fingerprints = {step.part: study.hash_of(step.artefact) for step in steps}
    return _Source(train, test, fingerprints, sets.facts(), network, sets)


def keep_correct(
    train: ActivationTable | None, test: ActivationTable, which: CorrectOnly
) -> tuple[ActivationTable | None, ActivationTable]:
    """Return the tables without the inputs that the network misclassifies.

    Raises:
        ImprintError: it is not known which these are, or no input is left.
    """
    if train is not None and which in ("build", "both"):
        train = only_correct(train)
    return train, only_correct(test) if which in ("eval", "both") else test


def _check(options: MeasureOptions, settings: Mapping[str, Any]) -> None:
    """Refuse options that do not fit before other work begins.

    Raises:
        ImprintError: which, and why.
    """
    check_choice(options)
    check_tables(options)
    for part in options.per:
        if part not in PARTS:
            raise ImprintError(f"--per must be among {', '.join(PARTS)}, got {part!r}")
    if (options.per or options.search) and "idc" not in settings:
        raise ImprintError("--per and --search use the neurons of idc: add it to --criteria")
    if (options.arrays is None) == (options.model is None):
        raise ImprintError(
            "give either --arrays, activations in an .npz file, or --model, the weights of a "
            "network, with --members and --tests"
        )
    if options.arrays is None:
        return
    defaults, common = NetworkTestChoice(out=options.out), vars(Common(out=options.out))
    for name, default in vars(defaults).items():
        if name not in common and getattr(options, name) != default:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to a network, not to --arrays: leave it out")
    if options.search:
        raise ImprintError(NEEDS_PREDICTIONS.format("--search"))
    if options.correct_only != "none":
        raise ImprintError(NEEDS_PREDICTIONS.format("--correct-only"))
