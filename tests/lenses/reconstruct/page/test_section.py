from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.evaluation import evaluate_samples
from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.page.front import recall_verdicts
from imprint.lenses.reconstruct.page.section import build
from imprint.lenses.reconstruct.page.tables import quality_table, recall_table
from imprint.lenses.reconstruct.page.terminal import show_samples
from imprint.report.gallery import Card, write_gallery
from imprint.report.terminal import to_text
from imprint.study.finding import to_json
from tests.lenses.reconstruct.test_evaluation import readings


def summary(findings: ReconstructFindings) -> dict[str, Any]:
    return {"data": {}, "lenses": {"reconstruct": to_json(findings)}}


def html(tmp_path: Path, findings: ReconstructFindings) -> str:
    section = build(tmp_path, summary(findings))
    assert section is not None
    return str(section.html)


def test_no_samples_no_section(tmp_path: Path) -> None:
    assert build(tmp_path, {"data": {}, "lenses": {}}) is None
    assert recall_verdicts({}) == []


def test_section_shows_both_sets_and_names_the_features(tmp_path: Path) -> None:
    findings = evaluate_samples(
        readings(0.9, 0.3), readings(0.3, 0.3, 1), classifier="resnet", features="dino"
    )
    page = html(tmp_path, findings)
    assert "Samples of the target hold the original’s class more often" in page
    assert "The leak test" in page
    assert "Quality, on features of dino" in page
    assert "Share of samples that resnet gives the original’s class" in page
    assert "There is no leak test" not in page
    assert "reconstruct-gallery" not in page


def test_claim_without_leak_test_has_a_warning(tmp_path: Path) -> None:
    assert "<b>There is no leak test.</b>" in html(tmp_path, evaluate_samples(readings(0.9, 0.3)))


def test_weak_classifier_has_a_warning_with_the_bound(tmp_path: Path) -> None:
    findings = evaluate_samples(readings(0.9, 0.3, accuracy=0.6))
    page = html(tmp_path, findings)
    assert "<b>The classifier is too weak.</b>" in page
    assert "more than 66.4% of them" in page


def test_gallery_is_shown_where_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "gallery" / "reconstruct"
    folder.mkdir(parents=True)
    write_gallery(folder, [Card("cat", "cat/1.png", ())])
    page = html(tmp_path, evaluate_samples(readings(0.9, 0.3)))
    assert "reconstruct-gallery" in page
    assert "cat/1.png" in page


def test_damaged_findings_are_named(tmp_path: Path) -> None:
    content = summary(evaluate_samples(readings(0.9, 0.3)))
    del content["lenses"]["reconstruct"]["originals"]["classifier_accuracy"]
    with pytest.raises(ImprintError, match="classifier_accuracy"):
        build(tmp_path, content)


def test_recall_table_has_a_row_a_quantity() -> None:
    records = recall_table(evaluate_samples(readings(1, 0)).originals).records()
    names = [row["compared"] for row in records]
    assert names == [
        "originals themselves (upper bound)",
        "samples of the target",
        "samples of the reference",
        "target, other originals (chance)",
        "reference, other originals (chance)",
        "target minus reference",
    ]
    assert [row["original_s_class"] for row in records][:3] == [1, 1, 0]
    assert records[-1]["original_s_class"] == 1


def test_quality_of_the_target_alone_has_no_column_of_a_reference() -> None:
    table = quality_table(evaluate_samples(readings(0.5, None)))
    assert [column.title for column in table.columns] == ["measure", "target", "real against real"]
    assert [row[0] for row in table.rows][:3] == [
        *("Fréchet distance, 30 against 30", "Fréchet distance, 60 against 60"),
        "kernel distance",
    ]


def test_terminal_ends_with_the_verdict() -> None:
    findings = evaluate_samples(readings(0.9, 0.3), readings(0.3, 0.3, 1))
    text = to_text(show_samples(to_json(findings)), 100)
    assert "Leak test: the same on images that neither encoder was trained on" in text
    assert text.splitlines()[-1].startswith("Samples of the target hold the original’s class")


def test_front_page_counts_the_leak_test_as_a_control() -> None:
    findings = evaluate_samples(readings(0.9, 0.3), readings(0.9, 0.3, 1))
    (verdict,) = recall_verdicts({"reconstruct": to_json(findings)})
    assert not verdict.found
    assert verdict.controls == {"leak test": False}
    (alone,) = recall_verdicts({"reconstruct": to_json(evaluate_samples(readings(0.9, 0.3)))})
    assert alone.found
    assert alone.controls == {}
