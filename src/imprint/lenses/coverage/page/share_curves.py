"""How the change of coverage grows with the share of adversarial inputs, by attack and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    CoverageChange,
    Way,
)
from imprint.lenses.coverage.page.drawn_criteria import drawn, which_drawn
from imprint.report.figure import Axis, Level, Lines, Series, estimates
from imprint.report.wording import count, percent, plural, short_percent
from imprint.stats.estimate import Estimate

ROUNDING = 1e-9
PAD = 0.06
PANEL_HEIGHT = 170.0
LABEL_ROOM = 0.12
"""Least distance of two labelled shares, as a part of the largest."""
ByCriterion = Mapping[str, Sequence[CoverageChange]]
Part = Callable[[CoverageChange], Estimate]
TITLES = {"replace": "Inputs by {} replace some of {} tests", "add": "Inputs by {} join {} tests"}


def share_curves(findings: AdversarialChanges, names: Sequence[str], way: Way) -> list[Lines]:
    """Return a figure per size of sets and attack, of two shares or more, all on the same axes.

    Args:
        findings: all.
        names: criteria in the order of the page; the first few are drawn, and IDC.
        way: replaced or added.
    """
    panels = []
    for size in _sizes(findings, way):
        for attack, found in findings.attacks.items():
            changes = {
                name: _of_size(found.changes.get(name, ()), way, size) for name in drawn(names)
            }
            changes = {name: each for name, each in changes.items() if len(each) > 1}
            if changes:
                panels.append((TITLES[way].format(attack, count(size)), attack, size, changes))
    change, excess = (
        _common_axis(title, [each for *_, each in panels], findings, part)
        for title, part in (("change", _change), ("beyond fresh", _excess))
    )
    which = which_drawn(names, "that rise most")
    return [
        share_curve(
            findings, f"coverage-adversarial-shares-{attack}-{way}-{size}", title, changes,
            (change, excess), which,
        )
        for title, attack, size, changes in panels
    ]  # fmt: skip


def share_curve(
    findings: AdversarialChanges,
    name: str,
    title: str,
    by_criterion: ByCriterion,
    axes: tuple[Axis, Axis],
    which: str,
) -> Lines:
    """Return the change by share in one panel, and what is beyond fresh inputs in another.

    Args:
        findings: all.
        name: of the figure.
        title: of the figure.
        by_criterion: changes of one attack, way and size by criterion, by rising share.
        axes: of the change, and of what is beyond.
        which: sentence about the criteria that are drawn.
    """
    shares = sorted({each.share for changes in by_criterion.values() for each in changes})
    spoken = ", ".join(
        f"{criterion.upper()} {percent(_scaled(findings, criterion, changes[-1].excess).value)}"
        for criterion, changes in by_criterion.items()
    )

    def panel(part: Part) -> list[Series]:
        return [
            estimates(
                criterion.upper(),
                np.array([each.share for each in changes]),
                [_scaled(findings, criterion, part(each)) for each in changes],
            )
            for criterion, changes in by_criterion.items()
        ]

    ticks = [(share, short_share(share)) for share in apart(shares)]
    x = Axis("share of adversarial inputs", percent, ticks=ticks)
    zero = [Level(0.0)]
    return Lines(
        name=name,
        title=title,
        caption="Above: the change of coverage. Below: adversarial less fresh inputs. Both as a "
        "share of the range of all changes, with 95% intervals over "
        f"{plural(findings.draws, 'draw')}. {which}",
        description=f"Curves, adversarial less fresh at {short_share(shares[-1])}: {spoken}.",
        x=x,
        y=axes[0],
        series=panel(_change),
        levels=zero,
        apart=True,
        height=PANEL_HEIGHT,
        below=Lines(
            name="",
            title="",
            caption="",
            description="",
            x=x,
            y=axes[1],
            series=panel(_excess),
            levels=zero,
            legend="none",
            apart=True,
            height=PANEL_HEIGHT,
        ),
    )


def _change(change: CoverageChange) -> Estimate:
    return change.change


def _excess(change: CoverageChange) -> Estimate:
    return change.excess


def _common_axis(
    title: str, panels: Sequence[ByCriterion], findings: AdversarialChanges, part: Part
) -> Axis:
    """Return the axis on which all intervals of all panels have room."""
    known = [
        _scaled(findings, criterion, part(each))
        for by_criterion in panels
        for criterion, changes in by_criterion.items()
        for each in changes
    ]
    low = min([0.0, *(each.low for each in known)])
    high = max([0.0, *(each.high for each in known)])
    pad = PAD * ((high - low) or 1.0)
    return Axis(title, short_percent, low - pad, high + pad)


def _scaled(findings: AdversarialChanges, criterion: str, estimate: Estimate) -> Estimate:
    return scaled(estimate, findings.ranges[criterion] or 1.0)


def _sizes(findings: AdversarialChanges, way: Way) -> list[int]:
    return sorted({
        each.size
        for found in findings.attacks.values()
        for changes in found.changes.values()
        for each in changes
        if each.way == way
    })  # fmt: skip


def _of_size(changes: Sequence[CoverageChange], way: Way, size: int) -> list[CoverageChange]:
    chosen = (each for each in changes if each.way == way and each.size == size)
    return sorted(chosen, key=lambda each: each.share)


def apart(shares: Sequence[float]) -> list[float]:
    """Return those of rising shares whose labels do not meet on an axis, the last among them.

    >>> apart([0.01, 0.015, 0.1, 0.195, 0.2])
    [0.015, 0.1, 0.2]
    """
    least = LABEL_ROOM * shares[-1]
    kept: list[float] = []
    for share in reversed(shares):
        if not kept or kept[-1] - share >= least:
            kept.append(share)
    return kept[::-1]


def short_share(share: float) -> str:
    """Return a share in percent without needless zeros.

    >>> short_share(0.05), short_share(0.125)
    ('5%', '12.5%')
    """
    return f"{100 * share:.3g}%"


def scaled(estimate: Estimate, unit: float) -> Estimate:
    """Return an estimate in other units; what rounding left of 0 is 0."""
    ends = (end / unit for end in (estimate.value, *estimate.ci95))
    value, low, high = (0.0 if abs(end) < ROUNDING else end for end in ends)
    return Estimate(value, (low, high), estimate.n)
