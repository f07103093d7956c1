import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.page.figures import leave_one_out_figures
from imprint.lenses.leave_one_out.page.gallery import read_missed
from imprint.lenses.leave_one_out.page.plots import MOST_POINTS, divergence_histogram
from imprint.lenses.leave_one_out.page.section import _verdict
from imprint.report.page import write_report
from imprint.stats.estimate import Estimate
from imprint.study.json_io import write_json
from imprint.study.tables import read_table

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("missed") / "out"
    few = ["--composite-count", "60", "--input-size", "8", "--noise", "0.5,0.1"]
    main(["leave-one-out", "fit", *few, "--out", str(out), "--json"])
    return out


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    shutil.copytree(study, tmp_path / "copy")
    return tmp_path / "copy"


def change(root: Path, name: str, edit: Any) -> None:
    content = json.loads((root / name).read_text())
    edit(content)
    write_json(root / name, content)


def test_the_page_says_what_the_summary_holds(study: Path) -> None:
    page = (study / "report.html").read_text()
    found = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    values = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
    for estimate in (
        found["leave_one_out_accuracy"],
        found["auc"]["median"],
        found["kl_out_in"]["median"],
    ):
        assert estimate["value"] in values
    assert found["effective_degrees_of_freedom"] in values
    assert page.count('class="plot"') == 3
    assert 'id="leave-one-out-noise"' in page


@pytest.mark.parametrize(
    ("typical", "share", "kind", "words"),
    [
        (0.6, 0.7, "found", "at one false alarm in 1,000, it is found out in 60.0% of cases"),
        (
            0.04,
            0.02,
            "found",
            "2.0% of all are found out more often than not, a typical one in 4.0%",
        ),
        (0.04, 0.0, "nothing", "No record is found out more often than not"),
    ],
)
def test_the_verdict_follows_how_surely_records_are_found_out(
    typical: float, share: float, kind: str, words: str
) -> None:
    found, statement = _verdict(
        Estimate(typical, (0, 1), 100), Estimate(share, (0, 1), 100), 0.5, 0.001
    )
    assert found == kind
    assert words in statement


def test_the_verdict_goes_either_way_with_the_noise(tmp_path: Path) -> None:
    few = ["--composite-count", "60", "--input-size", "8", "--json"]
    said = {}
    for noise in ("0.01", "1000"):
        out = tmp_path / noise
        main(["leave-one-out", "fit", *few, "--noise", noise, "--out", str(out)])
        page = (out / "report.html").read_text()
        assert "This is the worst case" in page
        said[noise] = re.findall(r'class="verdict (\w+)"', page)[0]
    assert said == {"0.01": "found", "1000": "nothing"}


def test_names_are_text_and_never_markup(copy: Path) -> None:
    def edit(content: Any) -> None:
        content["cards"][0] |= {"label": HOSTILE, "name": HOSTILE, "prediction_out": HOSTILE}

    change(copy, "gallery/leave_one_out/gallery.json", edit)
    page = write_report(copy).read_text()
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page


def test_without_pictures_there_is_a_table(copy: Path) -> None:
    shutil.rmtree(copy / "gallery" / "leave_one_out")
    page = write_report(copy).read_text()
    records = read_table(copy / "leave_one_out" / "records.parquet")
    order = np.argsort(-records["kl_out_in"])
    part = page[page.index('id="leave-one-out-records"') :]
    rows = [int(row) for row in re.findall(r'<th scope="row">(\d+)</th>', part)]
    assert rows[:20] == records["index"][order[:20]].tolist()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leave_one_out/records.parquet", "no table at"),
        ("gallery/leave_one_out/gallery.json", "no gallery.json"),
    ],
)
def test_what_is_missing_is_named(copy: Path, name: str, message: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ImprintError, match=message):
        write_report(copy)


def test_a_damaged_card_is_told(copy: Path) -> None:
    change(copy, "gallery/leave_one_out/gallery.json", lambda content: content["cards"][0].clear())
    with pytest.raises(ImprintError, match="is damaged"):
        read_missed(copy / "gallery" / "leave_one_out")


def test_a_finding_that_is_missing_is_named(copy: Path) -> None:
    change(copy, "summary.json", lambda content: content["lenses"]["leave_one_out"].pop("noise"))
    with pytest.raises(ImprintError, match="has no noise"):
        write_report(copy)


@pytest.mark.parametrize("values", [[0.0, 0.0], [2.0, 2.0], [0.0, 1e-12, 5.0], [1e-300, 1e3]])
def test_any_divergences_can_be_drawn(values: list[float]) -> None:
    assert divergence_histogram(np.array(values)).startswith("<svg")


def test_of_many_records_a_part_is_drawn_and_said() -> None:
    random = np.random.default_rng(0)
    count = 3 * MOST_POINTS
    names = ("kl_out_in", "kl_variance", "kl_out_in", "leverage", "residual_norm")
    records = {name: random.random(count) for name in names}
    scatter = leave_one_out_figures(records, None)[1]
    assert "Drawn are 1,000 of 3,000 records" in scatter.caption
    assert 0.9 * MOST_POINTS < scatter.svg.count("<use") < 1.1 * MOST_POINTS
