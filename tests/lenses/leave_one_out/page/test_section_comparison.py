import numpy as np

from imprint.lenses.leave_one_out.page.comparison_plots import (
    correlations_by_estimator,
    estimate_and_truth,
)
from imprint.lenses.leave_one_out.page.section_comparison import _order, _row, _verdict
from imprint.stats.estimate import Estimate


def found(value, **facts):
    told = {"value": value, "ci95": [value - 0.1, value + 0.1], "n": 60}
    return {
        "facts": facts,
        "cpu_seconds": 0.5,
        "peak_bytes": None,
        "difference": {"spearman": told, "pearson": told},
        "auc": {"missing": "why not"},
        "datamodeling": {"missing": "why not"},
    }


def test_a_row_says_what_is_missing_and_what_did_not_converge():
    row = _row("influence_lissa", found(0.4, unconverged="a residual of 2 is left"))
    assert (row["auc"], row["datamodeling"], row["megabytes"]) == (None, None, None)
    assert row["note"] == "a residual of 2 is left"
    nothing = _row("gradient_cosine", {**found(0.4), "difference": {"missing": "always 1"}})
    assert sorted([nothing, row], key=_order)[0] is row


def test_the_verdict_is_that_of_the_closed_form_chosen_beforehand():
    told = ("found", "Closed form and retraining rank records alike: Spearman 0.80 [0.70, 0.90]")
    assert _verdict(_row("lood_nngp_0.05", found(0.8))) == told
    assert _verdict(_row("lood_nngp_0.05", found(0.05)))[0] == "nothing"
    assert _verdict(None)[0] == "nothing"


def test_plots_say_what_they_show():
    rows = [("lood nngp 0.05", Estimate(0.8, (0.7, 0.9), 60), True)]
    drawn = correlations_by_estimator(rows, 0.95)
    assert 'aria-label="Rank correlations: lood nngp 0.05 0.80. Noise ceiling 0.95."' in drawn
    line = np.linspace(0.1, 1, 10)
    assert "Pearson&#x27;s correlation 1.00" in estimate_and_truth(line, 2 * line, 0.1 * line)
