"""Faults found by fuzzing, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.faults.findings import FaultQuality, FuzzFindings, Fuzzing
from imprint.report.blocks import Block, Figures, Paragraph, Part, Verdict, conclusions
from imprint.report.figure import Axis, Figure, Lines, Series
from imprint.report.gallery import read_gallery
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, percent, plural, quantity

UNGUIDED = {
    "random": "without guidance, every mutant being mutated further",
    "none": "each by one mutation, no mutant being mutated further",
}
"""How controls search."""
IN_INT8 = "A fault is a mutant on which the network and its int8 version by {} disagree."
ORACLES = {
    "labels": "A fault is a mutant for which the network no longer names the class of its seed.",
    "judge": (
        "A fault is a mutant for which the network no longer names the class of its seed, and the "
        "judge, an independent network, still does."
    ),
    "network": "A fault is a mutant on which the network and the second one disagree.",
}
"""What a fault is, by what says which class is right."""
MAX_PAIRS = 12
"""Pairs of classes in the table."""


def fuzzing_headline(fuzzing: Fuzzing) -> str:
    """Return the main finding as one sentence without its full stop."""
    if not fuzzing.faults:
        return f"None of {plural(fuzzing.passes, 'mutant')} is {_wrong(fuzzing)}"
    verb = "is" if fuzzing.faults == 1 else "are"
    return (
        f"{count(fuzzing.faults)} of {plural(fuzzing.passes, 'mutant')} {verb} {_wrong(fuzzing)}: "
        f"{plural(fuzzing.unique, 'unique fault')}"
    )


def is_differential(fuzzing: Fuzzing) -> bool:
    """Return whether faults are disagreements of two networks."""
    return fuzzing.oracle not in ("labels", "judge")


def _wrong(fuzzing: Fuzzing) -> str:
    return "classified differently" if is_differential(fuzzing) else "misclassified"


def fuzzing_verdict(findings: FuzzFindings) -> LensVerdict:
    """Return the main finding for the front page."""
    unique = findings.fuzzing.unique
    effect = "the networks disagree" if is_differential(findings.fuzzing) else "the network err"
    statement = (
        f"Small changes of correctly classified images make {effect}"
        if unique
        else f"No small change of correctly classified images was found to make {effect}"
    )
    return LensVerdict(statement, unique > 0, "unique faults", float(unique), write=count)


def fuzzing_lines(findings: FuzzFindings) -> Iterator[Printed]:
    """Yield tables and sentences of the terminal."""
    fuzzing = findings.fuzzing
    yield summary_table(fuzzing)
    yield mutation_table(fuzzing)
    if fuzzing.quality is not None:
        yield quality_words(fuzzing.quality)
    yield fuzzing_headline(fuzzing)


def fuzzing_blocks(findings: FuzzFindings, root: Path, classes: Sequence[str]) -> Iterator[Block]:
    """Yield verdict, figures, tables and conclusions of ``coverage fuzz``.

    Args:
        findings: of the search.
        root: the folder of the study.
        classes: their names.
    """
    fuzzing = findings.fuzzing
    yield Verdict(
        fuzzing_headline(fuzzing),
        [_asked(fuzzing), _unique(fuzzing)],
        found=bool(fuzzing.faults),
        anchor="coverage-result",
        link="Coverage",
    )
    yield Figures(fuzzing_figures(fuzzing))
    gallery = read_gallery(
        root / "gallery" / "fuzzing", "fault", "Filter the faults", note=_note(fuzzing)
    )
    if gallery is not None and gallery.cards:
        yield Part("Unique faults beside their seeds", [gallery], "coverage-faults", "Faults")
    if fuzzing.faults:
        yield Part(
            "Pairs of classes", [pair_table(fuzzing, classes)], "coverage-fault-pairs", "Pairs"
        )
    if fuzzing.quality is not None:
        yield Part("How ordinary the faults look", [Paragraph(quality_words(fuzzing.quality))])
    yield Part("Mutations", [mutation_table(fuzzing)], "coverage-mutations", "Mutations")
    yield conclusions(
        [
            "Which small changes of correctly classified images the network gets wrong, to look "
            "at, to train with or to test the next version with.",
        ],
        [
            "The number of faults depends on the mutations, their bounds and the budget: it "
            "compares searches with one budget, and is no error rate.",
            "Mutants are assumed to have the class of their seed: look at the pictures before you "
            "count one as a failure.",
        ],
    )


def quality_words(quality: FaultQuality | Missing) -> str:
    """Return how far faults lie from ordinary images, in sentences."""
    if isinstance(quality, Missing):
        return f"The Fréchet distance is missing: {quality.missing}."
    distances = (
        f"Fréchet distance (FID) from the other seeds, on features of {quality.network}: "
        f"{quantity(quality.distance)} of {plural(quality.images, 'unique fault')}, "
        f"{quantity(quality.seed_distance)} of as many random seeds (95% of the draws "
        f"{quantity(quality.seed_low)} to {quantity(quality.seed_high)}). Distances of few images "
        "are larger than those of many: compare these two alone."
    )
    if quality.score is None or quality.seed_score is None:
        return distances
    return (
        f"{distances} Inception score by its classes: {quantity(quality.score)} of the faults, "
        f"{quantity(quality.seed_score)} of the seeds."
    )


def _note(fuzzing: Fuzzing) -> str:
    """Return what the gallery of faults shows."""
    text = "Of every pair of classes in turn, the first ones found."
    minimised = fuzzing.minimised
    if minimised is None:
        return text
    return (
        f"{text} {plural(minimised.faults, 'fault')} minimised: fewer and smaller "
        "mutations of the seed that still make the same fault, "
        f"{fixed(1)(minimised.mutations_after)} of {fixed(1)(minimised.mutations_before)} "
        f"mutations on average, and a change of {percent(minimised.change_after)} of the range a "
        f"pixel in place of {percent(minimised.change_before)}. Numbers are the amounts that are "
        "left."
    )


def _asked(fuzzing: Fuzzing) -> str:
    guided = UNGUIDED.get(fuzzing.criterion, f"guided by {fuzzing.criterion.upper()}")
    left_out = (
        f" ({plural(fuzzing.misclassified_seeds, 'more seed')}, wrong or in doubt from the start, "
        "left out)"
        if fuzzing.misclassified_seeds
        else ""
    )
    text = (
        "Which small changes of an image make the network err? "
        f"{plural(fuzzing.seeds, 'seed')}{left_out} were mutated, {guided}, within a budget of "
        f"{plural(fuzzing.budget, 'forward pass', 'forward passes')}. "
        f"{ORACLES.get(fuzzing.oracle, IN_INT8.format(fuzzing.oracle))}"
    )
    if fuzzing.disputed:
        text += (
            f" {plural(fuzzing.disputed, 'more mutant')} that the network gets wrong "
            f"{'is' if fuzzing.disputed == 1 else 'are'} not counted, as the judge does not name "
            "the class of the seed either."
        )
    if fuzzing.passes < fuzzing.budget:
        text += (
            f" The search ended after {count(fuzzing.passes)}, since no further mutant stayed "
            "within the bounds."
        )
    return text


def _unique(fuzzing: Fuzzing) -> str:
    return (
        "Faults are one unique fault if they have the same two classes and lie no further apart, "
        "in the features before the classifier, than two seeds of one class commonly do "
        f"({quantity(fuzzing.radius)})."
    )


def fuzzing_figures(fuzzing: Fuzzing) -> list[Figure]:
    """Return faults and coverage by forward passes."""
    curve = fuzzing.curve
    passes = np.array(curve.passes, dtype=np.float64)
    x = Axis("forward passes", count, low=0, whole=True)
    figures: list[Figure] = [
        Lines(
            name="coverage-fuzzing-faults",
            title="Faults by forward passes",
            caption="Unique faults still rise at the end where a larger budget would find more.",
            description=f"Curves: {count(fuzzing.passes)} forward passes find "
            f"{plural(fuzzing.faults, 'fault')}, {count(fuzzing.unique)} of them unique.",
            x=x,
            y=Axis("faults", count, low=0, whole=True),
            series=[
                Series("unique", passes, np.array(curve.unique, dtype=float), colour="target"),
                Series(
                    "all", passes, np.array(curve.faults, dtype=float), colour="muted", thin=True
                ),
            ],
            height=300,
        )
    ]
    if curve.coverage is not None:
        name = fuzzing.criterion.upper()
        covered = np.array(curve.coverage)
        figures.append(
            Lines(
                name="coverage-fuzzing-curve",
                title=f"{name} coverage by forward passes",
                caption="Of the seeds at the start, and of all mutants that were accepted since.",
                description=f"Curve: {name} rises from {quantity(covered[0])} to "
                f"{quantity(covered[-1])}.",
                x=x,
                y=Axis(name, quantity, low=0),
                series=[Series(name, passes, covered, colour="target")],
                height=300,
            )
        )
    return figures


def summary_table(fuzzing: Fuzzing) -> Table:
    """Return the numbers of a search, for the terminal."""
    columns = [Column("Search"), Column("Number", quantity, key="value")]
    rows: list[list[Value | Cell]] = [
        ["forward passes", fuzzing.passes],
        ["faults", fuzzing.faults],
        ["unique faults", fuzzing.unique],
        ["pairs of classes", fuzzing.pair_count],
    ]
    if fuzzing.curve.coverage is not None:
        name = fuzzing.criterion.upper()
        rows.append([f"{name} at the start", fuzzing.curve.coverage[0]])
        rows.append([f"{name} at the end", fuzzing.curve.coverage[-1]])
    return Table(columns, rows, title=f"Fuzzing, guided by {fuzzing.criterion}")


def pair_table(fuzzing: Fuzzing, classes: Sequence[str]) -> Table:
    """Return the most frequent pairs of right and named class."""
    columns = [
        Column("Expected"),
        Column("Predicted"),
        Column("Faults", count, key="faults"),
        Column("Unique", count, key="unique"),
    ]
    rows: list[list[Value | Cell]] = [
        [_name(pair.expected, classes), _name(pair.predicted, classes), pair.faults, pair.unique]
        for pair in fuzzing.pairs[:MAX_PAIRS]
    ]
    note = (
        f"The {count(len(rows))} most frequent of {plural(fuzzing.pair_count, 'pair')}. Entropy of "
        f"the expected classes of faults {fixed(2)(fuzzing.expected_entropy)} nats, of the "
        f"predicted ones {fixed(2)(fuzzing.predicted_entropy)} nats."
    )
    return Table(columns, rows, title="Faults by pair of classes", note=note)


def mutation_table(fuzzing: Fuzzing) -> Table:
    """Return what each mutation gave."""
    columns = [
        Column("Mutation"),
        Column("Mutants", count, key="mutants"),
        Column("Faults", percent, key="fault_share"),
        Column("New coverage", percent, key="accepted_share", on_phone=False),
    ]
    rows: list[list[Value | Cell]] = []
    for name, each in fuzzing.mutations.items():
        of = max(each.mutants, 1)
        accepted = None if fuzzing.criterion in UNGUIDED else each.accepted / of
        rows.append([name, each.mutants, each.faults / of, accepted])
    note = (
        "By the last mutation of each mutant. Faults and new coverage are shares of its mutants; "
        "those outside the bounds are never classified."
    )
    return Table(columns, rows, title="Mutations", note=note)


def _name(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else str(label)
