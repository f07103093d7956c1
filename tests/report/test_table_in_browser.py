"""Tables of many intervals as a person sees them: whole, at the width of a laptop."""

from pathlib import Path
from typing import Any

import pytest

from imprint.report.front import FrontPage
from imprint.report.page import render_page
from imprint.report.section import Section
from imprint.report.table import Column, Table
from imprint.report.wording import percent, points, significant
from imprint.stats.estimate import Estimate

pytestmark = pytest.mark.browser


def test_eight_columns_of_intervals_are_not_cut_off(driver: Any, tmp_path: Path) -> None:
    estimate = Estimate(-0.425, (-0.8012, -0.1512), 40)
    columns = [
        Column("Reference"),
        *(Column(f"Score, {cut}", points, unit="points") for cut in ("all images", "top 20%")),
        *(Column(name, percent) for name in ("Reference right", "Memorized", "Forgotten")),
        Column("Correlated", percent),
        Column("Temperature", significant),
    ]
    table = Table(columns, [["crop classifier", *[estimate] * 6, 3.69]])
    section = Section("references", "References", [table], 1)
    path = tmp_path / "page.html"
    html = render_page("n", "t", "0", [section], FrontPage((), (), ()))
    path.write_bytes(html.encode("utf-8", errors="replace"))
    driver.set_window_size(1280, 900)
    driver.get(path.as_uri())
    widths = driver.execute_script(
        "const box = document.querySelector('.scroll'); return [box.scrollWidth, box.clientWidth]"
    )
    assert widths[0] <= widths[1]
