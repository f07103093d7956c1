"""The verdict of the coverage lens in a line, for the front page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.coverage.ablation_findings import AblationFindings
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    CriterionFinding,
    MonitorFindings,
    WisdomFindings,
    read_findings,
)
from imprint.lenses.coverage.impartiality_findings import ImpartialityFindings
from imprint.lenses.coverage.page.ablation import ablation_headline, clear_methods
from imprint.lenses.coverage.page.figures import main_cells
from imprint.lenses.coverage.page.impartiality import following, impartiality_headline
from imprint.lenses.coverage.page.section import LENS
from imprint.lenses.coverage.page.tables import in_page_order
from imprint.lenses.coverage.page.test_choice import best_order, selection_headline
from imprint.lenses.coverage.page.test_choice import headline as prioritisation_headline
from imprint.lenses.coverage.selection_findings import PrioritisationFindings, SelectionFindings
from imprint.report.lens import LENSES, Lens, LensVerdict
from imprint.report.wording import count, fixed, percent, plural, quantity
from imprint.stats.estimate import Estimate

RANDOM_APFD = 0.5


def coverage_verdicts(lenses: Mapping[str, Any]) -> Sequence[LensVerdict]:
    """Return what a measurement, a ranking of neurons or a monitor found."""
    if LENS not in lenses:
        return ()
    findings = read_findings(lenses[LENS], "summary.json")
    if isinstance(findings, CoverageFindings):
        return [_measured(findings)]
    if isinstance(findings, MonitorFindings):
        new = findings.monitor.new
        expected = f"expected of inputs like those in training: {percent(expected_new(findings))}"
        return [
            LensVerdict(
                "Some test inputs are in cells that no training input reaches"
                if new.value > 0
                else "Every test input is in a cell that a training input reaches",
                new.low > expected_new(findings),
                f"of the test inputs; {expected}",
                new,
            )
        ]
    if isinstance(findings, PrioritisationFindings):
        return [_ordered(findings)]
    if isinstance(findings, AblationFindings):
        ablation = findings.ablation
        return [LensVerdict(ablation_headline(ablation), bool(clear_methods(ablation)))]
    if isinstance(findings, ImpartialityFindings):
        impartiality = findings.impartiality
        return [LensVerdict(impartiality_headline(impartiality), bool(following(impartiality)))]
    if isinstance(findings, SelectionFindings):
        selection = findings.selection
        share = selection.value / selection.value_of_all if selection.value_of_all else 1.0
        number = f"of the {selection.criterion.upper()} coverage of all tests"
        return [LensVerdict(selection_headline(selection), True, number, share)]
    by = "by votes of attributions" if isinstance(findings, WisdomFindings) else "by attribution"
    return [LensVerdict(f"Neurons were ranked {by}", found=False)]


def expected_new(findings: MonitorFindings) -> float:
    """Return the share of inputs like those in training that are in new cells."""
    return findings.monitor.expected_new


def _ordered(findings: PrioritisationFindings) -> LensVerdict:
    name = best_order(findings)
    value = None if name is None else findings.measured[name].apfd
    if not isinstance(value, Estimate):
        return LensVerdict(prioritisation_headline(findings), found=False)
    return LensVerdict(
        prioritisation_headline(findings),
        value.low > RANDOM_APFD,
        f"APFD of {name}; {RANDOM_APFD} is expected of a random order",
        value,
        write=fixed(2),
    )


def _measured(findings: CoverageFindings) -> LensVerdict:
    cells, measured = main_cells(findings), findings.measured
    if cells is not None:
        reached, total = cells.training_cells_reached, cells.training_cells
        return LensVerdict(
            "The tests reach all patterns of important neurons that training shows"
            if reached == total
            else "The tests leave out patterns of important neurons that training shows",
            reached < total,
            f"of the patterns reached: {count(reached)} of {count(total)}",
            cells.training_share,
        )
    criteria = plural(len(measured), "criterion was", "criteria were")
    if not measured:
        return LensVerdict("No criterion could be measured", found=False)
    name = in_page_order(measured)[0]
    value, is_share = _estimate(measured[name])
    return LensVerdict(
        f"{criteria} measured",
        found=False,
        number=f"{name.upper()}, of its ceiling" if is_share else name.upper(),
        value=value,
        write=percent if is_share else quantity,
    )


def _estimate(finding: CriterionFinding) -> tuple[Estimate | float, bool]:
    """Return the value as a share of its ceiling where it has one, and whether it has."""
    ceiling = finding.ceiling if finding.normalised is not None else None
    value = finding.value if ceiling is None else finding.value / ceiling
    if isinstance(finding.ci95, Missing):
        return value, ceiling is not None
    low, high = (end / (ceiling or 1.0) for end in finding.ci95)
    return Estimate(value, (low, high), finding.n), ceiling is not None


LENSES.register(LENS)(
    Lens(
        "Coverage",
        "Which behaviours of the model does a test set exercise?",
        "imprint coverage measure",
        50,
        (LENS,),
        coverage_verdicts,
    )
)
