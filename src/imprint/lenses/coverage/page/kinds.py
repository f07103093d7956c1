"""How each kind of findings is shown: on the page, on the terminal and on the front page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.lenses.coverage.detectors.findings import DetectionFindings
from imprint.lenses.coverage.experiments.ablation_findings import AblationFindings
from imprint.lenses.coverage.experiments.adversarial_findings import AdversarialFindings
from imprint.lenses.coverage.experiments.class_findings import ClassFindings
from imprint.lenses.coverage.experiments.cost_findings import CostFindings
from imprint.lenses.coverage.experiments.impartiality_findings import ImpartialityFindings
from imprint.lenses.coverage.experiments.sensitivity_findings import SensitivityFindings
from imprint.lenses.coverage.faults.findings import FuzzFindings
from imprint.lenses.coverage.findings import (
    ChosenFindings,
    CoverageFindings,
    Findings,
    ImportanceFindings,
    MonitorFindings,
    WisdomFindings,
    read_findings,
)
from imprint.lenses.coverage.fits.findings import FitFindings
from imprint.lenses.coverage.page import (
    ablation,
    adversarial,
    classes,
    cost,
    detection,
    fitted,
    fuzzing,
    impartiality,
    measured,
    measured_summary,
    novelty,
    ranked_neurons,
    sensitivity,
    test_choice,
)
from imprint.lenses.coverage.page.tables import importance_tables
from imprint.lenses.coverage.selection_findings import PrioritisationFindings, SelectionFindings
from imprint.report.blocks import Block
from imprint.report.lens import LensVerdict
from imprint.report.terminal import Printed


@dataclass(frozen=True)
class Kind:
    """How findings of one kind are shown.

    Attributes:
        blocks: of the page, from the findings, the folder of the study and the names of classes.
        lines: tables and sentences of the terminal.
        verdict: the main finding in a line.
    """

    blocks: Callable[[Any, Path, Sequence[str]], Iterable[Block]]
    lines: Callable[[Any], Iterable[Printed]]
    verdict: Callable[[Any], LensVerdict]


def _shown_by(
    blocks: Callable[[Any], Iterable[Block]],
    lines: Callable[[Any], Iterable[Printed]],
    verdict: Callable[[Any], LensVerdict],
    part: str = "",
) -> Kind:
    """Return a kind whose findings, or one attribute of them, are all that is shown."""

    def shown(findings: Findings) -> Any:
        return getattr(findings, part) if part else findings

    return Kind(
        lambda findings, root, classes: blocks(shown(findings)),
        lambda findings: lines(shown(findings)),
        lambda findings: verdict(shown(findings)),
    )


KINDS: Mapping[type[Findings], Kind] = {
    CoverageFindings: Kind(
        measured.coverage_blocks,
        measured_summary.coverage_lines,
        measured_summary.coverage_verdict,
    ),
    ImportanceFindings: _shown_by(
        ranked_neurons.importance_blocks, importance_tables, ranked_neurons.importance_verdict
    ),
    WisdomFindings: _shown_by(
        ranked_neurons.wisdom_blocks, ranked_neurons.wisdom_tables, ranked_neurons.wisdom_verdict
    ),
    ChosenFindings: _shown_by(
        ranked_neurons.chosen_blocks,
        ranked_neurons.chosen_tables,
        ranked_neurons.chosen_verdict,
        "chosen",
    ),
    MonitorFindings: _shown_by(
        novelty.novelty_blocks, novelty.novelty_lines, novelty.novelty_verdict, "monitor"
    ),
    PrioritisationFindings: _shown_by(
        test_choice.prioritisation_blocks,
        test_choice.prioritisation_lines,
        test_choice.prioritisation_verdict,
    ),
    SelectionFindings: _shown_by(
        test_choice.selection_blocks,
        test_choice.selection_lines,
        test_choice.selection_verdict,
        "selection",
    ),
    AblationFindings: _shown_by(
        ablation.ablation_blocks, ablation.ablation_lines, ablation.ablation_verdict, "ablation"
    ),
    ClassFindings: _shown_by(
        classes.class_blocks, classes.class_lines, classes.class_verdict, "by_class"
    ),
    FitFindings: _shown_by(fitted.fit_blocks, fitted.fit_lines, fitted.fit_verdict, "fit"),
    ImpartialityFindings: _shown_by(
        impartiality.impartiality_blocks,
        impartiality.impartiality_lines,
        impartiality.impartiality_verdict,
        "impartiality",
    ),
    SensitivityFindings: Kind(
        lambda findings, root, _: sensitivity.sensitivity_blocks(findings.sensitivity, root),
        lambda findings: sensitivity.sensitivity_lines(findings.sensitivity),
        lambda findings: sensitivity.sensitivity_verdict(findings.sensitivity),
    ),
    AdversarialFindings: _shown_by(
        adversarial.adversarial_blocks,
        adversarial.adversarial_lines,
        adversarial.adversarial_verdict,
        "adversarial",
    ),
    FuzzFindings: Kind(fuzzing.fuzzing_blocks, fuzzing.fuzzing_lines, fuzzing.fuzzing_verdict),
    DetectionFindings: _shown_by(
        detection.detection_blocks,
        detection.detection_lines,
        detection.detection_verdict,
        "detection",
    ),
    CostFindings: _shown_by(cost.cost_blocks, cost.cost_lines, cost.cost_verdict, "cost"),
}


def read_kind(lens: Mapping[str, Any]) -> tuple[Findings, Kind]:
    """Return ``lenses.coverage`` of a ``summary.json`` as findings, and how they are shown.

    Raises:
        ImprintError: it holds something else.
    """
    findings = read_findings(lens, "summary.json")
    return findings, KINDS[type(findings)]
