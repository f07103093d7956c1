"""What the terminal shows of a fit, or of retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.influence_quality_findings import GivenModelFindings
from imprint.lenses.leave_one_out.page.fit import LENS, fit_table, path_table
from imprint.lenses.leave_one_out.page.influence import influence_lines, read_influence
from imprint.lenses.leave_one_out.page.influence_quality import KEY, show_quality
from imprint.lenses.leave_one_out.page.retraining import show_retraining
from imprint.lenses.leave_one_out.retraining_findings import TruthFindings
from imprint.report.terminal import TERMINAL, Printed
from imprint.study.finding import from_json


@TERMINAL.register(LENS)
def show_leave_one_out(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return the headline numbers of a fit, or of retraining and the comparison with it."""
    if KEY in lens:
        given = from_json(GivenModelFindings, lens, "summary.json")
        return show_quality(given.influence_quality)
    if "retraining" in lens:
        return show_retraining(from_json(TruthFindings, lens, "summary.json"))
    findings = from_json(FitFindings, lens, "summary.json")
    tables: list[Printed] = [fit_table(findings)]
    if findings.noise_path is not None:
        tables.append(path_table(findings))
    influence = read_influence(lens)
    return tables if influence is None else [*tables, *influence_lines(influence)]
