"""The step that measures criteria on activations, and the choice of criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.lenses.coverage.findings import CoverageFindings, NeuronChoice
from imprint.lenses.coverage.measure.coverage_findings import coverage_findings
from imprint.lenses.coverage.options import CorrectOnly, CriteriaChoice
from imprint.neurons.activations import ActivationTable
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

ALL = "all"


@dataclass(frozen=True)
class MeasureCoverage(Step):
    """Every criterion on the test activations: ``coverage/findings.json``.

    Attributes:
        settings: of each criterion by its name.
        choices: what chose the neurons of IDC and WISDOM.
        source: fingerprints of what the activations were made from.
        correct_only: which inputs were kept only where classified correctly.
        seed: of the order of inputs.
        gaps: whether to look for ranges that tests never reach.
        train: activations of training inputs, if there are any.
        test: of test inputs.
    """

    settings: Mapping[str, Any]
    choices: Mapping[str, NeuronChoice]
    source: Mapping[str, str]
    correct_only: CorrectOnly
    seed: int
    gaps: bool
    train: ActivationTable | None = uncounted()
    test: ActivationTable = uncounted()

    artefact = "coverage"

    def build(self, path: Path) -> None:
        """Measure."""
        path.mkdir(exist_ok=True)
        findings = coverage_findings(
            self.train, self.test, self.settings, self.choices, self.seed, self.gaps
        )
        write_finding(path / "findings.json", replace(findings, correct_only=self.correct_only))

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
            f"--param sets {idle[0]!r}, which is not measured: add it to --criteria, or leave "
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
