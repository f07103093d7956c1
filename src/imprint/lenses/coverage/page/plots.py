"""The plots of the coverage section, each a function from numbers to an ``<svg>`` element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from imprint.report.drawing import INK, MUTED, REFERENCE, TARGET, canvas, name_end, style, svg
from imprint.report.wording import count, percent

ROW = 22


@dataclass(frozen=True)
class Bar:
    """One criterion: its value as a share of its ceiling, with its interval where it has one."""

    name: str
    share: float
    low: float | None
    high: float | None


def shares_of_ceilings(bars: Sequence[Bar]) -> str:
    """Return bars of value over ceiling with their intervals, in the given order downwards."""
    places = np.arange(len(bars), dtype=float)
    with style():
        figure, axes = canvas(ROW * len(bars) + 52, left=74, right=58, top=6, bottom=44)
        axes.barh(places, [bar.share for bar in bars], height=0.62, color=TARGET, alpha=0.35)
        for place, bar in zip(places, bars, strict=True):
            if bar.low is not None and bar.high is not None:
                axes.hlines(place, bar.low, bar.high, color=TARGET, linewidth=2)
            axes.plot([bar.share], [place], "o", color=TARGET, markersize=4.5, clip_on=False)
            axes.text(
                1.03,
                float(place),
                percent(bar.share),
                color=INK,
                va="center_baseline",
                transform=axes.get_yaxis_transform(),
            )
        axes.set(xlim=(0, 1), ylim=(len(bars) - 0.4, -0.6))
        axes.set_yticks(places, [bar.name for bar in bars])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, 0)))
        axes.set_xlabel("share of what so many tests could reach")
        spoken = ", ".join(f"{bar.name} {percent(bar.share)}" for bar in bars)
        return svg(figure, "coverage-shares", f"Bars, share of the ceiling: {spoken}.")


def cells_by_tests(
    tests: NDArray[np.float64],
    cells: NDArray[np.float64],
    now: tuple[int, int],
    end: tuple[float, tuple[float, float] | None],
    trained: int,
) -> str:
    """Return how many cells so many tests reach, and what more tests are estimated to reach.

    Args:
        tests: float64 ``[m]``, rising.
        cells: float64 ``[m]``.
        now: tests there are, and cells they reach.
        end: cells that tests of this kind reach at least in the end, with its interval, if any.
        trained: cells that training images reach.
    """
    known = tests <= now[0]
    value, bounds = end
    top = 1.12 * max(float(cells.max()), trained, value)
    with style():
        figure, axes = canvas(300, left=54, right=92, top=14, bottom=48)
        if bounds is not None:
            low, high = bounds
            axes.axhspan(low, min(high, 2 * top), color=TARGET, alpha=0.1, linewidth=0)
        axes.plot(tests[known], cells[known], color=TARGET)
        ahead = np.flatnonzero(~known)
        if len(ahead):
            later = np.concatenate([[known.sum() - 1], ahead])
            axes.plot(tests[later], cells[later], color=TARGET, linestyle=(0, (2, 2)))
        axes.plot([now[0]], [now[1]], "o", color=TARGET, markersize=7)
        axes.axhline(trained, color=REFERENCE, linewidth=1.4, linestyle=(0, (4, 3)))
        axes.axhline(value, color=MUTED, linewidth=1, linestyle=(0, (1, 3)))
        axes.set(xlim=(0, float(tests[-1])), ylim=(0, top))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, steps=(1, 2, 5, 10)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: count(at)))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("tests")
        axes.set_ylabel("cells reached")
        labels = [("training", float(trained), REFERENCE), ("in the end", value, MUTED)]
        for text, height, colour in _apart(labels, 0.08 * top):
            name_end(axes, height, text, colour)
        axes.annotate(
            f"{count(now[1])} now",
            (now[0], now[1]),
            (6, -14),
            textcoords="offset points",
            color=TARGET,
            fontweight="bold",
        )
        what = (
            f"Curve: {count(now[0])} tests reach {count(now[1])} cells; in the end at least about "
            f"{count(value)} would be reached; training images reach {count(trained)}."
        )
        return svg(figure, "coverage-cells", what)


def _apart(labels: list[tuple[str, float, str]], least: float) -> list[tuple[str, float, str]]:
    """Return two labels moved apart where they would overlap."""
    (one, first, colour), (other, second, another) = sorted(labels, key=lambda label: label[1])
    missing = max(0.0, least - (second - first)) / 2
    return [(one, first - missing, colour), (other, second + missing, another)]
