"""Probes of every depth on page and terminal: the verdict, the table and the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.dejavu.depth_findings import DepthFindings, MemberGap, ProbedDepths
from imprint.lenses.dejavu.page.verdict import in_points
from imprint.report.figure import Axis, Level, Lines, Series, estimates
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, percent, points, short_percent, short_points
from imprint.stats.choices import widen_for_choices
from imprint.stats.estimate import Estimate

Row = list[Value | Cell]


@dataclass(frozen=True)
class DepthsVerdict:
    """Does the gap of the probe reveal what the attack does?

    Attributes:
        short: one short sentence without number and full stop.
        details: the numbers it rests on; empty for none.
        gap: the number of the verdict.
        of: what that number is of.
        found: whether members are told apart by probe or attack.
    """

    short: str
    details: str
    gap: Estimate
    of: str
    found: bool

    @property
    def statement(self) -> str:
        """One sentence without its full stop."""
        return f"{self.short}: {self.details}" if self.details else self.short


def depths_verdict(findings: ProbedDepths) -> DepthsVerdict:
    """Return the verdict; a gap counts where it is above 0 at all depths looked at together."""
    probes = {each.depth: each.probe.gap for each in findings.depths}
    attacks = {
        each.depth: each.attack.gap
        for each in findings.depths
        if isinstance(each.attack, MemberGap)
    }
    overfit = _widest(probes)
    probed = f"{in_points(probes[overfit])} at {in_words(overfit)}"
    if not attacks:
        short = "The gap of the probe between members and non-members, by depth"
        return DepthsVerdict(
            short, f"at most {probed}", probes[overfit], "gap of the probe", _shows(probes)
        )
    strongest = _widest(attacks)
    gap, of = attacks[strongest], f"gap of background crops at {in_words(strongest)}"
    attacked = f"{in_points(gap)} at {in_words(strongest)}"
    if not _shows(attacks):
        if not _shows(probes):
            short = "Neither the probe nor the attack tells members from non-members beyond noise"
            return DepthsVerdict(short, "", gap, of, False)
        details = f"its gap is {probed}, that of background crops within noise"
        short = "The gap of the probe is overfitting, not déjà vu"
        return DepthsVerdict(short, details, gap, of, True)
    if probes[strongest].low <= 0:
        short = "The probe misses what the attack finds"
        details = (
            f"the gap of background crops is {attacked}, where that of the probe is "
            f"{in_points(probes[strongest])}"
        )
    elif overfit != strongest:
        short = "The probe points to another depth than the attack"
        details = f"its gap is widest, {probed}, that of background crops {attacked}"
    else:
        short = "Probe and attack point to the same depth"
        details = f"a gap of {probed} of the probe, {in_points(gap)} of background crops"
    return DepthsVerdict(short, details, gap, of, True)


def in_words(depth: str) -> str:
    """Return the name of a depth in words.

    >>> in_words("projector_2")
    'projector stage 2'
    """
    name, _, number = depth.partition("_")
    return f"{name} stage {number}" if number else f"the {name}"


def _widest(gaps: dict[str, Estimate]) -> str:
    return max(gaps, key=lambda depth: gaps[depth].value)


def _shows(gaps: dict[str, Estimate]) -> bool:
    return any(widen_for_choices(gap, len(gaps)).low > 0 for gap in gaps.values())


def depths_table(findings: ProbedDepths, caption: str = "") -> Table:
    """Return the probe's accuracies and the three gaps, one row per depth."""
    rows: list[Row] = [
        [
            each.depth.replace("_", " "),
            float(each.width),
            each.probe.members,
            each.probe.non_members,
            each.probe.gap,
            _gap(each.attack),
            each.neighbours.gap,
        ]
        for each in findings.depths
    ]
    columns = [
        Column("Depth"),
        Column("Width", count),
        Column("Probe, members", percent),
        Column("Non-members", percent),
        Column("Probe gap", points, unit="points"),
        Column("Attack gap", points, unit="points"),
        Column("Neighbour gap", points, unit="points"),
    ]
    return Table(columns, rows, title="Linear probes of every depth", caption=caption)


