"""A gallery of the kit as a person uses it: facets and numbers of any name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imprint.report.blocks import Part
from imprint.report.front import FrontPage
from imprint.report.gallery import Card, CardPicture, read_gallery, write_gallery
from imprint.report.page import render_page
from imprint.report.section import Section
from imprint.report.table import Column, Table
from imprint.report.wording import percent

pytestmark = pytest.mark.browser


@pytest.fixture
def page(driver: Any, tmp_path: Path) -> Any:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    cards = [
        Card(
            label, f"{index}.png", (CardPicture("a.png", label),),
            facets={"Kind \"x\"": kind, "Class": label}, numbers={"least error": number},
        )
        for index, (label, kind, number) in enumerate(
            [("dog 10", "a", 0.5), ("cat", "b", 2.5), ("dog 9", "a", -1.0)]
        )
    ]  # fmt: skip
    write_gallery(tmp_path, cards)
    gallery = read_gallery(tmp_path, "key", "Filter")
    assert gallery is not None
    table = Table(
        [Column("Class"), Column("Gap", percent), Column("Group")],
        [["b", 0.5, "y"], ["a", 0.7, "z"], ["c", float("nan"), "x"]],
        sorted_by="Gap",
    )
    section = Section("s", "S", [Part("Gallery", [gallery]), Part("Table", [table])], 10)
    html = render_page("n", "t", "0", [section], FrontPage((), (), ()))
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    driver.get((tmp_path / "page.html").as_uri())
    yield driver
    assert driver.get_log("browser") == []


def shown(page: Any) -> list[str]:
    script = """return [...document.querySelectorAll(".card")]
        .filter((card) => card.checkVisibility()).map((card) => card.dataset.label)"""
    return list(page.execute_script(script))


def select(page: Any, name: str, value: str) -> None:
    script = """const select = document.querySelector(`[name=${arguments[0]}]`);
        select.value = arguments[1]; select.dispatchEvent(new Event("input", {bubbles: true}))"""
    page.execute_script(script, name, value)


def test_cards_come_sorted_by_the_first_number_and_by_class_on_demand(page: Any) -> None:
    assert shown(page) == ["cat", "dog 10", "dog 9"]
    select(page, "sort", "label")
    assert shown(page) == ["cat", "dog 9", "dog 10"]


def test_facets_filter(page: Any) -> None:
    page.execute_script("document.querySelector('input[name=f0][value=a]').click()")
    assert shown(page) == ["dog 10", "dog 9"]
    select(page, "f1", "cat")
    assert shown(page) == []
    assert "No card fits" in page.find_element("css selector", ".none").text


def test_columns_of_text_and_of_numbers_are_sorted_each_in_its_way(page: Any) -> None:
    def order(column: int) -> list[str]:
        page.find_elements("css selector", "table.sortable button")[column].click()
        script = (
            "return [...document.querySelectorAll('tbody tr')].map((r) => r.cells[0].innerText)"
        )
        return list(page.execute_script(script))

    assert order(2) == ["c", "b", "a"]
    assert order(1) == ["a", "b", "c"]
    assert order(1) == ["b", "a", "c"]
