"""Scores as bars and dots: of the leading neurons, and the IDC of classes and layers."""

from __future__ import annotations

from collections.abc import Sequence

from imprint.lenses.coverage.findings import (
    MethodImportance,
    Neuron,
    NeuronCells,
    ScopesFinding,
    Vote,
)
from imprint.report.figure import Axis, Bar, Bars, Interval, IntervalGroup, Intervals
from imprint.report.wording import Writer, count, percent, quantity, short_percent

MAX_BARS = 20
MAX_SCOPES = 30
VOTES = "votes"
SCOPE_TITLES = {
    "class": "Which share of the cells do tests of each class reach?",
    "layer": "Which share of the cells of each layer is reached?",
    "group": "Which share of the cells of each third is reached?",
}


def chosen_scores(criterion: str, cells: NeuronCells) -> Bars | None:
    """Return the importance, or the votes, of the neurons of a criterion; None where not known."""
    if cells.leading is not None:
        votes = [float(each.votes) for each in cells.leading]
        return score_bars(f"coverage-{criterion}-scores", "", cells.leading, votes, VOTES, count)
    if cells.scores is None:
        return None
    title = f"Importance of the neurons of {criterion.upper()}"
    by = f"importance by {(cells.source or '').split(',')[0]}"
    return score_bars(
        f"coverage-{criterion}-scores", title, cells.neurons, cells.scores, by, quantity
    )


def vote_bars(vote: Vote) -> Bars:
    """Return the votes of the leading neurons."""
    votes = [float(each.votes) for each in vote.leading]
    return score_bars("coverage-votes", "", vote.leading, votes, VOTES, count)


def importance_bars(method: str, importance: MethodImportance) -> Bars:
    """Return the importance of the leading neurons by one attribution."""
    return score_bars(
        f"coverage-importance-{method}",
        f"Importance by {method}",
        importance.leading,
        [each.score for each in importance.leading],
        f"importance by {method}",
        quantity,
    )


def score_bars(
    name: str,
    title: str,
    neurons: Sequence[Neuron],
    scores: Sequence[float],
    axis: str,
    write: Writer,
) -> Bars:
    """Return a bar for each neuron.

    Args:
        name: of the figure.
        title: of the figure; empty for that of votes.
        neurons: the most important first.
        scores: of each.
        axis: what scores are.
        write: writes a score.
    """
    bars = [
        Bar(f"{neuron.layer} #{neuron.neuron}", score, text=write(score))
        for neuron, score in zip(neurons[:MAX_BARS], scores, strict=False)
    ]
    spoken = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    more = "" if len(neurons) <= MAX_BARS else f"The first {MAX_BARS} of {count(len(neurons))}. "
    return Bars(
        name=name,
        title=title or "Which neurons get the votes?",
        caption=f"{more}Where the last of them differ little, other images would choose others.",
        description=f"Bars, {axis}: {spoken}.",
        axis=Axis(axis, write),
        bars=bars,
    )


def scope_scores(part: str, scopes: ScopesFinding, names: Sequence[str]) -> Intervals:
    """Return the IDC of each class, layer or third of the depth, below its ceiling.

    Args:
        part: ``class``, ``layer`` or ``group``.
        scopes: by name.
        names: of the scopes, as they are shown.
    """
    dots = [
        Interval(name, each.value, ceiling=each.ceiling)
        for name, each in zip(names, scopes.scopes.values(), strict=True)
    ][:MAX_SCOPES]
    spoken = ", ".join(f"{dot.name} {percent(dot.value)}" for dot in dots)
    more = "" if len(names) <= MAX_SCOPES else f" The first {MAX_SCOPES} of {count(len(names))}."
    return Intervals(
        name=f"coverage-idc-by-{part}",
        title=SCOPE_TITLES.get(part, f"Cells reached by {part}"),
        caption="Share of all cells that the tests reach. The line ends at the ceiling, the most "
        f"that so many tests can reach.{more}",
        description=f"Dots, share of the cells: {spoken}.",
        axis=Axis("share of the cells", short_percent, low=0),
        groups=[IntervalGroup(dots)],
    )
