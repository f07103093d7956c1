import pytest

from imprint.core.missing import Missing
from imprint.lenses.dejavu.depth_findings import DepthFindings, MemberGap, ProbedDepths
from imprint.lenses.dejavu.page.depths import (
    accuracy_figure,
    depths_table,
    depths_verdict,
    gaps_figure,
    more_accuracies,
)
from imprint.stats.estimate import Estimate


def gap(value, reach=0.02):
    return MemberGap(
        Estimate(0.5 + value, (0.5, 0.9), 100),
        Estimate(0.5, (0.4, 0.6), 100),
        Estimate(value, (value - reach, value + reach), 200),
    )


def findings(*gaps):
    """Return two depths with (gap of the probe, gap of the attack) each."""
    depths = [
        DepthFindings(
            name, 8, gap(probe), gap(0.0), gap(0.01), gap(attack) if attack is not None else NONE
        )
        for name, (probe, attack) in zip(("backbone", "projector_1"), gaps, strict=True)
    ]
    return ProbedDepths("m", 5, "l2", "maxrect", 40, tuple(depths))


NONE = Missing("no member has a background crop")


@pytest.mark.parametrize(
    ("gaps", "statement", "value", "found"),
    [
        (((0.1, 0.3), (0.0, 0.4)), "The probe misses what the attack finds: the gap", 0.4, True),
        (((0.3, 0.1), (0.1, 0.4)), "The probe points to another depth than the attack", 0.4, True),
        (((0.3, 0.4), (0.1, 0.1)), "Probe and attack point to the same depth: a gap of", 0.4, True),
        (
            ((0.3, 0.0), (0.1, 0.01)),
            "The gap of the probe is overfitting, not déjà vu: its",
            0.01,
            True,
        ),
        (((0.0, 0.0), (0.0, 0.01)), "Neither the probe nor the attack tells members", 0.01, False),
        (
            ((0.2, None), (0.3, None)),
            "The gap of the probe between members and non-members",
            0.3,
            True,
        ),
    ],
)
def test_the_verdict_says_whether_the_probe_reveals_what_the_attack_does(
    gaps, statement, value, found
):
    verdict = depths_verdict(findings(*gaps))
    assert verdict.statement.startswith(statement)
    assert verdict.gap.value == pytest.approx(value)
    assert verdict.found is found


def test_the_table_holds_every_depth_and_says_what_is_missing():
    records = depths_table(findings((0.1, 0.2), (0.3, None))).records()
    assert [row["depth"] for row in records] == ["backbone", "projector 1"]
    assert records[0]["attack_gap"] == pytest.approx(0.2)
    assert records[1]["attack_gap"] is None
    assert len(more_accuracies(findings((0.1, 0.2), (0.3, 0.1))).records()) == 2


@pytest.mark.parametrize("attack", [0.2, None])
def test_figures_draw_with_and_without_the_attack(attack):
    probed = findings((0.1, attack), (0.3, attack))
    names = {series.name for series in gaps_figure(probed).series}
    assert ("attack on crops" in names) == (attack is not None)
    for figure in (gaps_figure(probed), accuracy_figure(probed)):
        assert "<svg" in str(figure.html())
