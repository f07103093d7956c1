import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.findings import (
    MembershipFindings,
    best_attack,
)
from imprint.lenses.membership.page.figures import read_scores
from imprint.lenses.membership.page.verdict import attack_verdict
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.report.gallery import Card, CardPicture, write_gallery
from imprint.report.page import write_report
from imprint.study.finding import from_json
from imprint.study.json_io import write_json
from imprint.study.tables import read_table

RECORDS, MODELS = 400, 6
HOSTILE = "<script>alert(1)</script>"


def make_arrays(file: Path, gap: float) -> Path:
    random = np.random.default_rng(0)
    place, where = random.normal(0, 2, size=RECORDS), random.normal(0, 2, size=100)
    members = np.argsort(random.random((MODELS, RECORDS)), axis=0) < MODELS // 2
    inside = np.arange(RECORDS) < RECORDS // 2
    noise = random.normal(size=(MODELS + 1, 1, RECORDS))
    np.savez(
        file,
        signals=noise[1:] + place + gap * members[:, None],
        members=members,
        target=noise[0] + place + gap * inside,
        target_members=inside,
        population=random.normal(size=(1, 100)) + where,
    )
    return file


@pytest.fixture(scope="session")
def arrays_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``membership attack`` leaves behind: tables, no pictures."""
    root = tmp_path_factory.mktemp("membership")
    attack_membership_arrays(make_arrays(root / "arrays.npz", 2.0), root / "study", signal="phi")
    return root / "study"


@pytest.fixture(scope="session")
def whole_study(arrays_study: Path, finished_study: Path) -> Path:
    """The same beside a déjà vu study, with pictures and a triage."""
    root = arrays_study.parent / "whole"
    shutil.copytree(finished_study, root)
    shutil.copytree(arrays_study / "membership", root / "membership")
    summary = json.loads((root / "summary.json").read_text())
    found = json.loads((arrays_study / "summary.json").read_text())["lenses"]["membership"]
    found["triage"] = {
        "verdict": "Look closer.",
        "loss_gap": 0.25,
        "accuracy": {"members": 0.98, "non_members": 0.75},
        "calibration_slope": {"members": 1.5, "non_members": 0.5},
        "auc": {"value": 0.9, "ci95": [0.85, 0.95], "n": 400},
        "tail": {"fpr": 0.025, "tpr": {"missing": "too few"}},
        "worth_it": True,
    }
    found["shadows"] = {"count": 6, "accuracy": {"members": 0.97, "non_members": 0.7}}
    summary["lenses"]["membership"] = found
    summary["data"] |= {"members": 200, "non_members": 200, "population": 100, "references": 6}
    write_json(root / "summary.json", summary)
    best, _ = best_attack(from_json(MembershipFindings, found, "summary.json").attacks)
    _write_pictures(root, best)
    write_report(root)
    return root


def _write_pictures(root: Path, best: str) -> None:
    folder = root / "gallery" / "membership"
    folder.mkdir(parents=True)
    table = read_table(root / "membership" / f"{best}.parquet")
    found = exposure({best: table["score"]}, table["member"], best)
    cards = []
    for rank, row in enumerate(found.order[:30].tolist(), start=1):
        label = ("ant", "bee", HOSTILE)[row % 3]
        pixels = np.full((6, 6, 3), row, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"image_{row}.png")
        called = "none" if found.fpr[row] == 0 else "some"
        cards.append(
            Card(
                title=label,
                name=f"{label}/{row}.png · index {row}",
                pictures=(CardPicture(f"image_{row}.png", f"The image: {label}"),),
                badge=str(rank),
                facets={"False positives": called, "Class": label},
                numbers={"exposure": -float(rank), "attacks that agree": float(rank % 4)},
            )
        )
    write_gallery(folder, cards)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html[html.index("<main") :]).split())


def test_arrays_alone_make_a_section(arrays_study: Path) -> None:
    html = write_report(arrays_study).read_text()
    findings = json.loads((arrays_study / "summary.json").read_text())["lenses"]["membership"]
    best, least = best_attack(from_json(MembershipFindings, findings, "summary.json").attacks)
    assert least == "0.1"
    text = text_of(html)
    assert f"Members are found more often than by guessing: {best} has TPR" in text
    assert "at 10% FPR; no record can be named with confidence" in text
    assert "200 members and 200 non-members with 6 reference models" in text
    assert "fewer than five false positives are expected are left out" in text
    for name, attack in findings["attacks"].items():
        assert name in text
        assert f'<data value="{attack["auc"]["value"]}">' in html
        assert f'<data value="{attack["balanced_accuracy"]["value"]}">' in html
    for name, reason in findings["skipped"].items():
        assert f"{name} : {reason}" in text
    assert html.count('class="plot"') == 3
    assert "Which attacks share their top records?" in text
    scores, _ = read_scores(arrays_study / "membership", [best])
    first = re.search(r'id="membership-exposed".*?<th scope="row">(\d+)</th>', html, re.DOTALL)
    assert first is not None
    assert scores["member"][int(first[1])]


def test_pictures_triage_and_dejavu_stand_beside_each_other(whole_study: Path) -> None:
    html = (whole_study / "report.html").read_text()
    text = text_of(html)
    assert (
        "the network classifies 98.0% of its members correctly and 75.0% of the non-members" in text
    )
    assert "lower by 0.25 nats" in text
    assert "shadow models classify 97.0% of their own training images correctly" in text
    assert "100 non-members, disjoint from those, are the population" in text
    assert html[html.index('id="exposed-cards"') :].count('<li class="card"') == 30
    assert HOSTILE not in html
    anchors = re.findall(r'<image id="([^"]+)"', html)
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r'<use href="#([^"]+)"', html)) <= set(anchors) | set(
        re.findall(r' id="([^"]+)"', html)
    )


def test_failed_controls_stand_first_and_warn(arrays_study: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(arrays_study, tmp_path / "study"))
    summary = json.loads((study / "summary.json").read_text())
    control = summary["lenses"]["membership"]["attacks"]["rmia"]["controls"]["swapped_target"]
    control["value"] = {"value": 0.7, "ci95": [0.65, 0.75], "n": 400}
    write_json(study / "summary.json", summary)
    text = text_of(write_report(study).read_text())
    assert "A control failed: swapped target." in text
    assert "Failed: rmia." in text
    assert text.index("failed swapped target") < text.index("passed permuted membership")


def test_a_damaged_study_is_an_error(arrays_study: Path, whole_study: Path, tmp_path: Path) -> None:
    study = Path(shutil.copytree(arrays_study, tmp_path / "arrays"))
    (study / "membership" / "rmia.parquet").unlink()
    with pytest.raises(ImprintError, match=r"no table at .*rmia\.parquet"):
        write_report(study)
    study = Path(shutil.copytree(whole_study, tmp_path / "whole"))
    write_json(study / "gallery" / "membership" / "gallery.json", {"cards": [{"rank": 1}]})
    with pytest.raises(ImprintError, match=r"gallery\.json cannot be used"):
        write_report(study)


@pytest.fixture
def page(driver: Any, whole_study: Path) -> Iterator[Any]:
    driver.set_window_size(1280, 900)
    driver.get((whole_study / "report.html").as_uri())
    yield driver
    assert driver.get_log("browser") == []


def shown(page: Any, selector: str, key: str) -> list[str]:
    script = """
        return [...document.querySelectorAll(arguments[0])]
            .filter((card) => card.checkVisibility()).map((card) => card.dataset[arguments[1]])"""
    return list(page.execute_script(script, selector, key))


def choose(part: Any, name: str, value: str) -> None:
    """Choose an option from the keyboard."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    select = part.find_element(By.NAME, name)
    values = [o.get_attribute("value") for o in select.find_elements(By.TAG_NAME, "option")]
    select.send_keys(Keys.HOME, *[Keys.ARROW_DOWN] * values.index(value))
    assert select.get_attribute("value") == value


