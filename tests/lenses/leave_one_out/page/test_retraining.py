import numpy as np
import pytest

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_quality_findings import Correlations
from imprint.lenses.leave_one_out.page.retraining import (
    chosen_form,
    correlation_figure,
    estimator_table,
    line_figure,
    ranked,
    scatter_figure,
    show_retraining,
    verdict_statement,
)
from imprint.lenses.leave_one_out.retraining_findings import (
    ComparedCurve,
    ComparedCurves,
    ComparisonFindings,
    EstimatorRow,
    LineFindings,
    NetworkAccuracy,
    NoiseCeiling,
    RetrainingFindings,
    TruthFindings,
)
from imprint.stats.estimate import Estimate
from imprint.study.tables import write_table

NOTHING = Missing("why not")


def estimate(value):
    return Estimate(value, (value - 0.1, value + 0.1), 60)


def row(value, **facts):
    both = Correlations(estimate(value), estimate(value))
    difference = NOTHING if value is None else both
    return EstimatorRow(0.5, 0.5, None, facts, difference, NOTHING, NOTHING)


def missing_row(**facts):
    return EstimatorRow(0.5, 0.5, None, facts, NOTHING, NOTHING, NOTHING)


def comparison(**rows):
    return ComparisonFindings(rows, {}, None, "cpu")


def retraining():
    ceiling = NoiseCeiling(Correlations(estimate(0.9), estimate(0.95)), NOTHING)
    accuracy = NetworkAccuracy(estimate(0.8))
    return RetrainingFindings(
        20, 3, 10, {}, {}, (1.0, 1.0), accuracy, estimate(0.5), 0.1, estimate(0.7), 0.05, ceiling
    )


def test_a_row_says_what_is_missing_and_what_did_not_converge():
    compared = comparison(
        gradient_cosine=missing_row(no_self="always 1"),
        influence_lissa=row(0.4, unconverged="a residual of 2 is left"),
    )
    assert [name for name, _ in ranked(compared)] == ["influence_lissa", "gradient_cosine"]
    table = estimator_table(compared, retraining())
    assert table.rows[0][0].note == "a residual of 2 is left"
    assert table.rows[0][3:] == [NOTHING, NOTHING, 0.5, None]
    assert table.rows[-1][0] == "noise ceiling"
    shown = show_retraining(TruthFindings(retraining(), compared))
    assert "influence_lissa: a residual of 2 is left" in shown


def test_the_verdict_is_that_of_the_closed_form_chosen_beforehand():
    def statement(compared):
        form = chosen_form(compared)
        return verdict_statement(None if form is None else form[1])

    expected = "Closed form and retraining rank records alike: Spearman 0.80 [0.70, 0.90]"
    assert statement(comparison(**{"lood_nngp_0.05": row(0.8)})) == (True, expected)
    assert not statement(comparison(**{"lood_nngp_0.05": row(0.05)}))[0]
    assert "opposite order" in statement(comparison(**{"lood_nngp_0.05": row(-0.8)}))[1]
    assert not statement(None)[0]


def test_descriptions_of_figures_hold_their_numbers(tmp_path):
    figure = correlation_figure([("lood_nngp_0.05", estimate(0.8))], retraining())
    assert figure.description == "Rank correlations: lood nngp 0.05 0.80. Noise ceiling 0.95."
    line = np.linspace(0.1, 1, 10)
    columns = {"difference": 4 * line**2, "difference_error": 0.1 * line, "form": line}
    write_table(tmp_path / "comparison" / "records.parquet", {"index": np.arange(10), **columns})
    scatter = scatter_figure(tmp_path, "form")
    assert "Pearson's correlation 1.00" in scatter.description
    np.testing.assert_allclose(scatter.series[0].y, 2 * line)


@pytest.mark.parametrize(("name", "factor"), [("auc", 1.0), ("kl_out_in", 4.0)])
def test_the_closed_form_is_scaled_to_the_networks_but_for_the_auc(name, factor):
    curve = ComparedCurve((1.0, 2.0, 1.0), None, (0.25, 0.5, 0.25))
    curves = ComparedCurves(curve, curve)
    steps = (-1.0, 0.0, 1.0)
    findings = LineFindings(3, 2, 0.05, steps, {name: curves}, {name: 0.01})
    form, networks, *_ = line_figure(findings, name, curves).series
    assert list(form.y) == [factor * value for value in curve.closed_form]
    assert list(networks.y) == list(curve.networks)