def more_accuracies(findings: ProbedDepths) -> Table:
    """Return what the first table leaves out: crops, neighbours, and top-5 of the probe."""
    rows: list[Row] = [
        [
            each.depth.replace("_", " "),
            *_both(each.attack),
            *_both(each.neighbours),
            *_both(each.probe_top5),
        ]
        for each in findings.depths
    ]
    columns = [
        Column("Depth"),
        Column("Crops, members", percent),
        Column("Non-members", percent, key="crops_non_members"),
        Column("Neighbours, members", percent),
        Column("Non-members", percent, key="neighbours_non_members"),
        Column("Top-5, members", percent),
        Column("Non-members", percent, key="top_5_non_members"),
    ]
    return Table(columns, rows)


def _both(gap: MemberGap | Missing) -> list[Value | Cell]:
    return [gap, gap] if isinstance(gap, Missing) else [gap.members, gap.non_members]


def gaps_figure(findings: ProbedDepths) -> Lines:
    """Return the three gaps against depth."""
    places = [float(place) for place in range(len(findings.depths))]
    kinds: Sequence[tuple[str, Callable[[DepthFindings], MemberGap | Missing]]] = (
        ("attack on crops", lambda each: each.attack),
        ("linear probe", lambda each: each.probe),
        ("nearest members", lambda each: each.neighbours),
    )
    series: list[Series] = []
    for (name, of), colour in zip(kinds, ("target", "ink", "reference"), strict=True):
        gaps = [_gap(of(each)) for each in findings.depths]
        if any(isinstance(gap, Estimate) for gap in gaps):
            series.append(
                estimates(
                    name,
                    places,
                    gaps,
                    colour=colour,  # type: ignore[arg-type]  # literal in the tuple above
                    dash="dashed" if colour == "ink" else "solid",
                )
            )
    last = findings.depths[-1]
    return Lines(
        name="depth-gaps",
        title="Members beyond non-members",
        caption="Accuracy on members less accuracy on non-members, in percentage points, with 95% "
        "intervals. Where lines of probe and attack part, the one does not reveal the other.",
        description=f"Line plot over depth: at {in_words(last.depth)} the probe’s gap is "
        f"{points(last.probe.gap.value)} points.",
        x=_axis(findings),
        y=Axis("gap (points)", short_points),
        series=series,
        levels=[Level(0.0)],
        apart=True,
    )


def accuracy_figure(findings: ProbedDepths) -> Lines:
    """Return the accuracy of probe and attack on either set against depth."""
    places = [float(place) for place in range(len(findings.depths))]
    series = []
    attacked = [each.attack for each in findings.depths]
    if all(isinstance(attack, MemberGap) for attack in attacked):
        crops = [attack for attack in attacked if isinstance(attack, MemberGap)]
        series += [
            estimates("crops, members", places, [c.members for c in crops], colour="target"),
            estimates(
                "crops, non-members", places, [c.non_members for c in crops],
                colour="target", dash="dashed",
            ),
        ]  # fmt: skip
    probes = [each.probe for each in findings.depths]
    series += [
        estimates("probe, members", places, [p.members for p in probes], colour="ink"),
        estimates(
            "probe, non-members", places, [p.non_members for p in probes],
            colour="ink", dash="dashed",
        ),
    ]  # fmt: skip
    best = max(findings.depths, key=lambda each: each.probe.non_members.value)
    return Lines(
        name="depth-accuracy",
        title="Accuracy at every depth",
        caption="The linear probe names whole images; the attack names an image from its "
        "background alone.",
        description=f"Line plot over depth: on non-members the probe is best at "
        f"{in_words(best.depth)}, {percent(best.probe.non_members.value)}.",
        x=_axis(findings),
        y=Axis("accuracy", short_percent, low=0),
        series=series,
        apart=True,
    )


def _gap(gap: MemberGap | Missing) -> Estimate | Missing:
    return gap if isinstance(gap, Missing) else gap.gap


def _axis(findings: ProbedDepths) -> Axis:
    names = [each.depth.replace("projector_", "stage ") for each in findings.depths]
    ticks = [(float(place), name) for place, name in enumerate(names)]
    return Axis("depth", low=-0.3, high=len(names) - 0.7, ticks=ticks)
