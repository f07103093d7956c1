"""``coverage measure --fitted`` and ``coverage merge``: tests measured by criteria of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.findings import CoverageFindings
from imprint.lenses.coverage.fit_options import MergeOptions
from imprint.lenses.coverage.measure.coverage_findings import findings_of
from imprint.lenses.coverage.measure.fitted_criteria import SeenCoverage, merge_seen, see_tests
from imprint.lenses.coverage.options import CorrectOnly, MeasureOptions
from imprint.lenses.coverage.study.fitted_file import (
    FittedFile,
    MeasuredSets,
    read_fitted,
    read_seen,
    write_seen,
)
from imprint.lenses.coverage.study.fitted_tests import check_fitted_choice, open_fitted_tests
from imprint.lenses.coverage.study.per_input import WritePerInput
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
        step = MeasureFitted(
            held.digest,
            (_fingerprint(test),),
            tuple(name for _, sets in earlier for name in sets.fingerprints),
            options.correct_only,
            options.seed,
            held,
            test,
            [seen for seen, _ in earlier],
        )
        findings = read_finding(CoverageFindings, study.run(step) / "findings.json")
        if options.per_input:
            made_from = {"fitted": held.digest, "tests": _fingerprint(test)}
            settings = held.fitted.settings
            study.run(WritePerInput(settings, made_from, options.correct_only, held, test))
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
    if len({sets.correct_only for _, sets in parts}) > 1:
        raise ImprintError(
            "--studies holds measurements of all tests and of correctly classified ones: merge "
            "those of one kind"
        )
    study = Study(options.out)
    with study.locked():
        step = MergeMeasured(
            held.digest,
            tuple(name for _, sets in parts for name in sets.fingerprints),
            parts[0][1].correct_only,
            held,
            [seen for seen, _ in parts],
        )
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
    tests: tuple[str, ...]
    earlier: tuple[str, ...]
    correct_only: CorrectOnly
    seed: int
    held: FittedFile = uncounted()
    test: ActivationTable = uncounted()
    seen: Sequence[SeenCoverage] = uncounted()

    artefact = ARTEFACT

    def build(self, path: Path) -> None:
        """Measure, and merge with earlier measurements."""
        fingerprints = (*self.earlier, *self.tests)
        require_different(fingerprints)
        first = int(self.tests[0][:16], 16)
        seen = see_tests(self.held.fitted, self.test, self.seed, first)
        whole = merge_seen([*self.seen, seen])
        write_measured(
            path, self.held, whole, MeasuredSets(fingerprints, self.correct_only == "eval")
        )


@dataclass(frozen=True)
class MergeMeasured(Step):
    """Measurements of several sets of tests as one: ``coverage``, as of :class:`MeasureFitted`."""

    fitted: str
    tests: tuple[str, ...]
    correct_only: bool
    held: FittedFile = uncounted()
    seen: Sequence[SeenCoverage] = uncounted()

    artefact = ARTEFACT

    def build(self, path: Path) -> None:
        """Merge."""
        require_different(self.tests)
        sets = MeasuredSets(self.tests, self.correct_only)
        write_measured(path, self.held, merge_seen(list(self.seen)), sets)


def write_measured(path: Path, held: FittedFile, seen: SeenCoverage, sets: MeasuredSets) -> None:
    """Write the findings of what fitted criteria saw, and what they saw."""
    path.mkdir(exist_ok=True)
    findings = findings_of(held.fitted, seen, held.context.choices)
    kept: CorrectOnly = "none"
    if held.context.correct_only or sets.correct_only:
        both = held.context.correct_only and sets.correct_only
        kept = "both" if both else ("build" if held.context.correct_only else "eval")
    write_finding(path / "findings.json", replace(findings, correct_only=kept))
    write_seen(path / SEEN_FILE, seen, held, sets)


def require_different(fingerprints: Sequence[str]) -> None:
    """Refuse to count the same tests twice.

    Raises:
        ImprintError: two sets of tests are the same.
    """
    if len(set(fingerprints)) < len(fingerprints):
        raise ImprintError(
            "two of the measurements are of the same tests, which would count twice: leave one out"
        )


def _fingerprint(test: ActivationTable) -> str:
    labels = np.empty(0, dtype=np.int64) if test.labels is None else test.labels
    return hash_arrays(np.asarray(test.values), labels)
