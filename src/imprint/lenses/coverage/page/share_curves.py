"""How the change of coverage grows with the share of adversarial inputs, by attack and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    CoverageChange,
    Way,
)
from imprint.report.figure import Axis, Level, Lines, Series, estimates
from imprint.report.wording import count, percent, plural, short_percent
from imprint.stats.estimate import Estimate

ROUNDING = 1e-9
SHOWN_CRITERIA = 4
PANEL_HEIGHT = 170.0
LABEL_ROOM = 0.12
"""Least distance of two labelled shares, as a part of the largest."""
TITLES = {"replace": "Inputs by {} replace some of {} tests", "add": "Inputs by {} join {} tests"}


def share_curves(findings: AdversarialChanges, names: Sequence[str], way: Way) -> Iterator[Lines]:
    """Yield a figure per attack and size of sets, of two shares or more.

    Args:
        findings: all.
        names: criteria in the order of the page; the first few are drawn.
        way: replaced or added.
    """
    for attack, found in findings.attacks.items():
        changes = [each for of_one in found.changes.values() for each in of_one if each.way == way]
        for size in sorted({each.size for each in changes}):
            if len({each.share for each in changes if each.size == size}) > 1:
                yield share_curve(findings, names, attack, way, size)


def share_curve(
    findings: AdversarialChanges, names: Sequence[str], attack: str, way: Way, size: int
) -> Lines:
    """Return the change by share in one panel, and what is beyond fresh inputs in another."""
    shown = {name: _by_share(findings, attack, name, way, size) for name in names[:SHOWN_CRITERIA]}
    shares = sorted({each.share for changes in shown.values() for each in changes})
    spoken = ", ".join(
        f"{name.upper()} {percent(changes[-1].excess.value / (findings.ranges[name] or 1.0))}"
        for name, changes in shown.items()
    )

    def panel(part: Callable[[CoverageChange], Estimate]) -> list[Series]:
        return [
            estimates(
                name.upper(),
                np.array([each.share for each in changes]),
                [scaled(part(each), findings.ranges[name] or 1.0) for each in changes],
            )
            for name, changes in shown.items()
        ]

    ticks = [(share, short_share(share)) for share in apart(shares)]
    x = Axis("share of adversarial inputs", percent, ticks=ticks)
    zero = [Level(0.0)]
    return Lines(
        name=f"coverage-adversarial-shares-{attack}-{way}-{size}",
        title=TITLES[way].format(attack, count(size)),
        caption="Above: the change of coverage. Below: adversarial less fresh inputs. Both as a "
        "share of the range of all changes, with 95% intervals over "
        f"{plural(findings.draws, 'draw')}. {_which(len(shown), len(names))}",
        description=f"Curves, adversarial less fresh at {short_share(shares[-1])}: {spoken}.",
        x=x,
        y=Axis("change", short_percent),
        series=panel(lambda each: each.change),
        levels=zero,
        apart=True,
        height=PANEL_HEIGHT,
        below=Lines(
            name="",
            title="",
            caption="",
            description="",
            x=x,
            y=Axis("beyond fresh", short_percent),
            series=panel(lambda each: each.excess),
            levels=zero,
            legend="none",
            apart=True,
            height=PANEL_HEIGHT,
        ),
    )


def _which(shown: int, all_of_them: int) -> str:
    if shown == all_of_them:
        return ""
    return f"The {shown} of {plural(all_of_them, 'criterion', 'criteria')} that rise most."


def _by_share(
    findings: AdversarialChanges, attack: str, name: str, way: Way, size: int
) -> list[CoverageChange]:
    changes = findings.attacks[attack].changes[name]
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
