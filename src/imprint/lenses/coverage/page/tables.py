"""Tables of coverage, the same on the page, the terminal and in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from imprint.core.missing import Missing
from imprint.lenses.coverage.criterion.criterion import CRITERIA, FAMILIES
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    CriterionFinding,
    GapFinding,
    ImportanceFindings,
    ScopesFinding,
    ScoredNeuron,
    SelectorFindings,
    VotedNeuron,
    WisdomFindings,
)
from imprint.report.prose import Text
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import Writer, count, percent, plural, quantity, significant
from imprint.stats.estimate import Estimate

MEAN_OVER_TEST_SETS = (
    "The 95% intervals are of the mean value over test sets of this size, drawn independently from "
    "the same source; near-copies among the tests make them too narrow, and they do not allow for "
    "kinds of input that are absent from the tests."
)
BY_PREDICTION = "Surprise criteria judge each test by the class that the network predicts"
SCOPES = {"class": "Class", "layer": "Layer", "group": "Third of the depth"}


def in_page_order(names: Iterable[str]) -> list[str]:
    """Return names of criteria: those of cells first, then by family."""
    known = set(CRITERIA.names())

    def place(name: str) -> tuple[int, str]:
        family = FAMILIES.index(CRITERIA.get(name).family) if name in known else len(FAMILIES)
        return family, name

    return sorted(names, key=place)


def criteria_tables(findings: CoverageFindings) -> list[Table]:
    """Return the criteria that are shares, and those that count without such a bound."""
    measured = findings.measured
    shares = [name for name, each in measured.items() if _is_share(each)]
    counts = [name for name in measured if name not in shares]
    title = f"Coverage by {plural(findings.test, 'test')}"
    tables: list[Table] = []
    for names, heading, write in ((shares, "Coverage", percent), (counts, "Count", quantity)):
        if names:
            columns = [
                Column("Criterion"),
                Column(heading, write, key="value"),
                Column("Ceiling", write, on_phone=False),
                Column("Of the ceiling", percent),
            ]
            rows = [_criterion_row(name, measured[name]) for name in in_page_order(names)]
            tables.append(Table(columns, rows, title="" if tables else title))
    return tables


def _is_share(criterion: CriterionFinding) -> bool:
    return criterion.ceiling is not None and 0 < criterion.ceiling <= 1


def _criterion_row(name: str, finding: CriterionFinding) -> list[Value | Cell]:
    known = name in CRITERIA.names()
    value = (
        finding.value
        if isinstance(finding.ci95, Missing)
        else Estimate(finding.value, finding.ci95, finding.n)
    )
    title = Cell(name.upper(), note=CRITERIA.get(name).meaning if known else "")
    return [title, value, finding.ceiling, finding.normalised]


def without_interval(findings: CoverageFindings) -> Mapping[str, str]:
    """Return why criteria that have a value have no interval."""
    reasons = {name: findings.measured[name].ci95 for name in in_page_order(findings.measured)}
    return {name: why.missing for name, why in reasons.items() if isinstance(why, Missing)}


def by_reason(reasons: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return criteria that share a reason, ``has`` or ``have``, and the reason.

    >>> by_reason({"nc": "too few", "cc": "ordered", "idc": "too few"})
    [('nc, idc', 'have', 'too few'), ('cc', 'has', 'ordered')]
    """
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    return [
        (", ".join(group), "has" if len(group) == 1 else "have", reason)
        for reason, group in names.items()
    ]


def scope_table(part: str, scopes: ScopesFinding, class_names: Sequence[str] = ()) -> Table:
    """Return the coverage of each class, layer or third of the depth."""
    title = SCOPES.get(part, part)
    columns = [
        Column(title),
        Column("IDC", percent, key="value"),
        Column("Ceiling", percent),
        Column("Cells", count, key="reached", on_phone=False),
        Column("Tests", count, key="n", on_phone=False),
    ]
    rows: list[list[Value]] = [
        [name, e.value, e.ceiling, e.reached, e.n]
        for name, e in zip(
            scope_names(part, scopes, class_names), scopes.scopes.values(), strict=True
        )
    ]
    which = "that tests of each class reach" if part == "class" else "of each part"
    note = (
        f"Cells of the most important neurons {which}; their mean coverage is "
        f"{percent(scopes.mean)}."
    )
    return Table(columns, rows, title=f"IDC by {title.lower()}", note=note)


def scope_names(part: str, scopes: ScopesFinding, class_names: Sequence[str] = ()) -> Sequence[str]:
    """Return how scopes are called: classes by their names where these are known."""
    names = dict(enumerate(class_names)) if part == "class" else {}
    return [names.get(int(name), name) if names else name for name in scopes.scopes]


def gap_table(gaps: Sequence[GapFinding]) -> Table:
    """Return ranges that no test reaches, with training inputs in them by name."""
    columns = [
        Column("Neuron"),
        Column("Range without tests"),
        Column("Range of training", on_phone=False),
        Column("Training inputs", count, key="inputs"),
        Column("Among them"),
    ]
    rows: list[list[Value | Cell]] = [
        [
            Cell(f"{gap.layer} #{gap.neuron}"),
            f"{significant(gap.low)} to {significant(gap.high)}",
            f"{significant(gap.training[0])} to {significant(gap.training[1])}",
            gap.images,
            ", ".join(example.name or str(example.index) for example in gap.examples),
        ]
        for gap in gaps
    ]
    note = (
        "Ranges of important neurons that training inputs reach and no test does, the fullest "
        "first. To test there, use inputs like these."
    )
    return Table(columns, rows, title="Ranges that no test reaches", note=note)


def importance_tables(findings: ImportanceFindings) -> list[Table]:
    """Return the leading neurons of each attribution."""
    return [
        _neuron_table(f"Importance by {method}", [("Score", quantity)], each.leading)
        for method, each in findings.importance.methods.items()
    ]


def vote_table(findings: WisdomFindings) -> Table:
    """Return the leading neurons of a vote."""
    vote = findings.wisdom
    settled = "settled" if vote.settled else "not settled"
    columns: list[tuple[str, Writer]] = [("Votes", quantity), ("Leads in resamples", percent)]
    title = f"Votes of {plural(vote.batches, 'ballot')}, {settled}"
    return _neuron_table(title, columns, vote.leading)


def _neuron_table(
    title: str,
    columns: Sequence[tuple[str, Writer]],
    neurons: Sequence[ScoredNeuron] | Sequence[VotedNeuron],
) -> Table:
    rows: list[list[Value]] = [
        [each.layer, each.neuron, each.score]
        if isinstance(each, ScoredNeuron)
        else [each.layer, each.neuron, each.votes, each.frequency]
        for each in neurons
    ]
    headings = [Column(name, write) for name, write in columns]
    return Table([Column("Layer"), Column("Neuron", str), *headings], rows, title=title)


def selector_table(findings: SelectorFindings) -> Table:
    """Return how often the selector finds the best attribution of held-out images."""
    columns = [
        Column("Selector of"),
        Column("Best attribution", percent, key="accuracy"),
        Column("Always the most frequent", percent, key="most_frequent"),
    ]
    scopes = findings.scopes.items()
    rows: list[list[Value]] = [[name, e.accuracy, e.most_frequent] for name, e in scopes]
    note: Text = "Share of held-out images for which the best attribution is selected."
    return Table(columns, rows, title="Selector of attributions", note=note)
