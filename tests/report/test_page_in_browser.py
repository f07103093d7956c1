"""The page as a person uses it: filters, sorting, more cards, nothing loaded, nothing logged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint.report.page import write_report

pytestmark = pytest.mark.browser

CATEGORY, SIDE, CLASS = "f0", "f1", "f2"
"""Facets of the gallery in their order."""
STRENGTH, CONFIDENCE = "n0", "n1"
"""Its numbers likewise."""


@pytest.fixture
def page(driver: Any, finished_study: Path) -> Iterator[Any]:
    path = finished_study / "report.html"
    if not path.exists():
        write_report(finished_study)
    driver.set_window_size(1280, 900)
    driver.get(path.as_uri())
    wait_until_whole(driver, path.as_uri())
    yield driver
    assert driver.get_log("browser") == []


def wait_until_whole(driver: Any, address: str) -> None:
    """Wait until a page is parsed to its end: under load the driver may return before."""
    from selenium.webdriver.support.ui import WebDriverWait

    script = "return document.readyState === 'complete' && location.href.startsWith(arguments[0])"
    WebDriverWait(driver, 120).until(lambda each: each.execute_script(script, address))


def visible(page: Any, key: str) -> list[str]:
    script = """
        return [...document.querySelectorAll(".card")]
            .filter((card) => card.checkVisibility()).map((card) => card.dataset[arguments[0]])"""
    return list(page.execute_script(script, key))


def choose(page: Any, name: str, value: str) -> None:
    """Choose an option from the keyboard."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    select = page.find_element(By.NAME, name)
    values = [o.get_attribute("value") for o in select.find_elements(By.TAG_NAME, "option")]
    select.send_keys(Keys.HOME, *[Keys.ARROW_DOWN] * values.index(value))
    assert select.get_attribute("value") == value


def click(page: Any, selector: str) -> None:
    from selenium.webdriver.common.by import By

    element = page.find_element(By.CSS_SELECTOR, selector)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def column(page: Any, number: int) -> list[str]:
    script = """
        return [...document.querySelectorAll("table.sortable tbody tr")]
            .map((row) => row.cells[arguments[0]].dataset.value)"""
    return list(page.execute_script(script, number))


def test_the_first_cards_are_shown_and_more_on_demand(page: Any) -> None:
    assert len(visible(page, "label")) == 24
    click(page, ".more button")
    assert len(visible(page, "label")) == 48
    click(page, ".more button")
    assert len(visible(page, "label")) == 64
    assert not page.execute_script(
        "return document.querySelector('.more button').checkVisibility()"
    )


def test_category_filter(page: Any) -> None:
    click(page, "input[value=correlated] + span")
    shown = visible(page, CATEGORY)
    assert set(shown) == {"correlated"}
    status = page.execute_script("return document.querySelector('.shown').textContent")
    total = len([1 for category in _all(page, CATEGORY) if category == "correlated"])
    assert status == f"{len(shown)} of {total} shown"


def _all(page: Any, key: str) -> list[str]:
    script = "return [...document.querySelectorAll('.card')].map((c) => c.dataset[arguments[0]])"
    return list(page.execute_script(script, key))


def test_side_class_and_text_filters_combine(page: Any) -> None:
    from selenium.webdriver.common.by import By

    label = visible(page, "label")[0]
    choose(page, CLASS, label)
    assert set(visible(page, "label")) == {label}
    side = visible(page, SIDE)[-1]
    choose(page, SIDE, side)
    assert set(visible(page, SIDE)) == {side}
    text = visible(page, "text")[-1]
    field = page.find_element(By.NAME, "text")
    field.send_keys(text.split("/")[-1].upper())
    assert visible(page, "text") == [text]
    field.send_keys(" nothing like this")
    assert visible(page, "text") == []
    assert page.execute_script("return document.querySelector('.none').checkVisibility()")


def test_cards_are_sorted(page: Any) -> None:
    strength = [float(value) for value in visible(page, STRENGTH)]
    assert strength == sorted(strength, reverse=True)
    choose(page, "sort", CONFIDENCE)
    confidence = [float(value) for value in visible(page, CONFIDENCE)]
    assert confidence == sorted(confidence, reverse=True)
    choose(page, "sort", "label")
    labels = visible(page, "label")
    assert labels == sorted(labels)
    assert len(set(labels)) > 1


def test_more_cards_keep_filter_and_order(page: Any) -> None:
    click(page, "input[value=memorized] + span")
    click(page, ".more button")
    shown = visible(page, STRENGTH)
    assert len(shown) == len([1 for c in _all(page, CATEGORY) if c == "memorized"]) > 24
    assert set(visible(page, CATEGORY)) == {"memorized"}
    assert [float(s) for s in shown] == sorted(map(float, shown), reverse=True)
    focused = page.execute_script("return document.activeElement.dataset.n0")
    assert focused == shown[24]


def test_classes_are_sorted_by_heading_and_by_keyboard(page: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    gaps = [float(value) for value in column(page, 4)]
    assert gaps == sorted(gaps, reverse=True)
    click(page, "table.sortable th:nth-child(5) button")
    assert [float(value) for value in column(page, 4)] == sorted(gaps)
    first = page.find_element(By.CSS_SELECTOR, "table.sortable th:nth-child(1) button")
    first.send_keys(Keys.ENTER)
    names = column(page, 0)
    assert names == sorted(names)
    headings = page.find_elements(By.CSS_SELECTOR, "table.sortable thead th")
    orders = [heading.get_attribute("aria-sort") for heading in headings]
    assert orders == ["ascending", "none", "none", "none", "none", "none", None]


@pytest.mark.parametrize("width", [380, 1280])
def test_nothing_overflows_sideways(page: Any, width: int) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_is_requested(page: Any) -> None:
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert [name for name in page.execute_script(script) if not name.startswith("data:")] == []


def test_pictures_are_drawn_and_small_ones_stay_sharp(page: Any) -> None:
    script = """
        const picture = document.querySelector(".card .picture").getBoundingClientRect();
        const image = document.querySelector("image");
        return [picture.width, picture.height, getComputedStyle(image).imageRendering]"""
    width, height, rendering = page.execute_script(script)
    assert width == pytest.approx(height)
    assert width > 100
    assert rendering == "pixelated"
