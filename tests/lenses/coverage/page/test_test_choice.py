from imprint.core.missing import Missing
from imprint.lenses.coverage.page.test_choice import (
    best_of_each_kind,
    best_order,
    headline,
    order_table,
    selection_headline,
)
from imprint.lenses.coverage.selection_findings import (
    CoverageCurve,
    OrderFinding,
    PrioritisationFindings,
    SelectionFinding,
)
from imprint.stats.estimate import Estimate


def order(apfd: float, low: float, tenth: float) -> OrderFinding:
    found = (0.0,) * 5 + (tenth,) + (1.0,) * 45
    estimate = Estimate(apfd, (low, 0.99), 100)
    return OrderFinding(estimate, estimate, found)


FINDINGS = PrioritisationFindings(
    {
        "random": order(0.6, 0.4, 0.2),
        "deepgini": order(0.8, 0.7, 0.5),
        "entropy": order(0.79, 0.7, 0.5),
        "nc_total": order(0.55, 0.45, 0.1),
        "wisdom_total": Missing("no votes"),
    },
    100,
    10,
)


def test_the_best_order_is_named_and_never_the_random_one() -> None:
    assert best_order(FINDINGS) == "deepgini"
    assert headline(FINDINGS).startswith("The first tenth of the tests by deepgini holds 50%")
    assert best_of_each_kind(FINDINGS) == ["deepgini", "nc_total"]
    assert [str(row[0].value) for row in order_table(FINDINGS).rows] == [
        "deepgini", "entropy", "random", "nc_total",
    ]  # fmt: skip


def test_no_lead_is_claimed_that_the_interval_does_not_show() -> None:
    weak = PrioritisationFindings({"nc_total": order(0.55, 0.45, 0.1)}, 100, 10)
    assert headline(weak).startswith("No order finds")


def test_a_selection_in_one_sentence() -> None:
    curve = CoverageCurve((0, 2), (0.0, 0.4), (0.0, 0.2), (0.0, 0.1), (0.0, 0.3))
    chosen = SelectionFinding("kmnc", 50, 2, 0.4, 0.8, Estimate(0.2, (0.1, 0.3), 20), True, curve)
    assert selection_headline(chosen) == "2 tests of 50 reach 50% of the KMNC coverage of all"
