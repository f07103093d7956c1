"""Bars of what criteria cost: updates, fits, and tests a second."""

from __future__ import annotations

from imprint.lenses.coverage.experiments.cost_findings import Cost
from imprint.report.figure import Axis, Bar, Bars
from imprint.report.wording import (
    count,
    fixed,
    percent,
    plural,
    short_percent,
    significant,
)


def ratio_bars(cost: Cost) -> Bars:
    """Return the update of every criterion as a multiple of the forward pass."""
    bars = [
        Bar(name.upper(), each.ratio, text=f"{significant(each.ratio, 2)} ×")
        for name, each in cost.measured.items()
    ]
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return Bars(
        name="coverage-cost-ratios",
        title="Cost of an update",
        caption=f"Time to see the activations of {count(cost.tests)} tests, as a multiple of their "
        "bare forward pass.",
        description=f"Bars: {spoken}.",
        axis=Axis("times the forward pass", fixed(1), low=0),
        bars=bars,
    )


def fit_bars(cost: Cost) -> Bars | None:
    """Return the seconds of every fit, the longest first; None where nothing is learned."""
    fits = {name: each.fit for name, each in cost.measured.items() if each.fit is not None}
    if not fits:
        return None
    bars = [
        Bar(name.upper(), fit.value, text=f"{significant(fit.value, 2)} s")
        for name, fit in sorted(fits.items(), key=lambda item: -item[1].value)
    ]
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return Bars(
        name="coverage-cost-fits",
        title="Cost of a fit",
        caption=f"Seconds to learn from the activations of {plural(cost.members, 'training image')}"
        "; criteria that learn nothing have none.",
        description=f"Bars: {spoken}.",
        axis=Axis("seconds", significant, low=0),
        bars=bars,
    )


def throughput_bars(cost: Cost) -> Bars:
    """Return how many tests a second pass the network with each criterion, the most first."""
    rates = {
        name: cost.tests / (cost.observed.value + each.update.value)
        for name, each in cost.measured.items()
    }
    bars = [
        Bar(name.upper(), rate, text=significant(rate, 3))
        for name, rate in sorted(rates.items(), key=lambda item: -item[1])
    ]
    bare = significant(cost.tests / cost.forward.value, 3)
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return Bars(
        name="coverage-cost-throughput",
        title="Tests a second",
        caption="Pass with activations taken, and update of one criterion. The bare forward pass "
        f"takes {bare} tests a second.",
        description=f"Bars, tests a second: {spoken}.",
        axis=Axis("tests a second", count, low=0),
        bars=bars,
    )


def coverage_bars(cost: Cost) -> Bars | None:
    """Return the coverage of the tests as a share of its ceiling; None where none has one."""
    shares = {
        name: each.value / each.ceiling for name, each in cost.measured.items() if each.ceiling
    }
    if not shares:
        return None
    bars = [
        Bar(name.upper(), share, text=percent(share))
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
    ]
    unbounded = ", ".join(name.upper() for name in sorted(cost.measured.keys() - shares.keys()))
    others = f" Without a bound: {unbounded}." if unbounded else ""
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return Bars(
        name="coverage-cost-coverage",
        title="Coverage for that cost",
        caption=f"What {plural(cost.tests, 'test')} cover, as a share of the most that as many "
        f"could. Criteria count different things.{others}",
        description=f"Bars, share of the ceiling: {spoken}.",
        axis=Axis("share of the ceiling", short_percent, low=0, high=1),
        bars=bars,
    )
