"""The step that measures criteria on activations, and the choice of criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.lenses.coverage.findings import CoverageFindings, NeuronChoice
from imprint.lenses.coverage.measure.cell_details import details_of, with_details
from imprint.lenses.coverage.measure.coverage_findings import findings_of
from imprint.lenses.coverage.measure.fitted_criteria import (
    FittedCriteria,
    fit_criteria,
    judged_by,
)
from imprint.lenses.coverage.options import ClassOfTests, CorrectOnly, CriteriaChoice
from imprint.lenses.coverage.study.cell_tables import write_cell_tables
from imprint.lenses.coverage.study.seen_in_tasks import see_tests_of_step
from imprint.neurons.activations import ActivationTable, Layers
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

ALL = "all"


class Fitting:
    """Criteria that are fitted when a step first needs them.

    Args:
        train: activations of training inputs, if there are any.
        layers: of the network.
        settings: of each criterion by its name.
        gaps: whether gaps will be looked for.

    Attributes:
        train: as given.
    """

    def __init__(
        self,
        train: ActivationTable | None,
        layers: Layers,
        settings: Mapping[str, Any],
        gaps: bool = False,
    ) -> None:
        self.train = train
        self._fit = partial(fit_criteria, layers, settings, train, gaps)

    @cached_property
    def fitted(self) -> FittedCriteria:
        """The criteria."""
        return self._fit()


@dataclass(frozen=True)
class MeasureCoverage(Step):
    """Every criterion on the test activations: ``coverage``.

    ``findings.json``, and the tables of :mod:`imprint.lenses.coverage.study.cell_tables`.

    Attributes:
        settings: of each criterion by its name.
        choices: what chose the neurons of IDC and WISDOM.
        source: fingerprints of what the activations were made from.
        correct_only: which inputs were kept only where classified correctly.
        seed: of the order of inputs.
        gaps: whether to look for ranges that tests never reach.
        fitting: the criteria.
        test: activations of test inputs.
        class_of_tests: by which criteria judge them.
    """

    settings: Mapping[str, Any]
    choices: Mapping[str, NeuronChoice]
    source: Mapping[str, str]
    correct_only: CorrectOnly
    seed: int
    gaps: bool
    fitting: Fitting = uncounted()
    test: ActivationTable = uncounted()
    class_of_tests: ClassOfTests = "given"

    artefact = "coverage"
    resumable = True

    def build(self, path: Path) -> None:
        """Measure."""
        path.mkdir(exist_ok=True)
        judged = judged_by(self.test, self.class_of_tests)
        seen = see_tests_of_step(self.artefact, path, self.fitting.fitted, judged, self.seed)
        findings = replace(
            findings_of(self.fitting.fitted, seen, self.choices),
            correct_only=self.correct_only,
            by_prediction=True if judged is not self.test else None,
        )
        details = details_of(findings, self.fitting.fitted, self.fitting.train, judged)
        write_cell_tables(path, details)
        write_finding(path / "findings.json", with_details(findings, details))

    def findings(self, study: Study) -> CoverageFindings:
        """Return the findings, measured unless they are there."""
        return read_finding(CoverageFindings, study.run(self) / "findings.json")


def settings_of(choice: CriteriaChoice) -> Mapping[str, Any]:
    """Return the options of each chosen criterion, by name.

    Raises:
        ImprintError: an unknown criterion or option, or an impossible value.
    """
    names = choose_criteria(choice.criteria)
    texts = [f"{name}={value}" for group in choice.param for name, value in group]
    stated = parse_parameters(texts)
    idle = [name for name in stated if name not in names]
    if idle:
        raise ImprintError(
            f"--param sets {idle[0]!r}, which is not chosen: choose that criterion, or leave "
            "the setting out"
        )
    return {name: stated.get(name, CRITERIA.get(name).Options()) for name in names}


def choose_criteria(names: tuple[str, ...]) -> list[str]:
    """Return the criteria of these names, every one for ``all``.

    Raises:
        ImprintError: an unknown criterion, or no criterion.
    """
    if not names:
        raise ImprintError("--criteria is empty: name criteria, or all")
    if ALL in names:
        return CRITERIA.names()
    for name in names:
        CRITERIA.get(name)
    return sorted(set(names))
