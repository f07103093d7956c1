"""What the pages of sensitivity, adversarial inputs and cost say of made findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.ablation_findings import (
    AblatedSet,
    Ablation,
    ClassSpread,
    RandomDrop,
)
from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    AttackFindings,
    CoverageChange,
    Way,
)
from imprint.lenses.coverage.experiments.cost_findings import Cost, CriterionCost, Discrimination
from imprint.lenses.coverage.experiments.impartiality_findings import (
    AdversarialSets,
    CriterionCorrelation,
    Impartiality,
    SizeSpreads,
)
from imprint.lenses.coverage.experiments.sensitivity_findings import (
    NoiseAccuracy,
    NoiseCell,
    NoiseGain,
    Sensitivity,
)
from imprint.lenses.coverage.page.ablation import ablation_blocks, excess_intervals
from imprint.lenses.coverage.page.ablation_boxes import class_boxes, draw_boxes
from imprint.lenses.coverage.page.adversarial import (
    adversarial_headline,
    adversarial_lines,
    change_table,
    excess_figure,
    noticing,
)
from imprint.lenses.coverage.page.cost import cost_blocks, cost_headline, cost_lines
from imprint.lenses.coverage.page.cost_bars import coverage_bars, fit_bars, throughput_bars
from imprint.lenses.coverage.page.cost_discrimination import discrimination_figure
from imprint.lenses.coverage.page.impartiality_figures import (
    growth_curves,
    impartiality_figures,
    p_value_bars,
    size_correlations,
)
from imprint.lenses.coverage.page.noise_grid import grid_figures
from imprint.lenses.coverage.page.sensitivity import (
    difference_intervals,
    gain_table,
    sensitivity_headline,
    sensitivity_lines,
)
from imprint.lenses.coverage.page.share_curves import share_curves
from imprint.report.blocks import draw_block
from imprint.report.wording import short_percent
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import FiveNumbers
from imprint.stats.proportion import proportion


def about(value: float, reach: float = 0.5) -> Estimate:
    return Estimate(value, (value - reach, value + reach), 20)


def test_drops_beyond_random_neurons_are_drawn_by_number_of_neurons() -> None:
    matched = RandomDrop(0.1, 0.0, 0.2)
    by_method = {
        name: tuple(
            AblatedSet(size, about(0.3), matched, about(excess, 0.1), 0.03) for size in (6, 8)
        )
        for name, excess in (("lrp", 0.2), ("random", 0.0))
    }
    ablation = Ablation(50, proportion(45, 50), "zero", 30, by_method, {"6": matched, "8": matched})
    figure = excess_intervals(ablation)
    assert [group.title for group in figure.groups] == ["6 neurons", "8 neurons"]
    assert [(dot.name, dot.value) for dot in figure.groups[1].intervals] == [
        ("lrp", 0.2),
        ("random", 0.0),
    ]


def ablated(**drops: float) -> Ablation:
    """Six and eight neurons; classes lose from half to one and a half times the drop."""
    random = RandomDrop(0.1, 0.0, 0.2, FiveNumbers(0, 0.05, 0.1, 0.15, 0.3))
    by_method = {
        name: tuple(
            AblatedSet(
                size, about(drop, 0.1), random, about(drop - 0.1, 0.1), 0.03,
                ClassSpread(3, FiveNumbers(drop / 2, drop, drop, drop, 1.5 * drop), random.spread),
            )
            for size in (6, 8)
        )
        for name, drop in drops.items()
        if random.spread is not None
    }  # fmt: skip
    return Ablation(50, proportion(45, 50), "zero", 30, by_method, {"6": random, "8": random})


def test_random_draws_are_boxes_with_the_leading_neurons_marked() -> None:
    (figure,) = draw_boxes(ablated(lrp=0.2, ldl=0.6, la=0.1, lgs=0.4, lc=0.05))
    assert [group.name for group in figure.groups] == ["6", "8"]
    marks = {box.name: box.mark for box in figure.groups[1].boxes}
    assert marks == {"ldl": 0.6, "lgs": 0.4, "lrp": 0.2, "la": 0.1}
    assert {box.numbers.high for box in figure.groups[0].boxes} == {0.3}
    assert "8 neurons, leading against the mean of random ones: ldl +60.0" in figure.description


def test_classes_are_boxes_by_method_beside_random_neurons() -> None:
    ablation = ablated(lrp=0.2, ldl=0.6)
    (figure,) = class_boxes(ablation, "8")
    assert [group.name for group in figure.groups] == ["ldl", "lrp"]
    leading, random = figure.groups[1].boxes
    assert leading.numbers == FiveNumbers(0.1, 0.2, 0.2, 0.2, pytest.approx(0.3))
    assert (leading.mark, random.mark, random.numbers.quarter) == (0.2, 0.1, 0.05)
    page = "".join(str(draw_block(block)) for block in ablation_blocks(ablation))
    assert "By class, with more neurons" in page
    assert "coverage-ablation-classes-6" in page


def test_an_older_study_has_no_boxes() -> None:
    matched = RandomDrop(0.1, 0.0, 0.2)
    old = {"lrp": (AblatedSet(6, about(0.3), matched, about(0.2), 0.03),)}
    ablation = Ablation(50, proportion(45, 50), "zero", 30, old, {"6": matched})
    assert (draw_boxes(ablation), class_boxes(ablation, "6")) == ([], [])


def test_correlations_are_drawn_by_size_where_there_are_several() -> None:
    by_size = {"50": about(0.5, 0.1), "100": about(0.7, 0.1)}
    found = CriterionCorrelation(by_size, by_size, about(0.6, 0.1))
    findings = Impartiality(200, 3, (50, 100), 60, (0.0, 1.0), {"nc": found, "cc": Missing("why")})
    figure = size_correlations(findings)
    assert figure is not None
    assert [group.title for group in figure.groups] == ["50 tests", "100 tests"]
    assert [dot.value for group in figure.groups for dot in group.intervals] == [0.5, 0.7]
    assert size_correlations(replace(findings, sizes=(50,))) is None


def even_sets(**adjusted: float) -> Impartiality:
    """Criteria of correlation ½ over sets of 50 and of 100."""
    by_size = {"50": about(0.5, 0.1), "100": about(0.5, 0.1)}
    criteria = {
        name: CriterionCorrelation(by_size, by_size, about(0.5, 0.1), p, p)
        for name, p in adjusted.items()
    }
    small, large = FiveNumbers(0, 1, 2, 3, 4), FiveNumbers(0, 6, 8, 10, 12)
    even = FiveNumbers(0.1, 0.4, 0.5, 0.6, 0.9)
    spreads = SizeSpreads((even, even), dict.fromkeys(criteria, (small, large)))
    return Impartiality(200, 3, (50, 100), 60, (0.0, 1.0), criteria, spreads)


def test_p_values_are_drawn_on_a_logarithmic_scale_beside_the_level() -> None:
    bars = p_value_bars(even_sets(nc=0.1, kmnc=1e-4, cc=1e-30).measured, "")
    assert bars is not None
    assert [(bar.name, bar.value, bar.colour) for bar in bars.bars] == [
        ("CC", 10, "target"),
        ("KMNC", pytest.approx(4), "target"),
        ("NC", pytest.approx(1), "muted"),
    ]
    assert [bar.text for bar in bars.bars] == ["< 10⁻¹⁰", "1.0 × 10⁻⁴", "0.1"]
    assert bars.level is not None
    assert bars.level.value == pytest.approx(np.log10(20))
    assert p_value_bars({}, "") is None


def test_coverage_and_evenness_are_drawn_by_size() -> None:
    findings = even_sets(nc=0.1)
    figure = growth_curves(findings)
    assert figure is not None
    (line,) = figure.series
    assert np.asarray(line.y) == pytest.approx([0.25, 1])
    assert np.asarray(line.high) == pytest.approx([0.375, 1.25])
    assert figure.below is not None
    assert np.asarray(figure.below.series[0].y) == pytest.approx([0.5, 0.5])
    assert growth_curves(replace(findings, spreads=None)) is None
    assert growth_curves(replace(findings, sizes=(50,))) is None


def test_adversarial_sets_have_figures_of_their_own() -> None:
    findings = even_sets(nc=0.1)
    clean = [figure.name for figure in impartiality_figures(findings)]
    made = AdversarialSets(
        "pgd", 0.1, 50, proportion(40, 50), (0.2, 0.7), findings.measured, {"nc": about(0.3, 0.1)}
    )
    both = [figure.name for figure in impartiality_figures(replace(findings, adversarial=made))]
    assert [name for name in both if name not in clean] == [
        "coverage-impartiality-adversarial",
        "coverage-impartiality-p-values-pgd",
        "coverage-impartiality-overall",
    ]


def gain(important: float, random: float, p: float) -> NoiseGain:
    difference = about(important - random)
    return NoiseGain(0.5, 0.01, about(important), about(random), difference, p, p, 0.0)


def noise(**criteria: NoiseGain | Missing) -> Sensitivity:
    accuracy = NoiseAccuracy(proportion(9, 10), about(0.8), about(0.85))
    return Sensitivity(10, "lrp", 20, 1024, 0.3, 20, accuracy, criteria)


@pytest.mark.parametrize(
    ("criteria", "sentence"),
    [
        (
            {"idc": gain(5, 2, 0.01)},
            "on important pixels adds more than noise on random ones to 1 of 1",
        ),
        ({"idc": gain(5, 2, 0.2)}, "to none of 1 criterion"),
        ({"idc": gain(2, 5, 0.01)}, "to none of 1 criterion; it adds less to 1"),
        (
            {"idc": gain(5, 2, 0.01), "nlc": gain(-2, -1, 0.01)},
            "to 1 of 2 criteria, and less to 1",
        ),
        ({"idc": Missing("why")}, "No criterion could be measured"),
    ],
)
def test_headlines_say_what_is_clear(
    criteria: dict[str, NoiseGain | Missing], sentence: str
) -> None:
    assert sentence in sensitivity_headline(noise(**criteria))


def test_a_difference_is_shown_as_a_share_of_both() -> None:
    findings = noise(idc=gain(5, 3, 1e-5), nlc=gain(-3, -1, 0.01), nbc=gain(0, 0, 1))
    figure = difference_intervals(findings)
    assert figure is not None
    assert {dot.name: dot.value for dot in figure.groups[0].intervals} == pytest.approx(
        {"IDC": 0.25, "NLC": -0.5}
    )
    assert difference_intervals(noise(nbc=gain(0, 0, 1))) is None
    table = gain_table(findings)
    assert table.rows[0][1] == pytest.approx(50)
    assert "10⁻⁵" in str(table.html())
    assert "idc missing: why" in sensitivity_lines(noise(idc=Missing("why")))


def test_a_grid_of_noise_is_drawn_by_deviation_or_by_share() -> None:
    findings = noise(idc=gain(5, 3, 1e-5))
    cells = tuple(
        NoiseCell(budget / 1000, budget, deviation, findings.accuracy, {"idc": about(deviation)})
        for budget in (20, 50)
        for deviation in (0.1, 0.3)
    )
    (figure,) = grid_figures(replace(findings, grid=cells))
    assert [line.name for line in figure.series] == ["20 pixels", "50 pixels"]
    assert figure.x.ticks == [(0.1, "0.1"), (0.3, "0.3")]
    assert np.asarray(figure.series[0].high) == pytest.approx([0.6, 0.8])
    (by_share,) = grid_figures(replace(findings, grid=cells[::2]))
    assert [line.name for line in by_share.series] == ["deviation 0.1"]
    assert by_share.x.ticks == [(0.02, "2%"), (0.05, "5%")]
    assert grid_figures(findings) == []
    assert grid_figures(replace(findings, grid=cells, criteria={"nc": Missing("why")})) == []


def change(way: Way, share: float, excess: float, p: float) -> CoverageChange:
    return CoverageChange(
        way, 100, share, round(100 * share), about(excess + 1), 0.1, 0.3, about(1), about(excess),
        p, p,
    )  # fmt: skip


def attacked(*by_attack: tuple[float, float]) -> AdversarialChanges:
    """Two shares each; excess and p of the larger one, the smaller is never clear."""
    attacks = {
        f"attack{number}": AttackFindings(
            50,
            proportion(25, 50),
            {
                "kmnc": tuple(
                    change(way, share, excess, p if share == 0.1 else 1.0)
                    for way in ("replace", "add")
                    for share in (0.05, 0.1)
                )
            },
        )
        for number, (excess, p) in enumerate(by_attack)
    }
    return AdversarialChanges(200, 0.1, 20, {"kmnc": 0.5}, {"kmnc": 10.0}, attacks, {})


def test_a_criterion_notices_if_it_rises_under_every_attack() -> None:
    assert noticing(attacked((2, 0.01), (1, 0.01))) == ["kmnc"]
    assert noticing(attacked((2, 0.01), (1, 0.2))) == []
    assert noticing(attacked((-2, 0.01))) == []
    two = adversarial_headline(attacked((2, 0.01), (1, 0.01)))
    assert two.startswith("1 of 1 criterion rises more with inputs of each of 2 attacks")
    assert adversarial_headline(attacked((2, 0.2))).startswith("None of 1 criterion rises")


def test_changes_are_shown_in_marks_and_as_shares_of_the_range() -> None:
    findings = attacked((2, 0.01))
    whole = change_table(findings, "attack0", "add")
    assert len(whole.rows) == 2
    assert whole.rows[0][7] == Estimate(4.0, (3.0, 5.0), 20)
    assert len(change_table(findings, "attack0", "add", every_share=False).rows) == 1
    figure = excess_figure(findings, "attack0", "add")
    assert figure.groups[0].intervals[0].value == pytest.approx(0.2)


def test_changes_are_drawn_against_the_share_of_inputs() -> None:
    findings = attacked((2, 0.01), (1, 0.01))
    first, second = share_curves(findings, ["kmnc"], "replace")
    assert (first.name, second.name) == (
        "coverage-adversarial-shares-attack0-replace-100",
        "coverage-adversarial-shares-attack1-replace-100",
    )
    assert first.x.ticks == [(0.05, "5%"), (0.1, "10%")]
    assert first.below is not None
    (moved,), (excess,) = first.series, first.below.series
    assert np.asarray(moved.y) == pytest.approx([0.3, 0.3])
    assert np.asarray(excess.y) == pytest.approx([0.2, 0.2])
    assert np.asarray(excess.low) == pytest.approx([0.15, 0.15])
    one = replace(
        findings.attacks["attack0"],
        changes={"kmnc": (change("add", 0.1, 2, 0.01),)},
    )
    assert not [*share_curves(replace(findings, attacks={"a": one}), ["kmnc"], "add")]


def test_figures_by_share_have_the_same_axes() -> None:
    findings = attacked((2, 0.01), (-4, 0.01))
    first, second = share_curves(findings, ["kmnc"], "add")
    assert (first.y, first.x.ticks) == (second.y, second.x.ticks)
    assert (first.y.title, first.y.write) == ("change", short_percent)
    # From -4 + 1 - 1/2 of 10 up to 2 + 1 + 1/2, and 6% of their distance on either side.
    assert (first.y.low, first.y.high) == pytest.approx((-0.35 - 0.042, 0.35 + 0.042))


def test_an_attack_that_does_not_succeed_is_told() -> None:
    none = AttackFindings(50, proportion(0, 50), {}, "0 adversarial inputs fool the network")
    findings = replace(attacked(), attacks={"fgsm": none})
    assert adversarial_headline(findings).startswith("No attack fools")
    assert "fgsm missing: 0 adversarial inputs fool the network" in adversarial_lines(findings)


def cost_of(**ratios: float) -> Cost:
    criteria = {
        name: CriterionCost(None, about(ratio / 2), ratio, 2**20, 2**21, 0.5)
        for name, ratio in ratios.items()
    }
    return Cost(
        10, 20, 8, 2, 30, "cpu", 1, 5, about(0.5), about(0.6), about(1.0), about(1.2), about(2.0),
        "lrp", about(0.05), criteria,
    )  # fmt: skip


def test_fits_and_throughput_are_drawn() -> None:
    cost = cost_of(nc=0.4, kmnc=0.8)
    assert fit_bars(cost) is None
    learning = replace(cost.measured["kmnc"], fit=about(3))
    fits = fit_bars(replace(cost, criteria={**cost.criteria, "kmnc": learning}))
    assert fits is not None
    assert [(bar.name, bar.value, bar.text) for bar in fits.bars] == [("KMNC", 3, "3 s")]
    rates = {bar.name: bar.value for bar in throughput_bars(cost).bars}
    assert rates == pytest.approx({"NC": 20 / (0.6 + 0.2), "KMNC": 20 / (0.6 + 0.4)})


def test_coverage_is_drawn_as_a_share_of_its_ceiling() -> None:
    cost = cost_of(nc=0.4, kmnc=0.8, nlc=0.1)
    assert coverage_bars(cost) is None
    bounded = {
        name: replace(cost.measured[name], value=value, ceiling=ceiling)
        for name, value, ceiling in (("nc", 0.3, 0.6), ("kmnc", 90.0, 100.0))
    }
    bars = coverage_bars(replace(cost, criteria={**cost.criteria, **bounded}))
    assert bars is not None
    assert [(bar.name, bar.value, bar.text) for bar in bars.bars] == [
        ("KMNC", 0.9, "90.0%"),
        ("NC", 0.5, "50.0%"),
    ]
    assert "Without a bound: NLC." in bars.caption


def test_criteria_that_no_cheaper_one_beats_are_named() -> None:
    told = {"nc": 0.1, "kmnc": 0.05, "idc": 0.4, "nlc": 0.4, "tknc": 0.9}
    shares = {name: about(value, 0.04) for name, value in told.items()} | {"tknc": about(0.9, 1)}
    found = Discrimination(20, "lrp", 5, shares)
    cost = cost_of(nc=0.1, kmnc=0.2, idc=0.5, nlc=2, tknc=3, lsc=1)
    figure = discrimination_figure(cost, found)
    assert figure is not None
    assert [label.text for label in figure.labels] == ["NC", "IDC"]
    beaten, front = figure.series
    assert np.asarray(beaten.x) == pytest.approx([0.2, 2, 3])
    assert np.asarray(front.y) == pytest.approx([0.1, 0.4])
    assert "left to right: NC, IDC." in figure.caption
    near = discrimination_figure(
        cost_of(nc=0.1, idc=0.2),
        replace(found, criteria={"nc": about(0.3, 0.1), "idc": about(0.4, 0.1)}),
    )
    assert near is not None
    assert [label.text for label in near.labels] == ["IDC"]
    assert discrimination_figure(cost_of(lsc=1), found) is None
    assert "coverage-cost-discrimination" in str(figure.svg())


def test_cost_is_told_as_a_multiple_of_the_forward_pass() -> None:
    cost = replace(cost_of(nc=0.4), criteria={**cost_of(nc=0.4).criteria, "kmnc": Missing("why")})
    assert cost_headline(cost).startswith("1 criterion takes 2.0 times the bare forward")
    assert "kmnc missing: why" in cost_lines(cost)
    words = str(next(iter(cost_blocks(cost))))
    assert "2.0 times a forward pass" in words
    unknown = replace(cost, importance=Missing("no classifier"))
    assert "is missing: no classifier" in str(next(iter(cost_blocks(unknown))))
