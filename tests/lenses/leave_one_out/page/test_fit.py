import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import (
    DuplicateGroups,
    Duplicates,
    FitFindings,
    NearCopies,
)
from imprint.lenses.leave_one_out.page.fit import fit_table, path_table, verdict_statement
from imprint.report.page import write_report
from imprint.report.terminal import to_text
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json
from imprint.study.json_io import write_json
from imprint.study.tables import read_table, write_table

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("strongest") / "out"
    few = ["--composite-count", "60", "--input-size", "8", "--noise", "0.5,0.1"]
    main(["leave-one-out", "fit", *few, "--out", str(out), "--json"])
    return out


@pytest.fixture(scope="module")
def findings(study: Path) -> FitFindings:
    lens = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    return from_json(FitFindings, lens, "summary.json")


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    shutil.copytree(study, tmp_path / "copy")
    return tmp_path / "copy"


def change(root: Path, name: str, edit: Any) -> None:
    content = json.loads((root / name).read_text())
    edit(content)
    write_json(root / name, content)


def test_the_page_holds_the_numbers_of_the_summary(study: Path, findings: FitFindings) -> None:
    page = (study / "report.html").read_text()
    values = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
    for estimate in (
        findings.leave_one_out_accuracy,
        findings.auc.median,
        findings.kl_out_in.median,
    ):
        assert estimate.value in values
    assert findings.effective_degrees_of_freedom in values
    assert page.count('class="plot"') == 3
    assert 'id="leave-one-out-noise"' in page


@pytest.mark.parametrize(
    ("typical", "share", "found", "words"),
    [
        (0.6, 0.7, True, "typical record reveals its membership: TPR 60.0% at FPR 0.1%"),
        (0.04, 0.02, True, "2.0% of the records reveal their membership more often than not"),
        (0.04, 0.0, False, "No record's membership is revealed more often than not: the median"),
    ],
)
def test_the_verdict_follows_the_true_positive_rates(
    findings: FitFindings, typical: float, share: float, found: bool, words: str
) -> None:
    tpr = dataclasses.replace(findings.tpr, median=Estimate(typical, (0, 1), 100))
    given_away = dataclasses.replace(findings.given_away, value=share, tpr=0.5, fpr=0.001)
    changed = dataclasses.replace(findings, tpr=tpr, given_away=given_away)
    is_found, statement = verdict_statement(changed)
    assert is_found == found
    assert words in statement


def test_the_verdict_goes_either_way_with_the_noise(tmp_path: Path) -> None:
    few = ["--composite-count", "60", "--input-size", "8", "--json"]
    kinds = {}
    for noise in ("0.01", "1000"):
        out = tmp_path / noise
        main(["leave-one-out", "fit", *few, "--noise", noise, "--out", str(out)])
        page = (out / "report.html").read_text()
        assert "This is the worst case" in page
        kinds[noise] = re.findall(r'class="verdict (\w+)"', page)[0]
    assert kinds == {"0.01": "found", "1000": "nothing"}


def test_names_are_text_and_never_markup(copy: Path) -> None:
    def edit(content: Any) -> None:
        content["cards"][0] |= {"title": HOSTILE, "name": HOSTILE}

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
    rows = [int(row) for row in re.findall(r'<th scope="row"[^>]*>(\d+)</th>', part)]
    assert rows[:20] == records["index"][order[:20]].tolist()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leave_one_out/records.parquet", "no table at"),
        ("gallery/leave_one_out/gallery.json", "no gallery.json"),
    ],
)
def test_a_missing_file_is_named(copy: Path, name: str, message: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ImprintError, match=message):
        write_report(copy)


def test_a_damaged_card_is_refused(copy: Path) -> None:
    change(copy, "gallery/leave_one_out/gallery.json", lambda content: content["cards"][0].clear())
    with pytest.raises(ImprintError, match="there is no 'title'"):
        write_report(copy)


def test_a_missing_finding_is_named(copy: Path) -> None:
    change(copy, "summary.json", lambda content: content["lenses"]["leave_one_out"].pop("noise"))
    with pytest.raises(ImprintError, match="there is no 'noise'"):
        write_report(copy)


def test_the_table_of_a_fit_names_its_duplicates(findings: FitFindings) -> None:
    exact = DuplicateGroups(1, 2, 1, ((3, 9),), ((3, 9),))
    near = NearCopies(2, 4, 0, ((3, 9), (5, 6)), (), 0.01)
    duplicates = Duplicates(exact, near, Missing("needs the whole kernel matrix"))
    table = fit_table(dataclasses.replace(findings, duplicates=duplicates))
    rows = {str(row[0]): row[1] for row in table.rows}
    assert rows["exact copies, left out together"] == "2 records in 1 group"
    assert rows["copies with different labels"] == "1, index 3 and 9"
    assert rows["near copies (within 1%), left out one at a time"] == "4 records in 2 groups"
    assert max(map(len, to_text([table]).splitlines())) <= 80


def test_the_noise_path_has_a_row_per_variance(findings: FitFindings) -> None:
    assert [row["noise"] for row in path_table(findings).records()] == [0.5, 0.1]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("label", np.nan),
        ("label", 2**62),
        ("label", -1),
        ("prediction_out", 1e308),
        ("first_copy", np.inf),
        ("leverage", HOSTILE),
        ("kl_out_in", np.inf),
    ],
)
def test_edited_columns_of_records_are_refused(study, tmp_path, column, value):
    out = shutil.copytree(study, tmp_path / "out")
    file = out / "leave_one_out" / "records.parquet"
    columns = read_table(file)
    columns[column] = np.full(len(columns["index"]), value)
    write_table(file, columns)
    with pytest.raises(ImprintError, match=f"damaged column '{column}': delete"):
        write_report(out)
