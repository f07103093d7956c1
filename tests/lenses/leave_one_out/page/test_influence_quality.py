import pytest

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_quality_findings import (
    Correlations,
    InfluenceQuality,
    InfluenceQualityFindings,
    QualityCeiling,
)
from imprint.lenses.leave_one_out.page.influence_quality import (
    quality_note,
    quality_table,
    score_figure,
    verdict_statement,
)
from imprint.stats.estimate import Estimate

NONE = Missing("too few")


def findings(score, correlation=NONE, pairs=0):
    both = correlation if isinstance(correlation, Missing) else Correlations(*[correlation] * 2)
    row = InfluenceQuality(score, both, NONE)
    ceiling = QualityCeiling(Estimate(0.8, (0.7, 0.9), 9), NONE, NONE)
    return InfluenceQualityFindings(20, 10, 9, 8, pairs, 5, 1, None, {"my_table": row}, ceiling)


@pytest.mark.parametrize(
    ("score", "correlation", "found", "words"),
    [
        (Estimate(0.3, (0.1, 0.5), 9), NONE, True, "my table predicts retrained models: LDS 0.30"),
        (Estimate(0.1, (-0.1, 0.3), 9), NONE, False, "does not predict retrained models beyond"),
        (Estimate(-0.3, (-0.5, -0.1), 9), NONE, False, "predicts the opposite, check its sign"),
        (NONE, Estimate(0.3, (0.1, 0.5), 9), True, "predicts retrained models: leave-one-out ρ"),
        (NONE, NONE, False, "too few to compare influence with"),
    ],
)
def test_verdict_follows_the_interval(score, correlation, found, words) -> None:
    assert verdict_statement(findings(score, correlation))[0] is found
    assert words in verdict_statement(findings(score, correlation))[1]


def test_ceiling_stands_below_the_tables_and_a_figure_needs_a_score() -> None:
    table = quality_table(findings(Estimate(0.3, (0.1, 0.5), 9)))
    assert [row[0] for row in table.rows] == ["my table", "noise ceiling"]
    assert score_figure(findings(NONE)) is None
    assert "of 5 records, from 15 pairs of models" in quality_note(findings(NONE, pairs=15))
    assert "the mean over models with it less that over" in quality_note(findings(NONE))
