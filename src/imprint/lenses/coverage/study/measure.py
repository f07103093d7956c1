"""``coverage measure``: from activations, or a network and its images, to findings and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.fits.measure_fitted import measure_fitted_study
from imprint.lenses.coverage.options import (
    CorrectOnly,
    MeasureOptions,
)
from imprint.lenses.coverage.study.criteria import Fitting, MeasureCoverage, settings_of
from imprint.lenses.coverage.study.gallery import SavePictures
from imprint.lenses.coverage.study.parts import PARTS, part_findings
from imprint.lenses.coverage.study.per_input import WritePerInput
from imprint.lenses.coverage.study.search import SearchClusterer
from imprint.lenses.coverage.study.source import Source, check_source, open_source, ranking_of
from imprint.probe.neurons.activations import only_correct
from imprint.report.summary import finish
from imprint.study.finding import to_json
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
    if options.fitted is not None:
        return measure_fitted_study(options)
    settings = settings_of(options)
    _check(options, settings)
    study = Study(options.out)
    with study.locked():
        source = open_source(study, options)
        kept = keep_correct(source, options.correct_only)
        train, test = kept.train, kept.test
        ranking = ranking_of(study, kept, options)
        settings, choices = ranking.fill(settings)
        has_images = source.network is not None
        made_from = (source.fingerprints, options.correct_only, options.seed)
        fitting = Fitting(train, test.layers, settings, has_images)
        step = MeasureCoverage(
            settings, choices, *made_from, has_images, fitting, test, options.class_of_tests
        )
        findings = ranking.with_scores(step.findings(study))
        if options.per_input:
            kinds = (options.correct_only, options.class_of_tests)
            study.run(WritePerInput(settings, source.fingerprints, *kinds, fitting, test))
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


def keep_correct(source: Source, which: CorrectOnly) -> Source:
    """Return a source without the inputs that the network misclassifies.

    Raises:
        ImprintError: it is not known which these are, or no input is left.
    """
    if source.train is not None and which in ("build", "both"):
        source = replace(source, train=only_correct(source.train))
    if which in ("eval", "both"):
        source = replace(source, test=only_correct(source.test))
    return source


def _check(options: MeasureOptions, settings: Mapping[str, Any]) -> None:
    """Refuse options that do not fit before other work begins.

    Raises:
        ImprintError: which, and why.
    """
    for part in options.per:
        if part not in PARTS:
            raise ImprintError(f"--per must be among {', '.join(PARTS)}, got {part!r}")
    if (options.per or options.search) and "idc" not in settings:
        raise ImprintError("--per and --search use the neurons of idc: add it to --criteria")
    check_source(options)
    if options.earlier:
        raise ImprintError("--earlier merges measurements by fitted criteria: give --fitted")
    if options.arrays is None:
        return
    if options.search:
        raise ImprintError(NEEDS_PREDICTIONS.format("--search"))
    if options.correct_only != "none":
        raise ImprintError(NEEDS_PREDICTIONS.format("--correct-only"))
