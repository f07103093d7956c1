import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.report.page import write_report
from imprint.study.tables import read_table, write_table

HOSTILE = "\"><script>alert('x')</script><img src=x onerror=alert(1)> {{ 7 * 7 }} $x^ &amp; \x00]]>"


class Page(HTMLParser):
    """What a test asks of a page: elements, attributes, text, machine-readable numbers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [
            str(attributes[attribute]) for _, attributes in self.elements if attribute in attributes
        ]

    def numbers(self) -> set[float]:
        return {float(a["value"] or "nan") for tag, a in self.elements if tag == "data"}


def edit(study: Path, change: Any) -> None:
    path = study / "summary.json"
    summary = json.loads(path.read_text())
    change(summary)
    path.write_text(json.dumps(summary))


def edit_cards(study: Path, change: Any) -> None:
    path = study / "gallery" / "dejavu" / "gallery.json"
    content = json.loads(path.read_text())
    change(content["cards"])
    path.write_text(json.dumps(content))


@pytest.fixture(scope="session")
def page(finished_study: Path) -> Page:
    return Page(write_report(finished_study).read_text(encoding="utf-8"))


def test_page_loads_nothing(page: Page) -> None:
    assert not re.search(r"https?://", page.html)
    assert not re.search(r"@import|url\((?!#)", page.html)
    assert page.values("src") == []
    assert all(re.match(r"#|data:", link) for link in page.values("href"))
    assert [tag for tag, _ in page.elements].count("script") == 1


def test_policy_admits_the_page_s_own_script_alone(page: Page) -> None:
    import base64
    import hashlib

    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    script = re.search(r"<script>(.*?)</script>", page.html, flags=re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy


def test_ids_are_unique_and_every_reference_leads_somewhere(page: Page) -> None:
    ids = Counter(page.values("id"))
    assert set(ids.values()) == {1}
    links = {link[1:] for link in page.values("href") if link.startswith("#")}
    clips = set(re.findall(r"url\(#([^)]+)\)", page.html))
    labels = set(page.values("aria-labelledby"))
    assert clips
    assert links | clips | labels <= set(ids)


def test_every_number_is_that_of_the_summary(page: Page, finished_study: Path) -> None:
    findings = json.loads((finished_study / "summary.json").read_text())["lenses"]["dejavu"]
    wanted = {
        estimate["value"]
        for test in ("two_model", "two_model_top5")
        for quantities in findings[test].values()
        for estimate in quantities.values()
    }
    wanted |= {findings["significance"][key] for key in ("memorized", "forgotten")}
    wanted |= {
        sets[name][key]
        for sets in findings["linear_probe"].values()
        for name in ("train", "held_out")
        for key in ("top1", "top5")
    }
    assert wanted <= page.numbers()


def test_numbers_are_written_as_rounded(study: Path) -> None:
    def change(summary: Any) -> None:
        score = {"value": 0.12345, "ci95": [-0.0104, 0.2571], "n": 4321}
        summary["lenses"]["dejavu"]["two_model"]["100"]["score"] = score
        summary["lenses"]["dejavu"]["significance"]["p_value"] = 3.24e-9

    edit(study, change)
    text = Page(write_report(study).read_text(encoding="utf-8")).text
    assert "+12.3points" in text
    assert "95% interval −1.0 to +25.7 points · 4,321 images" in text
    assert "p = 3.2 × 10⁻⁹" in text
    assert "about 12 more under the target model" in text
    assert "zero lies within the interval" in text


def test_a_failed_control_warns_at_the_top(study: Path) -> None:
    assert "A control failed: permuted labels." in write_report(study).read_text(encoding="utf-8")

    def change(summary: Any) -> None:
        summary["lenses"]["dejavu"]["controls"]["permuted_labels"]["expected"] = 0.163

    edit(study, change)
    assert "A control failed" not in write_report(study).read_text(encoding="utf-8")


def test_optional_findings_may_be_absent(study: Path) -> None:
    def change(summary: Any) -> None:
        for key in ("two_model_top5", "controls", "linear_probe"):
            del summary["lenses"]["dejavu"][key]
        for key in ("boxes", "dropped", "layout", "attacked"):
            del summary["data"][key]
        del summary["settings"]

    edit(study, change)
    (study / "tables" / "dejavu" / "epochs.parquet").unlink()
    found = Page(write_report(study).read_text(encoding="utf-8"))
    assert "Over the course of training" not in found.text
    assert "Would overfitting have shown it?" not in found.text
    assert "Every class" in found.text


def test_without_findings_the_page_holds_the_data_alone(study: Path) -> None:
    edit(study, lambda summary: summary["lenses"].clear())
    found = Page(write_report(study).read_text(encoding="utf-8"))
    lenses = ("dejavu", "reconstruct", "membership", "leave-one-out", "coverage")
    not_run = [f"not-run-{name}" for name in lenses]
    summary = ["summary", "summary-title", *not_run]
    assert found.values("id") == ["content", *summary, "study", "study-title"]


def test_same_study_same_bytes_wherever_it_lies(study: Path, tmp_path: Path) -> None:
    first = write_report(study).read_bytes()
    elsewhere = tmp_path / "else where"
    shutil.copytree(study, elsewhere)
    (elsewhere / "report.html").unlink()
    assert write_report(elsewhere).read_bytes() == first
    assert write_report(study).read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_hostile_text_is_shown_and_never_run(study: Path) -> None:
    def change(summary: Any) -> None:
        data, dejavu = summary["data"], summary["lenses"]["dejavu"]
        data["name"] = HOSTILE
        data["class_names"] = [f"{HOSTILE} {row}" for row in range(10)]
        data["dropped"] = {HOSTILE: 3}
        summary["settings"] = {HOSTILE: {HOSTILE: HOSTILE}}
        control = dejavu["controls"]["permuted_labels"]
        dejavu["controls"] = {HOSTILE: {**control, "what": HOSTILE}}
        dejavu["linear_probe"] = {HOSTILE: dejavu["linear_probe"]["A"]}

    def change_cards(cards: Any) -> None:
        for card in cards:
            for key in ("title", "name", "badge"):
                card[key] = HOSTILE
            card["facets"] = dict.fromkeys(card["facets"], HOSTILE)
            card["answers"][0] |= {"who": HOSTILE, "text": HOSTILE, "detail": HOSTILE}
            card["answers"][0]["pictures"][0]["spoken"] = HOSTILE

    edit(study, change)
    edit_cards(study, change_cards)
    found = Page(write_report(study).read_text(encoding="utf-8"))
    tags = Counter(tag for tag, _ in found.elements)
    assert tags["script"] == 1
    assert tags["img"] == 0
    assert not any(name.startswith("on") for _, a in found.elements for name in a)
    assert "<script>alert('x')</script>" in found.text
    assert "{{ 7 * 7 }}" in found.text


def test_every_card_and_every_picture_is_there_once(page: Page, finished_study: Path) -> None:
    gallery = finished_study / "gallery" / "dejavu"
    cards = json.loads((gallery / "gallery.json").read_text())["cards"]
    assert len([1 for _, a in page.elements if a.get("class") == "card"]) == len(cards) == 64
    assert len([1 for tag, _ in page.elements if tag == "image"]) == len(
        list(gallery.glob("*.png"))
    )


def test_right_neighbours_are_ringed(page: Page, finished_study: Path) -> None:
    gallery = finished_study / "gallery" / "dejavu" / "gallery.json"
    right = sum(
        neighbour["ring"]
        for card in json.loads(gallery.read_text())["cards"]
        for answer in card["answers"]
        for neighbour in answer["pictures"]
    )
    assert len([1 for c in page.values("class") if c.split() == ["picture", "same"]]) == right > 0


def test_boxes_follow_a_picture_that_was_reduced(study: Path) -> None:
    def change(cards: Any) -> None:
        card = cards[0]
        card["pictures"][0] |= {
            "width": 320,
            "boxes": [[10, 20, 110, 70]],
            "crop": [200, 0, 320, 320],
        }
        del cards[1:]

    edit_cards(study, change)
    found = Page(write_report(study).read_text(encoding="utf-8"))
    outlines = {a.get("class"): a for tag, a in found.elements if tag == "rect"}
    names = ("x", "y", "width", "height")
    assert [outlines["box"][name] for name in names] == ["1.0", "2.0", "10.0", "5.0"]
    assert [outlines["crop"][name] for name in names] == ["20.0", "0.0", "12.0", "32.0"]


def test_classes_without_images_are_left_out_and_counted(study: Path) -> None:
    path = study / "tables" / "dejavu" / "classes.parquet"
    table = read_table(path)
    for name in ("target_accuracy", "reference_accuracy", "gap", "confidence_gap"):
        table[name] = np.where(np.arange(10) < 2, np.nan, table[name])
    table["n"] = np.where(np.arange(10) < 2, 0, table["n"])
    write_table(path, table)
    found = Page(write_report(study).read_text(encoding="utf-8"))
    assert "2 classes without attacked images left out" in found.text
    assert "nan" not in found.values("data-value")[::7]


def test_no_summary(tmp_path: Path) -> None:
    with pytest.raises(ImprintError, match=r"no summary\.json in .*run the audit"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("summary.json", b"{", r"summary\.json is damaged"),
        ("summary.json", b"[]", r"summary\.json must hold a JSON object"),
        ("summary.json", b"\xff\xfe", r"summary\.json is damaged"),
        (
            "gallery/dejavu/gallery.json",
            b'{"cards": [{}]}',
            r"gallery\.json cannot be used.*title",
        ),
        ("tables/dejavu/curve.parquet", b"PAR1", r"curve\.parquet"),
        ("gallery/dejavu/i0.png", b"GIF89a", r"i0\.png is not a PNG picture"),
    ],
)
def test_damaged_files_are_named(study: Path, file: str, content: bytes, message: str) -> None:
    def show_first_image(cards: Any) -> None:
        cards[0]["pictures"][0]["file"] = "i0.png"

    if file.endswith(".png"):
        edit_cards(study, show_first_image)
    (study / file).write_bytes(content)
    with pytest.raises(ImprintError, match=message):
        write_report(study)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("imprint",), None, "has no imprint"),
        (("data", "name"), None, r"has no data\.name"),
        (("data", "class_names"), None, r"has no data\.class_names"),
        (("data", "attacked"), 7, "attacked is not an object"),
        (("lenses",), None, "has no lenses"),
        (("lenses", "dejavu", "two_model"), {}, "must hold findings by percentage"),
        (("lenses", "dejavu", "two_model"), {"all": {}}, "there is no 'score' at two_model"),
        (
            ("lenses", "dejavu", "two_model", "20", "forgotten"),
            None,
            "no 'forgotten' at two_model",
        ),
        (
            ("lenses", "dejavu", "two_model", "100", "score"),
            0.5,
            r"0\.5 is not an object at",
        ),
        (
            ("lenses", "dejavu", "significance", "p_value"),
            "low",
            "'low' is not a number at",
        ),
        (
            ("lenses", "dejavu", "linear_probe", "A", "train"),
            {"n": 3},
            "no 'top1' at linear_probe",
        ),
    ],
)
def test_missing_findings_are_named(
    study: Path, keys: tuple[str, ...], value: Any, message: str
) -> None:
    def change(summary: Any) -> None:
        for key in keys[:-1]:
            summary = summary[key]
        if value is None:
            del summary[keys[-1]]
        else:
            summary[keys[-1]] = value

    edit(study, change)
    with pytest.raises(ImprintError, match=message):
        write_report(study)


@pytest.mark.parametrize("name", ["records", "curve", "classes"])
def test_missing_tables_and_columns_are_named(study: Path, name: str) -> None:
    path = study / "tables" / "dejavu" / f"{name}.parquet"
    write_table(path, {"index": np.arange(3)})
    with pytest.raises(ImprintError, match=rf"{name}\.parquet has no column"):
        write_report(study)
    path.unlink()
    with pytest.raises(ImprintError, match=rf"no table at .*{name}\.parquet"):
        write_report(study)


@pytest.mark.parametrize("file", ["../../../summary.json", "/etc/hostname", "", ".."])
def test_pictures_outside_the_study_are_refused(study: Path, file: str) -> None:
    def change(cards: Any) -> None:
        cards[0]["pictures"][1]["file"] = file

    edit_cards(study, change)
    with pytest.raises(ImprintError, match="must be the name of a PNG in this folder"):
        write_report(study)


def test_a_failure_leaves_the_old_page(study: Path) -> None:
    before = write_report(study).read_bytes()
    (study / "tables" / "dejavu" / "curve.parquet").unlink()
    with pytest.raises(ImprintError):
        write_report(study)
    assert (study / "report.html").read_bytes() == before
    assert not list(study.glob(".*.part"))
