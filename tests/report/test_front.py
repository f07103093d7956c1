import json
import re
from pathlib import Path
from typing import Any

import pytest

from imprint.core.errors import ImprintError
from imprint.report.front import contents, front_page
from imprint.report.lens import Fact, Lens, LensVerdict
from imprint.report.page import write_report
from imprint.report.prose import plain
from imprint.report.section import Section
from imprint.report.wording import points
from imprint.stats.estimate import Estimate

SCORE = Estimate(0.123, (0.05, 0.2), 90)


def verdict(**changes: Any) -> LensVerdict:
    settings = {"statement": "Found", "found": True, "value": SCORE, "write": points}
    return LensVerdict(**{**settings, **changes})


@pytest.fixture
def lenses(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[LensVerdict]]:
    """Two lenses, `first` and `second`, whose verdicts a test sets."""
    verdicts: dict[str, list[LensVerdict]] = {"first": [], "second": []}
    made = [
        (name, Lens(name.title(), "Why?", "imprint it", order, (name, f"{name}_more"), of))
        for order, (name, of) in enumerate(
            {
                "first": lambda _: verdicts["first"],
                "second": lambda _: verdicts["second"],
            }.items()
        )
    ]
    monkeypatch.setattr("imprint.report.front.lenses_in_order", lambda: made)
    return verdicts


def summary(**more: Any) -> dict[str, Any]:
    return {"imprint": "1", "data": {"name": "cats", "members": 5}, "lenses": {}, **more}


def test_a_line_holds_number_interval_and_failed_controls(lenses: Any) -> None:
    lenses["first"].append(verdict(unit="points", controls={"noise": True, "swap": False}))
    row = front_page(summary(), [Section("first", "F", [], 1)]).rows[0]
    assert plain(row.value) == "+12.3 points"
    assert row.interval == "+5.0 to +20.0"
    assert row.failed == ["swap"]
    assert row.anchor == "first"


def test_a_number_without_interval_and_a_verdict_without_number(lenses: Any) -> None:
    lenses["first"] += [verdict(value=0.5, write=str), verdict(value=None)]
    bare, none = front_page(summary(), []).rows[:2]
    assert (plain(bare.value), bare.interval) == ("0.5", "")
    assert (none.value, none.interval) == ("", "")
    assert (bare.first, none.first) == (True, False)


def test_a_lens_that_was_not_run_says_why(lenses: Any) -> None:
    lenses["first"].append(verdict())
    rows = front_page(summary(not_run={"second": "needs images"}), []).rows
    assert [(row.lens.title, row.reason) for row in rows] == [
        ("First", ""),
        ("Second", "needs images"),
    ]
    assert rows[1].anchor == "not-run-second"


def test_what_was_run_stands_first(lenses: Any) -> None:
    lenses["second"].append(verdict())
    front = front_page(summary(), [])
    assert [row.lens.title for row in front.rows] == ["Second", "First"]
    assert [entry.title for entry in contents(front, [])] == ["Summary", "First", "Second"]


def test_contents_hold_every_lens_and_every_other_section(lenses: Any) -> None:
    lenses["first"] += [verdict(), verdict()]
    sections = [
        Section("first", "First", [], 1),
        Section("first_more", "More", [], 2),
        Section("study", "Data and settings", [], 90),
    ]
    entries = contents(front_page(summary(), sections), sections)
    assert [(entry.anchor, entry.title, entry.run) for entry in entries] == [
        ("summary", "Summary", True),
        ("first", "First", True),
        ("not-run-second", "Second", False),
        ("study", "Data and settings", True),
    ]
    assert entries[1].links == (("first_more", "More"),)


def test_accuracies_come_before_exposed_records(lenses: Any) -> None:
    lenses["first"].append(verdict(exposed=Fact("Records exposed", "7")))
    accuracy = {"members": {"value": 0.9, "ci95": [0.8, 0.95], "n": 10}, "non_members": 0.7}
    front = front_page(summary(model={"accuracy": accuracy, "models": 16}), [])
    assert [(fact.title, plain(fact.value), fact.note) for fact in front.facts] == [
        ("Accuracy on members", "90.0%", "95% interval 80.0% to 95.0% · mean of 16 models"),
        ("Accuracy on non-members", "70.0%", "mean of 16 models"),
        ("Records exposed", "7", ""),
    ]


def test_provenance_is_what_the_summary_holds(lenses: Any) -> None:
    more = {
        "model": {"fingerprint": "ab", "architecture": "resnet20", "task": "classification"},
        "command": "imprint audit --model m --k 3",
        "stamp": "2026-11-29",
        "versions": {"imprint": "1", "torch": "2"},
    }
    shown = {name: plain(text) for name, text in front_page(summary(**more), []).provenance}
    assert shown == {
        "Model": "resnet20 · classification",
        "Model hash": "ab",
        "Data": "cats: 5 members",
        "Command": "imprint audit --model m --k 3",
        "Run": "2026-11-29",
        "Versions": "imprint 1, torch 2",
    }
    old = front_page(summary(), []).provenance
    assert [name for name, _ in old] == ["Data", "Versions"]


def test_damaged_facts_are_one_sentence(lenses: Any) -> None:
    with pytest.raises(ImprintError, match="whole number"):
        front_page(summary(model={"models": "many"}), [])


def test_the_page_leads_from_every_line_to_its_section(study: Path) -> None:
    html = write_report(study).read_text(encoding="utf-8")
    front = html[html.index('id="summary"') : html.index('<section id="dejavu"')]
    assert 'href="#dejavu"' in front
    assert 'id="not-run-coverage"' in front
    assert "control failed" in front
    navigation = html[html.index("<nav") : html.index("</nav>")]
    assert re.findall(r'<a href="#([^"]+)"', navigation)[:2] == ["summary", "dejavu"]
    assert navigation.count("not run") == 4


def test_a_date_stands_on_the_page_only_when_it_is_given(study: Path) -> None:
    plain_page = write_report(study).read_bytes()
    assert b"<dt>Run</dt>" not in plain_page
    assert (
        b"<dt>Run</dt><dd>1 May &lt;b&gt;</dd>"
        in write_report(study, stamp="1 May <b>").read_bytes()
    )
    path = study / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "stamp": "2 May"}))
    assert b"<dt>Run</dt><dd>2 May</dd>" in write_report(study).read_bytes()
