"""Figures of how coverage follows the evenness of predictions: correlations, p-values, sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.impartiality_findings import (
    AdversarialSets,
    CriterionCorrelation,
    Impartiality,
)
from imprint.lenses.coverage.page.drawn_criteria import drawn, which_drawn
from imprint.report.figure import (
    Axis,
    Bar,
    Bars,
    Figure,
    Interval,
    IntervalGroup,
    Intervals,
    Level,
    Lines,
    Series,
)
from imprint.report.wording import bare_p_value, count, fixed, percent, plural, short_percent
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import FiveNumbers

LEVEL = 0.05
MOST_DECADES = 10
"""Bars of p-values end here: below 10⁻¹⁰ the normal tails of the test are not worth a length."""
PANEL_HEIGHT = 170.0
ZERO = Level(0.0, "", colour="muted", dash="dotted")


def impartiality_figures(findings: Impartiality) -> list[Figure]:
    """Return the figures of a study in their order; those that it has data for."""
    by_size = size_correlations(findings)
    growth = growth_curves(findings)
    adversarial = findings.adversarial
    figures = [correlation_intervals(findings), p_value_bars(findings.measured, "")]
    if isinstance(adversarial, AdversarialSets):
        figures += [
            adversarial_intervals(adversarial),
            p_value_bars(adversarial.criteria, adversarial.attack),
            overall_intervals(adversarial),
        ]
    return [each for each in (*figures, by_size, growth) if each is not None]


def correlation_intervals(findings: Impartiality) -> Intervals | None:
    """Return the pooled correlations of clean sets; None where there are none."""
    pooled = {name: each.pooled for name, each in findings.measured.items()}
    return _correlations(
        "coverage-impartiality-correlations",
        "Does coverage follow the evenness of predictions?",
        "Correlation within sets of one size, with its 95% interval.",
        pooled,
    )


def adversarial_intervals(adversarial: AdversarialSets) -> Intervals | None:
    """Return the pooled correlations of adversarial sets; None where there are none."""
    return _correlations(
        "coverage-impartiality-adversarial",
        f"Is it so for sets of inputs by {adversarial.attack}?",
        "Correlation within sets of one size, all inputs of which fool the network, with its 95% "
        "interval.",
        {name: each.pooled for name, each in adversarial.criteria.items()},
    )


def overall_intervals(adversarial: AdversarialSets) -> Intervals | None:
    """Return the correlations over sets of both kinds; None where there are none."""
    return _correlations(
        "coverage-impartiality-overall",
        "Clean and adversarial sets together",
        "Correlation within sets of one size, clean or adversarial, with its 95% interval. What "
        "both kinds differ in counts as well.",
        adversarial.overall,
    )


def _correlations(
    name: str, title: str, caption: str, pooled: Mapping[str, Estimate | Missing]
) -> Intervals | None:
    known = {name: each for name, each in pooled.items() if not isinstance(each, Missing)}
    dots = [
        Interval(name.upper(), each.value, each.low, each.high)
        for name, each in sorted(known.items(), key=lambda item: -item[1].value)
    ]
    if not dots:
        return None
    spoken = ", ".join(f"{dot.name} {fixed(2)(dot.value)}" for dot in dots)
    return Intervals(
        name=name,
        title=title,
        caption=caption,
        description=f"Dots, correlation: {spoken}.",
        axis=Axis("correlation", fixed(1), low=-1, high=1),
        groups=[IntervalGroup(dots)],
        level=ZERO,
    )


def p_value_bars(criteria: Mapping[str, CriterionCorrelation], attack: str) -> Bars | None:
    """Return the adjusted p-values as bars on a logarithmic scale; None where there are none.

    Args:
        criteria: of clean or of adversarial sets.
        attack: that made the latter; empty for clean ones.
    """
    known = {name: each.adjusted for name, each in criteria.items() if each.adjusted is not None}
    bars = [
        Bar(
            name.upper(),
            min(MOST_DECADES, -math.log10(max(p, 10.0 ** -(MOST_DECADES + 1)))),
            text=bare_p_value(p) if p >= 10.0**-MOST_DECADES else "< 10⁻¹⁰",
            colour="target" if p <= LEVEL else "muted",
        )
        for name, p in sorted(known.items(), key=lambda item: item[1])
    ]
    if not bars:
        return None
    clear = sum(p <= LEVEL for p in known.values())
    sets = f"inputs by {attack}" if attack else "clean tests"
    return Bars(
        name=f"coverage-impartiality-p-values-{attack or 'clean'}",
        title=f"Is the correlation chance? Sets of {sets}",
        caption="p-values of no correlation by Student's t, two-sided, adjusted for all criteria "
        "(Holm); the longer a bar, the smaller. Sets share tests, so that the least are too small.",
        description=f"Bars: {clear} of {plural(len(bars), 'criterion', 'criteria')} with an "
        "adjusted p-value of at most 0.05.",
        axis=Axis(
            "adjusted p-value",
            low=0,
            high=1.05 * MOST_DECADES,
            ticks=[(0, "1"), (2, "0.01"), (4, "10⁻⁴"), (6, "10⁻⁶"), (8, "10⁻⁸"), (10, "10⁻¹⁰")],
        ),
        bars=bars,
        level=Level(-math.log10(LEVEL), colour="reference", dash="dashed", label="0.05"),
    )


def size_correlations(findings: Impartiality) -> Intervals | None:
    """Return the correlations within each size; None where there is one size alone."""
    by_size = {
        size: [
            Interval(name.upper(), found.value, found.low, found.high)
            for name, each in findings.measured.items()
            if not isinstance(found := each.pearson[str(size)], Missing)
        ]
        for size in findings.sizes
    }
    groups = [
        IntervalGroup(dots, f"{count(size)} tests", bands=False)
        for size, dots in by_size.items()
        if dots
    ]
    if len(groups) < 2:
        return None
    largest = groups[-1].intervals
    spoken = ", ".join(f"{dot.name} {fixed(2)(dot.value)}" for dot in largest)
    return Intervals(
        name="coverage-impartiality-by-size",
        title="Is it so for every size?",
        caption="Pearson's correlation over the sets of each size, with its 95% interval.",
        description=f"Dots, correlation over the largest sets: {spoken}.",
        axis=Axis("correlation", fixed(1), low=-1, high=1),
        groups=groups,
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )


def growth_curves(findings: Impartiality) -> Lines | None:
    """Return coverage and evenness by size of sets; None of one size, or of an older study."""
    spreads = findings.spreads
    if spreads is None or len(findings.sizes) < 2:
        return None
    known = [name for name in findings.measured if spreads.coverage[name][-1].median > 0]
    names = drawn(known)
    if not names:
        return None
    which = which_drawn(known, "that follow evenness most closely")
    x = Axis("tests of a set", count, ticks=[(size, count(size)) for size in findings.sizes])
    first = ", ".join(
        f"{name.upper()} {percent(_shares(spreads.coverage[name])[0].median)}" for name in names
    )
    evenness = spreads.impartiality
    return Lines(
        name="coverage-impartiality-sizes",
        title="Coverage and evenness by the size of a set",
        caption="Above: median coverage of sets of each size, as a share of its median for the "
        f"largest sets. {which} Below: median evenness of the predictions "
        "(Pielou). Bands hold the middle half of the sets.",
        description=f"Curves: at {count(findings.sizes[0])} tests, as a share of that at "
        f"{count(findings.sizes[-1])}, {first}; evenness {fixed(2)(evenness[0].median)} and "
        f"{fixed(2)(evenness[-1].median)}.",
        x=x,
        y=Axis("share of the largest", short_percent, low=0),
        series=[
            _curve(name.upper(), findings.sizes, _shares(spreads.coverage[name])) for name in names
        ],
        height=PANEL_HEIGHT,
        below=Lines(
            name="",
            title="",
            caption="",
            description="",
            x=x,
            y=Axis("evenness", fixed(1), low=0, high=1),
            series=[_curve("evenness", findings.sizes, evenness)],
            legend="none",
            height=PANEL_HEIGHT,
        ),
    )


def _shares(spreads: Sequence[FiveNumbers]) -> list[FiveNumbers]:
    """Return distributions as shares of the last median, which is above 0."""
    largest = spreads[-1].median
    return [FiveNumbers(*(value / largest for value in vars(each).values())) for each in spreads]


def _curve(name: str, sizes: Sequence[int], spreads: Sequence[FiveNumbers]) -> Series:
    return Series(
        name,
        np.array(sizes, dtype=np.float64),
        np.array([each.median for each in spreads]),
        np.array([each.quarter for each in spreads]),
        np.array([each.three_quarters for each in spreads]),
        band=True,
        marker="dot",
    )
