"""``coverage measure --fitted`` and ``coverage merge``: tests measured by criteria of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.findings import CoverageFindings
from imprint.lenses.coverage.fits.fitted_file import (
    FittedFile,
    MeasuredSets,
    read_fitted,
    read_seen,
    write_seen,
)
from imprint.lenses.coverage.fits.fitted_tests import check_fitted_choice, open_fitted_tests
from imprint.lenses.coverage.fits.options import MergeOptions
from imprint.lenses.coverage.measure.coverage_findings import findings_of
from imprint.lenses.coverage.measure.fitted_criteria import (
    SeenCoverage,
    judged_by,
    merge_seen,
)
from imprint.lenses.coverage.options import CorrectOnly, MeasureOptions
from imprint.lenses.coverage.study.per_input import WritePerInput
from imprint.lenses.coverage.study.seen_in_tasks import see_tests_of_step
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import only_correct
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.hashing import hash_arrays
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study

ARTEFACT = "coverage"
SEEN_FILE = "seen.safetensors"


def measure_fitted_study(options: MeasureOptions) -> JsonObject:
    """Measure tests by fitted criteria, and write the report; return ``summary.json``.

    Raises:
        ImprintError: bad data, another network, options that do not fit, or a study made with
            other settings.
    """
    assert options.fitted is not None
    check_fitted_choice(options)
    held = read_fitted(options.fitted)
    earlier = [read_measured(folder, held) for folder in options.earlier]
    study = Study(options.out)
    with study.locked():
        source = open_fitted_tests(study, options, held)
        test = source.test
        if options.correct_only == "eval":
            test = only_correct(test)
        judged = judged_by(test, options.class_of_tests)
        fingerprint = _fingerprint(test)
        own = MeasuredSets((fingerprint,), options.correct_only == "eval", judged is not test)
        sets = joined_sets([*(sets for _, sets in earlier), own])
        before = [seen for seen, _ in earlier]
        step = MeasureFitted(held.digest, sets, options.seed, held, judged, before)
        findings = read_finding(CoverageFindings, study.run(step) / "findings.json")
        if options.per_input:
            made_from = {"fitted": held.digest, "tests": fingerprint}
            kinds = (options.correct_only, options.class_of_tests)
            study.run(WritePerInput(held.fitted.settings, made_from, *kinds, held, test))
        lenses = {"coverage": to_json(findings)}
        return finish(study, options, source.facts, lenses, source.model_facts())


def merge_study(options: MergeOptions) -> JsonObject:
    """Merge measurements, and write the report; return ``summary.json``.

    Raises:
        ImprintError: measurements by other criteria or of the same tests, or a study made with
            other settings.
    """
    held = read_fitted(options.fitted)
    parts = [read_measured(folder, held) for folder in options.studies]
    sets = joined_sets([sets for _, sets in parts])
    study = Study(options.out)
    with study.locked():
        step = MergeMeasured(held.digest, sets, held, [seen for seen, _ in parts])
        findings = read_finding(CoverageFindings, study.run(step) / "findings.json")
        names = ", ".join(Path(folder).name for folder in options.studies)
        facts: JsonObject = {"name": names, "trained_on": held.context.trained_on}
        return finish(study, options, facts, {"coverage": to_json(findings)})


def read_measured(folder: str, held: FittedFile) -> tuple[SeenCoverage, MeasuredSets]:
    """Return what a study measured with fitted criteria.

    Raises:
        ImprintError: it holds no such measurement, or one by other criteria.
    """
    return read_seen(Path(folder) / ARTEFACT / SEEN_FILE, held)


@dataclass(frozen=True)
class MeasureFitted(Step):
    """Tests measured by fitted criteria: ``coverage``.

    ``findings.json`` and ``seen.safetensors``, what the criteria saw of these and earlier tests.
    """

    fitted: str
    sets: MeasuredSets
    seed: int
    held: FittedFile = uncounted()
    test: ActivationTable = uncounted()
    seen: Sequence[SeenCoverage] = uncounted()

    artefact = ARTEFACT
    resumable = True

    def build(self, path: Path) -> None:
        """Measure, and merge with earlier measurements."""
        first = int(self.sets.fingerprints[-1][:16], 16)
        path.mkdir(exist_ok=True)
        fitted = self.held.fitted
        seen = see_tests_of_step(self.artefact, path, fitted, self.test, self.seed, first)
        write_measured(path, self.held, merge_seen([*self.seen, seen]), self.sets)


@dataclass(frozen=True)
class MergeMeasured(Step):
    """Measurements of several sets of tests as one: ``coverage``, as of :class:`MeasureFitted`."""

    fitted: str
    sets: MeasuredSets
    held: FittedFile = uncounted()
    seen: Sequence[SeenCoverage] = uncounted()

    artefact = ARTEFACT

    def build(self, path: Path) -> None:
        """Merge."""
        write_measured(path, self.held, merge_seen(list(self.seen)), self.sets)


def write_measured(path: Path, held: FittedFile, seen: SeenCoverage, sets: MeasuredSets) -> None:
    """Write the findings of what fitted criteria saw, and what they saw."""
    path.mkdir(exist_ok=True)
    findings = findings_of(held.fitted, seen, held.context.choices)
    kept: CorrectOnly = "none"
    if held.context.correct_only or sets.correct_only:
        both = held.context.correct_only and sets.correct_only
        kept = "both" if both else ("build" if held.context.correct_only else "eval")
    findings = replace(findings, correct_only=kept, by_prediction=sets.by_prediction or None)
    write_finding(path / "findings.json", findings)
    write_seen(path / SEEN_FILE, seen, held, sets)


def joined_sets(measured: Sequence[MeasuredSets]) -> MeasuredSets:
    """Return the sets of tests of several measurements together.

    Raises:
        ImprintError: two are of the same tests, or some left misclassified tests out, or judged
            tests by predicted classes, and others did not.
    """
    first = measured[0]
    if any(sets.correct_only != first.correct_only for sets in measured):
        kinds = "all tests and of correctly classified ones"
    elif any(sets.by_prediction != first.by_prediction for sets in measured):
        kinds = "tests by given and by predicted classes"
    else:
        fingerprints = tuple(each for sets in measured for each in sets.fingerprints)
        if len(set(fingerprints)) < len(fingerprints):
            raise ImprintError(
                "two of the measurements are of the same tests, which would count twice: leave one "
                "out"
            )
        return replace(first, fingerprints=fingerprints)
    raise ImprintError(f"measurements of {kinds} do not merge: give those of one kind")


def _fingerprint(test: ActivationTable) -> str:
    labels = np.empty(0, dtype=np.int64) if test.labels is None else test.labels
    return hash_arrays(np.asarray(test.values), labels)
