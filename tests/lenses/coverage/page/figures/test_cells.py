from dataclasses import replace

import pytest

from imprint.core.missing import Missing
from imprint.lenses.coverage.measure.rarefaction import CellEstimate
from imprint.lenses.coverage.page.figures.cells import (
    asymptotic_coverage,
    ceiling_bars,
    main_cells,
    more_tests,
    rarefaction_lines,
)
from tests.lenses.coverage.made_findings import CELLS, FINDINGS


def test_bars_are_shares_of_the_ceiling_with_their_intervals() -> None:
    bars = ceiling_bars(FINDINGS)
    assert bars is not None
    assert [(bar.name, bar.value) for bar in bars.bars] == [("IDC", 0.5), ("CC", 0.016913)]
    assert (bars.bars[0].low, bars.bars[0].high) == (0.4, 0.6)
    assert bars.bars[1].low is None
    assert ceiling_bars(replace(FINDINGS, criteria={})) is None


def test_the_curve_meets_its_extrapolation_at_the_tests_there_are() -> None:
    lines = rarefaction_lines(CELLS)
    expected, extrapolated = lines.series
    assert list(expected.x) == [1, 8]
    assert list(extrapolated.x) == [8, 16, 24]
    assert [level.value for level in lines.levels] == [6.0, 5.0]
    assert lines.svg().startswith("<svg")


def test_a_missing_interval_of_the_asymptote_gives_its_reason_and_no_band() -> None:
    estimate = CellEstimate(4.0, Missing("too few"), 8)
    rarefaction = replace(CELLS.rarefaction, estimated=estimate)
    assert "(no interval: too few)" in asymptotic_coverage(rarefaction)
    assert not rarefaction_lines(replace(CELLS, rarefaction=rarefaction)).areas


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (0.0, "90% of these are reached."),
        (7.0, "About 7 more tests would reach 90% of these."),
        (1e6, "90% of these would need far more tests."),
    ],
)
def test_the_number_of_further_tests_is_given_unless_far_too_large(
    more: float, sentence: str
) -> None:
    assert more_tests(replace(CELLS.rarefaction, more=more)) == sentence


def test_cells_of_idc_go_before_those_of_wisdom() -> None:
    assert main_cells(FINDINGS) is CELLS
    assert main_cells(replace(FINDINGS, cells={"wisdom": CELLS})) is CELLS
    assert main_cells(replace(FINDINGS, cells={})) is None
