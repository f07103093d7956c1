"""How often each attribution is optimal: over ballots, by class and by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from imprint.lenses.coverage.findings import Vote
from imprint.lenses.coverage.importance.optimal import OptimalRates
from imprint.report.figure import Axis, Bar, Bars, Matrix
from imprint.report.wording import count, percent, plural, short_percent

NONE = "none"
MAX_ROWS = 40
RULE = (
    "An attribution is optimal where the loss rises most without the neurons that it names; equal "
    "ones share an image. None: the loss does not rise."
)


def win_bars(vote: Vote) -> Bars:
    """Return the share of batches in which each attribution had the largest gain of the loss."""
    total = max(1, sum(vote.wins.values()))
    ordered = sorted(vote.wins.items(), key=lambda each: -each[1])
    bars = [
        Bar(name, wins / total, text=f"{count(wins)} of {count(total)}") for name, wins in ordered
    ]
    return Bars(
        name="coverage-attribution-wins",
        title="Which attribution weighs most?",
        caption="Batches in which the loss rises most without the neurons that an attribution "
        "names. The rise is its weight in the vote.",
        description="Bars, share of batches: "
        + ", ".join(f"{bar.name} {percent(bar.value)}" for bar in bars)
        + ".",
        axis=Axis("share of batches", short_percent, low=0, high=1),
        bars=bars,
    )


def rate_matrices(rates: OptimalRates) -> Iterator[Matrix]:
    """Yield how often each attribution is optimal, by class, and by layer where there are some."""
    layers = len(rates.by_scope) > 1
    of_what = "images, mean over the layers" if layers else "images"
    yield _rates("class", "for each class", rates.by_label, rates.methods, of_what)
    if layers:
        yield _rates("layer", "in each layer", rates.by_scope, rates.methods, "images")


def _rates(
    part: str,
    where: str,
    rows: Mapping[str, tuple[float, ...]],
    methods: tuple[str, ...],
    of_what: str,
) -> Matrix:
    shown = dict(list(rows.items())[:MAX_ROWS])
    values = np.array([[*shares, max(0.0, 1 - sum(shares))] for shares in shown.values()])
    spoken = ", ".join(
        f"{name} {methods[int(np.argmax(shares))]} {percent(max(shares), 0)}"
        for name, shares in shown.items()
    )
    more = f" The first {MAX_ROWS} of {count(len(rows))} rows." if len(rows) > MAX_ROWS else ""
    return Matrix(
        name=f"coverage-optimal-by-{part}",
        title=f"Which attribution is optimal {where}?",
        caption=f"Percent of the {of_what}. {RULE}{more}",
        description=f"Matrix of {plural(len(shown), 'row')}, the most frequent: {spoken}.",
        names=list(shown),
        columns=[*methods, NONE],
        values=values,
        write=lambda value: f"{100 * value:.0f}",
    )
