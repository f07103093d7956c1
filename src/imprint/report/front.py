"""The front page: what each analysis found in a line, the model, and where all of it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from imprint.report.lens import Fact, Lens, LensVerdict, lenses_in_order
from imprint.report.model_facts import ModelFacts
from imprint.report.prose import Text, number, prose
from imprint.report.provenance import describe_data
from imprint.report.section import Section
from imprint.report.summary_file import mapping
from imprint.report.wording import interval, percent, plural
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

ANCHOR = "summary"
SIDES = {"members": "members", "non_members": "non-members", "tests": "tests"}
"""Sets that a model's accuracy is known on, as the page calls them."""


@dataclass(frozen=True)
class LensRow:
    """One line of the table of verdicts.

    Attributes:
        lens: the analysis.
        anchor: of its section, or of this line where it was not run.
        verdict: what it found; None where it was not run.
        reason: why it was not run; empty where nobody said.
        first: whether this is the first line of its analysis.
    """

    lens: Lens
    anchor: str
    verdict: LensVerdict | None = None
    reason: str = ""
    first: bool = True

    @property
    def value(self) -> Text:
        """The number, as it is written."""
        if self.verdict is None or self.verdict.value is None:
            return ""
        value = self.verdict.value
        shown = number(value.value if isinstance(value, Estimate) else value, self.verdict.write)
        return prose("{} {}", shown, self.verdict.unit) if self.verdict.unit else shown

    @property
    def interval(self) -> str:
        """The 95 % interval in words; empty without one."""
        if self.verdict is None or not isinstance(self.verdict.value, Estimate):
            return ""
        return interval(self.verdict.value, self.verdict.write)

    @property
    def failed(self) -> list[str]:
        """Names of the controls that failed."""
        controls = {} if self.verdict is None else self.verdict.controls
        return [name for name, passed in controls.items() if not passed]


@dataclass(frozen=True)
class Entry:
    """One entry of the table of contents.

    Attributes:
        anchor: where it leads.
        title: what it is called.
        run: whether there is a section.
        links: anchors and titles below it.
    """

    anchor: str
    title: str
    run: bool = True
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FrontPage:
    """What the first screen shows.

    Attributes:
        facts: large numbers: accuracies, exposed records.
        rows: one or more a lens, every lens; those that were not run are last.
        provenance: names and values.
    """

    facts: Sequence[Fact]
    rows: Sequence[LensRow]
    provenance: Sequence[tuple[str, Text]]


def front_page(summary: Mapping[str, Any], sections: Sequence[Section]) -> FrontPage:
    """Return the front page of a study.

    Raises:
        ImprintError: a finding that it needs is damaged.
    """
    rows = list(_rows(summary, {section.key for section in sections}))
    model = from_json(ModelFacts, summary.get("model", {}), "summary.json")
    exposed = [row.verdict.exposed for row in rows if row.verdict and row.verdict.exposed]
    run_first = sorted(rows, key=lambda row: row.verdict is None)
    facts, provenance = [*_accuracies(model), *exposed], [*_model(model), *_provenance(summary)]
    return FrontPage(facts, run_first, provenance)


def contents(front: FrontPage, sections: Sequence[Section]) -> list[Entry]:
    """Return the table of contents: the summary, every lens, then all other sections."""
    entries = [Entry(ANCHOR, "Summary")]
    by_key = {section.key: section for section in sections}
    named = set()
    for row in sorted(front.rows, key=lambda row: row.lens.order):
        keys = [key for key in by_key if key in row.lens.sections]
        named |= set(keys)
        if row.first:
            links = [link for key in keys for link in _links(by_key[key], row.anchor)]
            entries.append(Entry(row.anchor, row.lens.title, bool(keys), tuple(links)))
    others = [section for key, section in by_key.items() if key not in named]
    return entries + [Entry(section.key, section.title) for section in others]


def _links(section: Section, anchor: str) -> Iterator[tuple[str, str]]:
    """Yield what stands below an entry: links into a section, and the section where it is not it.

    The first link of a section leads to its verdict, where the entry leads already.
    """
    first, *others = section.links
    if section.key != anchor:
        yield section.key, section.title
    elif first[0] != section.key and not others:
        return
    yield from others


def _rows(summary: Mapping[str, Any], keys: set[str]) -> Iterator[LensRow]:
    lenses, not_run = mapping(summary, "lenses"), summary.get("not_run", {})
    for name, lens in lenses_in_order():
        shown = [key for key in lens.sections if key in keys]
        anchor = shown[0] if shown else f"not-run-{name.replace('_', '-')}"
        verdicts = lens.verdicts(lenses)
        for place, verdict in enumerate(verdicts):
            yield LensRow(lens, anchor, verdict, first=place == 0)
        if not verdicts:
            reason = not_run.get(name, "") if isinstance(not_run, Mapping) else ""
            yield LensRow(lens, anchor, reason=str(reason))


def _accuracies(model: ModelFacts) -> Iterator[Fact]:
    if model.accuracy is None:
        return
    for name, words in SIDES.items():
        accuracy = getattr(model.accuracy, name)
        if accuracy is None:
            continue
        mean = f"mean of {plural(model.models, 'model')}" if model.models else ""
        if isinstance(accuracy, Estimate):
            spread = f"95% interval {interval(accuracy)}"
            note = f"{spread} · {mean}" if mean else spread
            yield Fact(f"Accuracy on {words}", number(accuracy.value, percent), note)
        else:
            yield Fact(f"Accuracy on {words}", number(accuracy, percent), mean)


def _model(model: ModelFacts) -> Iterator[tuple[str, Text]]:
    if model.architecture or model.task:
        yield "Model", " · ".join(part for part in (model.architecture, model.task) if part)
    if model.fingerprint:
        yield "Model hash", prose("<code>{}</code>", model.fingerprint)


def _provenance(summary: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    data = describe_data(mapping(summary, "data"))
    if data:
        yield "Data", data
    if "command" in summary:
        first, *flags = str(summary["command"]).split(" --")
        spans = [prose(" <span>--{}</span>", flag) for flag in flags]
        yield "Command", prose("<code>{}{}</code>", first, Markup("").join(spans))
    if "stamp" in summary:
        yield "Run", str(summary["stamp"])
    versions = summary.get("versions", {"imprint": summary.get("imprint", "")})
    if isinstance(versions, Mapping):
        yield "Versions", ", ".join(f"{name} {text}" for name, text in versions.items())
