"""Coverage and the impartiality of test sets, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.impartiality_findings import (
    AdversarialSets,
    Impartiality,
)
from imprint.lenses.coverage.page.impartiality_figures import impartiality_figures
from imprint.report.blocks import Block, Bullets, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import bare_p_value, count, fixed, percent, plural

NOTE = (
    "Correlation of coverage with Pielou's evenness of the predicted classes over sets of one "
    "size. The 95% intervals are over sets drawn from these tests, which share some of them. "
    "Pooled: over the sets of every size, each in units of its own mean and spread. "
    "p: of no pooled correlation, by Student's t, adjusted for all criteria together (Holm)."
)
ADVERSARIAL_NOTE = (
    "Pooled correlations, as above, over sets whose inputs all fool the network, and over these "
    "and the clean sets together, each size in units of one mean and spread."
)


def impartiality_blocks(findings: Impartiality) -> Iterator[Block]:
    """Yield verdict, figure, table and conclusions of ``coverage impartiality``."""
    low, high = findings.range
    number = plural(findings.sets * len(findings.sizes), "test set")
    *smaller, largest = (count(size) for size in findings.sizes)
    sizes = f"{', '.join(smaller)} or {largest}" if smaller else largest
    yield Verdict(
        impartiality_headline(findings),
        [
            f"Is coverage higher where the predictions are spread over more classes? {number} of "
            f"{sizes} tests have class mixes from one class alone to all {findings.classes} in "
            f"equal shares; the evenness of the predictions runs from {fixed(2)(low)} to "
            f"{fixed(2)(high)}.",
            *_attacked(findings.adversarial),
        ],
        found=bool(following(findings)),
        anchor="coverage-result",
        link="Coverage",
    )
    figures = impartiality_figures(findings)
    if figures:
        yield Figures(figures)
    yield Part(
        "All criteria", [correlation_table(findings)], "coverage-impartiality", "Impartiality"
    )
    adversarial = findings.adversarial
    if isinstance(adversarial, AdversarialSets):
        title, anchor = "Sets of adversarial inputs", "coverage-impartiality-attacked"
        yield Part(title, [adversarial_table(adversarial)], anchor, "Adversarial sets")
    yield from missing_list(findings.missing, str.upper)
    if isinstance(adversarial, Missing):
        yield Bullets([f"Sets of adversarial inputs are missing: {adversarial.missing}."])
    yield conclusions(
        ["Which criteria notice that a test set leaves out classes."],
        [
            "An even spread of predictions is one kind of diversity; a criterion may measure "
            "another.",
            "Correlations over sets of different sizes would measure size: these do not.",
        ],
    )


def _attacked(adversarial: AdversarialSets | Missing | None) -> Iterator[str]:
    if not isinstance(adversarial, AdversarialSets):
        return
    low, high = adversarial.range
    success = adversarial.success
    assert not isinstance(success, Missing)
    yield (
        f"As many sets are drawn from inputs by {adversarial.attack}, which fools the network on "
        f"{percent(success.value)} of {plural(adversarial.attacked, 'test')}, by the classes of "
        f"their originals; the evenness of what the network names then runs from {fixed(2)(low)} "
        f"to {fixed(2)(high)}."
    )


def following(findings: Impartiality) -> list[str]:
    """Return the criteria whose pooled correlation is above 0 with its whole interval."""
    return [
        name
        for name, each in findings.measured.items()
        if not isinstance(each.pooled, Missing) and each.pooled.low > 0
    ]


def impartiality_headline(findings: Impartiality) -> str:
    """Return the main finding as one sentence without its full stop."""
    rising, total = following(findings), len(findings.measured)
    if not rising:
        criteria = plural(total, "criterion", "criteria")
        return f"None of {criteria} rises with the evenness of the predictions"
    verb = "rises" if len(rising) == 1 else "rise"
    return (
        f"{len(rising)} of {plural(total, 'criterion', 'criteria')} {verb} with the evenness of "
        "the predictions"
    )


def impartiality_verdict(findings: Impartiality) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(impartiality_headline(findings), bool(following(findings)))


def impartiality_lines(findings: Impartiality) -> list[Printed]:
    """Return table and main finding, for the terminal."""
    lines: list[Printed] = [correlation_table(findings)]
    if isinstance(findings.adversarial, AdversarialSets):
        lines.append(adversarial_table(findings.adversarial))
    if isinstance(findings.adversarial, Missing):
        lines.append(f"sets of adversarial inputs missing: {findings.adversarial.missing}")
    return [*lines, impartiality_headline(findings)]


def correlation_table(findings: Impartiality) -> Table:
    """Return the correlations of every criterion."""
    columns = [
        Column("Criterion"),
        Column("Pooled", fixed(2)),
        Column("p", bare_p_value, key="adjusted"),
    ]
    for size in findings.sizes:
        columns += [
            Column(f"Pearson, {count(size)}", fixed(2), key=f"pearson_{size}", on_phone=False),
            Column(f"Spearman, {count(size)}", fixed(2), key=f"spearman_{size}", on_phone=False),
        ]
    rows: list[list[Value | Cell]] = []
    for name, each in findings.measured.items():
        row: list[Value | Cell] = [name.upper(), each.pooled, each.adjusted]
        for size in findings.sizes:
            row += [each.pearson[str(size)], each.spearman[str(size)]]
        rows.append(row)
    return Table(columns, rows, title="Correlation with the evenness of predictions", note=NOTE)


def adversarial_table(adversarial: AdversarialSets) -> Table:
    """Return the correlations over adversarial sets, and over these and clean ones together."""
    columns = [
        Column("Criterion"),
        Column("Adversarial", fixed(2)),
        Column("p", bare_p_value, key="adjusted"),
        Column("Both kinds", fixed(2), key="overall"),
    ]
    rows: list[list[Value | Cell]] = [
        [name.upper(), each.pooled, each.adjusted, adversarial.overall[name]]
        for name, each in adversarial.criteria.items()
    ]
    title = f"Correlation over sets of inputs by {adversarial.attack}"
    return Table(columns, rows, title=title, note=ADVERSARIAL_NOTE)
