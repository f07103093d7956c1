"""What adversarial inputs change in coverage, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    AttackFindings,
    CoverageChange,
    Way,
)
from imprint.lenses.coverage.page.share_curves import scaled, share_curves
from imprint.report.blocks import Block, Bullets, Details, Figures, Part, Verdict, conclusions
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.lens import LensVerdict
from imprint.report.prose import prose
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import (
    bare_p_value,
    count,
    fixed,
    percent,
    plural,
    short_percent,
    significant,
)

LEVEL = 0.05
WORDS: Mapping[Way, str] = {"replace": "replaced", "add": "added"}
TITLES: Mapping[Way, str] = {
    "replace": "Inputs by {} in place of others",
    "add": "Inputs by {} in addition",
}
NOTE = (
    "Changes of the value of a set, signed, in marks (cells, sections, neurons or patterns) where "
    "a criterion counts some; means over draws with 95% intervals, the tests being the same. "
    "Fresh: by the clean originals of the adversarial inputs in their place. Beyond: adversarial "
    "less fresh, paired. NCov: the change as a share of the range of all changes of the criterion. "
    "The p-value is of nothing beyond, two-sided, adjusted for all changes together (Holm)."
)


def adversarial_blocks(findings: AdversarialChanges) -> Iterator[Block]:
    """Yield verdict, figure, tables and conclusions of ``coverage adversarial``."""
    attacks = "; ".join(_success(name, each) for name, each in findings.attacks.items())
    yield Verdict(
        adversarial_headline(findings),
        [
            "Does coverage notice adversarial inputs? Sets are drawn from "
            f"{plural(findings.correct, 'test')} that the network classifies correctly, "
            f"{plural(findings.draws, 'draw')} of each size. Inputs that fool the network replace "
            "a share of a set, or are added to it; so do their clean originals, which no set holds "
            f"otherwise. {attacks}.",
        ],
        found=bool(noticing(findings)),
        anchor="coverage-result",
        link="Coverage",
    )
    figures = [
        excess_figure(findings, name, way)
        for name, each in findings.attacks.items()
        for way in WORDS
        if each.changes
    ]
    if figures:
        yield Figures(figures)
    yield from _by_share(findings)
    for name, each in findings.attacks.items():
        for way in WORDS if each.changes else ():
            table = change_table(findings, name, way, every_share=False)
            anchor = f"coverage-adversarial-{name}-{way}"
            yield Part(table.title, [table], anchor, f"{name} {WORDS[way]}")
            every = change_table(findings, name, way)
            if len(every.rows) > len(table.rows):
                yield Details(f"{table.title}: all sizes and shares", [every])
    missing = [
        prose("Nothing is measured for <b>{}</b>: {}.", name, each.unmeasured)
        for name, each in findings.attacks.items()
        if each.unmeasured is not None
    ]
    missing += [
        prose("<b>{}</b> is missing: {}.", name.upper(), why)
        for name, why in findings.missing.items()
    ]
    if missing:
        yield Bullets(missing)
    yield conclusions(
        ["Which criteria rise where adversarial inputs take the place of clean ones."],
        [
            "Inputs that fool the network are a choice: they may lie near a boundary before the "
            "attack. Their originals share that, so that what is beyond them is due to the attack.",
            "A criterion that rises does not say that the inputs are wrong, only that they are "
            "different.",
        ],
    )


def _by_share(findings: AdversarialChanges) -> Iterator[Block]:
    names = in_order(findings)
    replaced, added = (share_curves(findings, names, way) for way in WORDS)
    if replaced:
        folded = Details("Figures of inputs that are added", [Figures(added, in_rows=True)])
        yield Part(
            "By the share of adversarial inputs",
            [Figures(replaced, in_rows=True), folded],
            "coverage-adversarial-shares",
            "Shares",
        )


def _success(name: str, found: AttackFindings) -> str:
    if isinstance(found.success, Missing):
        return f"{name}: {found.success.missing}"
    success = percent(found.success.value)
    return f"{name} fools the network on {success} of {count(found.attacked)} inputs"


def largest(found: AttackFindings, way: Way) -> dict[str, CoverageChange]:
    """Return the change by the largest share of the largest set, by criterion."""
    return {
        name: max((each for each in changes if each.way == way), key=lambda e: (e.size, e.share))
        for name, changes in found.changes.items()
    }


def in_order(findings: AdversarialChanges) -> list[str]:
    """Return the criteria, those first that rise most beyond fresh inputs, over all attacks."""
    rises: dict[str, list[float]] = {}
    for found in findings.attacks.values():
        for way in WORDS:
            for name, each in largest(found, way).items():
                unit = findings.ranges[name] or 1.0
                rises.setdefault(name, []).append(each.excess.value / unit)
    return sorted(rises, key=lambda name: (-sum(rises[name]), name))


def noticing(findings: AdversarialChanges) -> list[str]:
    """Return the criteria that rise beyond fresh inputs under every attack, replaced and added."""
    measured = [each for each in findings.attacks.values() if each.changes]
    changes = [largest(each, way) for each in measured for way in WORDS]
    if not changes:
        return []
    return [
        name
        for name in changes[0]
        if all(each[name].adjusted <= LEVEL and each[name].excess.value > 0 for each in changes)
    ]


def adversarial_headline(findings: AdversarialChanges) -> str:
    """Return the main finding as one sentence without its full stop."""
    measured = [each for each in findings.attacks.values() if each.changes]
    if not measured:
        return "No attack fools the network often enough to measure sets"
    total = plural(len(largest(measured[0], "add")), "criterion", "criteria")
    rising = len(noticing(findings))
    attack = "the attack" if len(measured) == 1 else f"each of {len(measured)} attacks"
    who = (
        f"{rising} of {total} {'rises' if rising == 1 else 'rise'}"
        if rising
        else (f"None of {total} rises")
    )
    return f"{who} more with inputs of {attack} than with fresh clean ones"


def adversarial_verdict(findings: AdversarialChanges) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(adversarial_headline(findings), bool(noticing(findings)))


def adversarial_lines(findings: AdversarialChanges) -> list[Printed]:
    """Return tables and sentences for the terminal."""
    lines: list[Printed] = []
    for name, each in findings.attacks.items():
        if each.unmeasured is None:
            tables = (change_table(findings, name, way, every_share=False) for way in WORDS)
            lines += [replace(table, note="") for table in tables]
        else:
            lines.append(f"{name} missing: {each.unmeasured}")
        lines.append(_success(name, each))
    lines += [f"{name} missing: {why}" for name, why in findings.missing.items()]
    return [*lines, NOTE, adversarial_headline(findings)]


def change_table(
    findings: AdversarialChanges, attack: str, way: Way, *, every_share: bool = True
) -> Table:
    """Return what inputs of an attack change, by criterion, size and share.

    Args:
        findings: all.
        attack: one of them.
        way: replaced or added.
        every_share: else the largest of the largest size alone.
    """
    found = findings.attacks[attack]
    at_most = largest(found, way)
    columns = [
        Column("Criterion"),
        Column("Set", count, key="size", on_phone=False),
        Column("Share", percent),
        Column("Change", significant),
        Column("Relative", percent, on_phone=False),
        Column("NCov", fixed(2), on_phone=False),
        Column("Fresh", significant),
        Column("Beyond", significant, key="excess"),
        Column("p", bare_p_value, key="adjusted"),
    ]
    rows = [
        _row(name, each, findings.marks.get(name, 1.0))
        for name in in_order(findings)
        for each in (found.changes[name] if every_share else (at_most[name],))
        if each.way == way
    ]
    return Table(columns, rows, title=TITLES[way].format(attack), note=NOTE)


def _row(name: str, change: CoverageChange, mark: float) -> list[Value | Cell]:
    values = (scaled(each, mark) for each in (change.change, change.fresh, change.excess))
    raw, fresh, excess = values
    return [
        name.upper(), change.size, change.share, raw, change.relative, change.ncov, fresh, excess,
        change.adjusted,
    ]  # fmt: skip


def excess_figure(findings: AdversarialChanges, attack: str, way: Way) -> Intervals:
    """Return what is beyond fresh inputs at the largest share, by criterion."""
    changes = largest(findings.attacks[attack], way)
    dots = []
    for name in in_order(findings):
        excess = scaled(changes[name].excess, findings.ranges[name] or 1.0)
        dots.append(Interval(name.upper(), excess.value, excess.low, excess.high))
    spoken = ", ".join(f"{dot.name} {percent(dot.value)}" for dot in dots)
    return Intervals(
        name=f"coverage-adversarial-{attack}-{way}",
        title=TITLES[way].format(attack),
        caption="At the largest share of the largest sets: adversarial less fresh, as a share of "
        "the range of all changes of a criterion, with its 95% interval over draws.",
        description=f"Dots, adversarial less fresh: {spoken}.",
        axis=Axis("adversarial less fresh", short_percent),
        groups=[IntervalGroup(dots)],
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )
