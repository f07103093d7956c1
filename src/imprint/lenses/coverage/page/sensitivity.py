"""What noise on important and on random pixels adds, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imprint.lenses.coverage.experiments.sensitivity_findings import Sensitivity
from imprint.lenses.coverage.page.noise_grid import grid_figures, grid_table
from imprint.lenses.coverage.page.share_interval import share_interval
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.gallery import read_gallery
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import (
    bare_p_value,
    count,
    percent,
    plural,
    short_percent,
    significant,
)

LEVEL = 0.05
VOTED = "wisdom"
"""Of pixels: chosen by votes for neurons, not by an attribution."""
NOTE = (
    "Coverage of the tests and what noisy copies add to it, in marks (cells, sections, neurons or "
    "patterns that are reached or not), or in units of the value of a criterion that counts none. "
    "Means over draws of the noise with 95% intervals, the tests being the same: other tests or "
    "training images may turn the difference around, so repeat with several --seed. The p-value is "
    "of no difference, two-sided, and adjusted for all criteria together (Holm). Again: added by "
    "the tests themselves, seen twice."
)
PICTURES = (
    "A few tests: the image, the importance of its pixels, and one draw of noise on the important "
    "and on as many random pixels. Pixels in full colour are those that get noise; the fainter, "
    "the less important. Below: the class that the network predicts."
)


def sensitivity_blocks(findings: Sensitivity, root: Path) -> Iterator[Block]:
    """Yield verdict, figures, pictures, tables and conclusions of ``coverage sensitivity``."""
    accuracy = findings.accuracy
    yield Verdict(
        sensitivity_headline(findings),
        [
            "Do criteria tell pixels that the network's decision rests on from others? Each of "
            f"{plural(findings.tests, 'test')} gets noise on {count(findings.budget)} of "
            f"{count(findings.image_pixels)} pixels, {_chosen(findings)}, and on as "
            f"many random others, with the same values: {plural(findings.draws, 'draw')}, standard "
            f"deviation {findings.deviation:g}.",
            f"The accuracy is {percent(accuracy.original.value)} on the tests, "
            f"{percent(accuracy.important.value)} with noise on important pixels, and "
            f"{percent(accuracy.random.value)} on random ones.",
        ],
        found=bool(telling(findings)),
        anchor="coverage-result",
        link="Coverage",
    )
    figure = difference_intervals(findings)
    if figure is not None:
        yield Figures([figure])
    yield Part("All criteria", [gain_table(findings)], "coverage-sensitivity", "Sensitivity")
    if findings.grid:
        blocks: list[Block] = [grid_table(findings)]
        figures = grid_figures(findings)
        if figures:
            blocks.insert(0, Figures(figures))
        yield Part("By the amount of noise", blocks, "coverage-sensitivity-grid", "Amount of noise")
    folder = root / "gallery" / "sensitivity"
    gallery = read_gallery(folder, "noise", "Filter the tests", size="medium", note=PICTURES)
    if gallery is not None and gallery.cards:
        yield Part("Where the noise goes", [gallery], "coverage-sensitivity-pictures", "Pictures")
    yield from missing_list(findings.missing, str.upper)
    yield conclusions(
        ["Which criteria react more to what the network looks at than to anything else."],
        [
            "The same noise on important pixels changes more decisions: a criterion that counts "
            "any change of activations gains from that as well.",
            "A criterion whose marks are all reached, or hardly any, cannot differ.",
        ],
    )


def _chosen(findings: Sensitivity) -> str:
    if findings.pixels == VOTED:
        return (
            "those where the neurons with most votes are most active (IDC and WISDOM observe such "
            "neurons, so that they gain more is to be expected)"
        )
    return f"the most important for the predicted class by {findings.pixels}"


def telling(findings: Sensitivity) -> list[str]:
    """Return the criteria to which important pixels add more than random ones."""
    return _clear(findings, 1)


def reversed_criteria(findings: Sensitivity) -> list[str]:
    """Return the criteria to which random pixels add more than important ones."""
    return _clear(findings, -1)


def _clear(findings: Sensitivity, sign: int) -> list[str]:
    return [
        name
        for name, each in findings.measured.items()
        if each.adjusted <= LEVEL and sign * each.difference.value > 0
    ]


def sensitivity_headline(findings: Sensitivity) -> str:
    """Return the main finding as one sentence without its full stop."""
    total = len(findings.measured)
    if not total:
        return "No criterion could be measured"
    more, less = len(telling(findings)), len(reversed_criteria(findings))
    of = f"of {plural(total, 'criterion', 'criteria')}"
    opposite = f", and less to {less}" if less else ""
    if not more:
        end = f"; it adds less to {less}" if less else ""
        return f"Noise on important pixels adds more than noise on random ones to none {of}{end}"
    return f"Noise on important pixels adds more than noise on random ones to {more} {of}{opposite}"


def sensitivity_verdict(findings: Sensitivity) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(sensitivity_headline(findings), bool(telling(findings)))


def sensitivity_lines(findings: Sensitivity) -> list[Printed]:
    """Return table, missing criteria and the main finding, for the terminal."""
    missing = [f"{name} missing: {why}" for name, why in findings.missing.items()]
    return [gain_table(findings), *missing, sensitivity_headline(findings)]


def gain_table(findings: Sensitivity) -> Table:
    """Return what noisy copies add to every criterion."""
    columns = [
        Column("Criterion"),
        Column("Tests alone", significant, key="original", on_phone=False),
        Column("Important pixels", significant, key="important"),
        Column("Random pixels", significant, key="random"),
        Column("Difference", significant),
        Column("p", bare_p_value),
        Column("Adjusted", bare_p_value, on_phone=False),
        Column("Again", significant, key="duplicates", on_phone=False),
    ]
    rows: list[list[Value | Cell]] = [
        [
            name.upper(),
            each.original / (each.mark or 1.0),
            each.important,
            each.random,
            each.difference,
            each.p,
            each.adjusted,
            each.duplicates,
        ]
        for name, each in findings.measured.items()
    ]
    return Table(columns, rows, title="Added by noisy copies", note=NOTE)


def difference_intervals(findings: Sensitivity) -> Intervals | None:
    """Return important less random, as a share of what both add; None where nothing is added."""
    shares = {name: each.share_of_both for name, each in findings.measured.items()}
    dots = [
        Interval(name.upper(), share.value, *share_interval(share).ci95)
        for name, share in shares.items()
        if share is not None
    ]
    if not dots:
        return None
    spoken = ", ".join(f"{dot.name} {percent(dot.value)}" for dot in dots)
    return Intervals(
        name="coverage-sensitivity-differences",
        title="Do important pixels add more?",
        caption="Important less random pixels, as a share of what both add together (of their "
        "sizes, where coverage falls), with its 95% interval over draws.",
        description=f"Dots, share of what both add: {spoken}.",
        axis=Axis("important less random", short_percent),
        groups=[IntervalGroup(dots)],
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )
