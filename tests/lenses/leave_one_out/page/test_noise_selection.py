import pytest

from imprint.lenses.leave_one_out.noise_findings import (
    CriterionCurve,
    CriterionMaximum,
    NoiseRanking,
    NoiseSelection,
)
from imprint.lenses.leave_one_out.page.noise_selection import (
    agreement,
    choice_texts,
    criteria_curves,
    ranking_table,
)
from imprint.stats.estimate import Estimate


def selection(distance: float, at_edge: bool = False) -> NoiseSelection:
    one = Estimate(1.0, (1.0, 1.0), 50)
    divergences = (one, Estimate(0.98, (0.97, 0.99), 50))
    distances = (one, Estimate(distance, (distance - 0.1, distance + 0.01), 50))
    table = ((1.0, distance), (distance, 1.0))
    return NoiseSelection(
        "density",
        True,
        CriterionMaximum(0.2, 0.3, -50.0, -1.0, at_edge),
        CriterionMaximum(0.3, 0.25, -49.0, -1.1, False),
        CriterionCurve((1e-4, 0.1, 1.0), (-80.0, -51.0, -60.0), (-2.0, -1.05, -1.5)),
        NoiseRanking(
            (0.2, 1.0), ("density", ""), (-50.0, -60.0), (-1.0, -1.5), table, table,
            divergences, distances,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("distance", "words"),
    [(0.96, "rank the records nearly alike"), (0.55, "Which records stand out depends on it")],
)
def test_the_verdict_is_of_the_measure_that_agrees_least(distance, words):
    text = agreement(selection(distance))
    assert words in text
    assert (
        f"{distance:.2f} [{distance - 0.1:.2f}, {distance + 0.01:.2f}] for mean distances" in text
    )


def test_a_choice_at_an_end_of_the_range_is_named():
    assert "the first without a maximum inside" in str(choice_texts(selection(0.9, True))[0])
    assert "without a maximum" not in str(choice_texts(selection(0.9))[0])


def test_the_curves_touch_zero_at_the_choices_and_the_table_has_a_row_per_variance():
    figure = criteria_curves(selection(0.9), 50, 50)
    assert [max(series.y) for series in figure.series] == [0, 0]
    assert len(ranking_table(selection(0.9)).rows) == 2
