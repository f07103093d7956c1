"""The plot of the privacy section: ε from above and from below, of every model, on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from imprint.report.drawing import INK, MUTED, REFERENCE, TARGET, WIDTH, canvas, style, svg
from imprint.report.wording import decimal, scientific

ROW, HEAD, GAP = 19.0, 24.0, 12.0
TOP, BOTTOM, LEFT, RIGHT = 4.0, 44.0, 76.0, 16.0
FAR = 2.0
"""How many times the greatest ceiling an accounted ε may be and still be on the axis."""


@dataclass(frozen=True)
class Bar:
    """One lower bound: its method, its value and the greatest it could have been."""

    method: str
    epsilon: float
    ceiling: float


@dataclass(frozen=True)
class Audited:
    """One model: ε as accounted (None where nothing bounds it), and bounds from below."""

    name: str
    accounted: float | None
    bars: tuple[Bar, ...]


def epsilon_axis(models: Sequence[Audited], delta: float) -> str:
    """Return accounted and audited ε of every model on one axis.

    A dot is a lower bound, the open end of its track the ceiling, a vertical line ε as accounted;
    the band between dot and line is where ε may lie.

    Args:
        models: from top to bottom.
        delta: δ of all of them.
    """
    ceiling = max(bar.ceiling for model in models for bar in model.bars)
    limits = [m.accounted for m in models if m.accounted is not None]
    near = [limit for limit in limits if limit <= FAR * ceiling]
    greatest = max([ceiling, *near, *(bar.epsilon for m in models for bar in m.bars)])
    rows = [ROW * len(model.bars) + HEAD + GAP for model in models]
    with style():
        figure, axes = canvas(
            sum(rows) + TOP + BOTTOM, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM
        )
        axes.set(xlim=(0, 1.06 * greatest), ylim=(sum(rows), 0))
        top = 0.0
        for model, height in zip(models, rows, strict=True):
            _draw(axes, model, top, 1.06 * greatest)
            top += height
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
        axes.set_xlabel(f"ε at δ = {scientific(delta)}")
        spoken = "; ".join(map(_spoken, models))
        return svg(figure, "privacy-epsilon", f"Lower bounds on ε and ε as accounted. {spoken}.")


def _draw(axes: Axes, model: Audited, top: float, edge: float) -> None:
    limit, bottom = model.accounted, top + HEAD + ROW * len(model.bars)
    axes.text(
        -(LEFT - 2) / (WIDTH - LEFT - RIGHT),
        top + HEAD / 2,
        model.name,
        color=INK,
        weight="bold",
        va="center_baseline",
        transform=axes.get_yaxis_transform(),
    )
    on_axis = limit is not None and limit <= edge
    for row, bar in enumerate(model.bars):
        y = top + HEAD + ROW * (row + 0.5)
        end = limit if limit is not None and on_axis else edge
        if bar.epsilon < end:
            axes.barh(y, end - bar.epsilon, 10, bar.epsilon, color=TARGET, alpha=0.13, linewidth=0)
        axes.plot([0, bar.ceiling], [y, y], color=MUTED, linewidth=1)
        axes.plot([bar.ceiling] * 2, [y - 4, y + 4], color=MUTED, linewidth=1)
        axes.plot(bar.epsilon, y, "o", color=TARGET, markersize=7, clip_on=False, zorder=4)
        axes.text(
            -10 / (WIDTH - LEFT - RIGHT),
            y,
            bar.method,
            color=MUTED,
            ha="right",
            va="center_baseline",
            transform=axes.get_yaxis_transform(),
        )
    if limit is not None and on_axis:
        ends = [top + HEAD - 2, bottom + 2]
        axes.plot([limit, limit], ends, color=REFERENCE, linewidth=2.4, zorder=5)


def _spoken(model: Audited) -> str:
    limit = "not bounded" if model.accounted is None else f"accounted {decimal(model.accounted, 2)}"
    bounds = ", ".join(
        f"{bar.method} at least {decimal(bar.epsilon, 2)} of {decimal(bar.ceiling, 2)}"
        for bar in model.bars
    )
    return f"{model.name}: {limit}, {bounds}"