@pytest.mark.browser
def test_both_galleries_filter_and_sort_by_themselves(page: Any) -> None:
    from selenium.webdriver.common.by import By

    part = page.find_element(By.ID, "membership-exposed")
    others = shown(page, "#cards .card", "text")
    ranks = [float(value) for value in shown(page, "#exposed-cards .card", "n0")]
    assert ranks == [-float(rank) for rank in range(1, 25)]
    choose(part, "f1", "bee")
    assert set(shown(page, "#exposed-cards .card", "label")) == {"bee"}
    choose(part, "f1", "")
    choose(part, "sort", "n1")
    agreement = [float(value) for value in shown(page, "#exposed-cards .card", "n1")]
    assert agreement == sorted(agreement, reverse=True)
    assert len(set(agreement)) > 1
    more = part.find_element(By.CSS_SELECTOR, ".more button")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", more)
    more.click()
    assert len(shown(page, "#exposed-cards .card", "label")) == 30
    assert shown(page, "#cards .card", "text") == others


@pytest.mark.browser
@pytest.mark.parametrize("width", [380, 1280])
def test_nothing_overflows_sideways(page: Any, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_page_of_noise_claims_no_record(tmp_path: Path) -> None:
    attack_membership_arrays(make_arrays(tmp_path / "arrays.npz", 0.0), tmp_path / "study")
    text = text_of(write_report(tmp_path / "study").read_text())
    assert "No attack separates members from non-members: the best," in text
    assert "so this order may be chance: no image here can be named" in text


def test_a_page_below_chance_names_possible_causes(tmp_path: Path) -> None:
    attack_membership_arrays(
        make_arrays(tmp_path / "arrays.npz", -2.0), tmp_path / "study", ["loss"]
    )
    text = text_of(write_report(tmp_path / "study").read_text())
    assert "Below chance: loss scores members lower than non-members (AUC" in text
    assert "Warning: the logit margins are smaller on members than on non-members" in text
    assert "Less than guessing: members score lower than non-members" in text
    assert "loss : below chance" in text


def test_headlines_are_of_the_attack_and_rate_that_the_heading_names(arrays_study: Path) -> None:
    content = json.loads((arrays_study / "summary.json").read_text())["lenses"]["membership"]
    verdict = attack_verdict(from_json(MembershipFindings, content, "summary.json").attacks)
    text = text_of(write_report(arrays_study).read_text())
    assert verdict.heading in text
    assert f"numbers below are those of {verdict.about} , the attack in the heading" in text
    assert f"TPR at {float(verdict.rate or 0):.0%} FPR" in text
