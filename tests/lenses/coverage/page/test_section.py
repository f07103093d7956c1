from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from imprint.report import wording
from tests.lenses.coverage.commands_on_files import arrays, measured


def page_text(page: Path) -> str:
    """Return the words of a page between its tags, figures and all, one space apart."""
    body = page.read_text().partition('id="coverage-result"')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("m", [2, 9])
def test_headline_table_terminal_and_figures_agree_with_the_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, m: int
) -> None:
    words = ("--criteria", "all", "--param", f"idc.m={m}", "idc.k=3")
    findings = measured(tmp_path, arrays(seed), *words)
    shown, page = capsys.readouterr().out, tmp_path / "out" / "report.html"
    text, cells = page_text(page), findings["cells"]["idc"]
    inside, trained = cells["training_cells_reached"], cells["training_cells"]
    assert cells["training_share"] == inside / trained
    share = wording.percent(inside / trained, 0)
    headline = f"The tests reach {share} of the patterns of important neurons that training inputs"
    assert f"{headline} show: {inside} of {trained}" in text
    new = cells["reached"] - inside
    assert (
        f"Training inputs show {trained} cells; the tests reach {inside} of these, and {new} that "
        "no training input shows" in text
    )
    chance = cells["rarefaction"]["next_is_new"]
    assert f"a new one with a probability of {wording.percent(chance)}" in text
    bound = cells["rarefaction"]["estimated"]
    reach = f"60 tests reach {cells['reached']} cells; estimated asymptotic coverage at least about"
    assert f"{reach} {wording.count(bound['value'])} cells; training images reach {trained}" in (
        page.read_text()
    )
    for name, criterion in findings["criteria"].items():
        if "missing" in criterion:
            assert f"{name} missing: {criterion['missing']}" in shown
            assert f"{name.upper()} is missing: {criterion['missing']}" in text
            continue
        value, low_high = criterion["value"], criterion["ci95"]
        share = criterion["ceiling"] is not None and criterion["ceiling"] <= 1
        write = wording.percent if share else wording.quantity
        row = next(line for line in shown.splitlines() if line.split()[:1] == [name.upper()])
        assert row.split()[1] == write(value)
        assert write(value) in text
        if isinstance(low_high, dict):
            reason = re.escape(low_high["missing"])
            assert re.search(rf"{name}(, [a-z]+)* (has|have) no interval: {reason}", shown)
            assert re.search(rf"{name.upper()}(, [A-Z]+)* (has|have) none: {reason}", text)
        else:
            low, high = map(write, low_high)
            assert f"[{low}, {high}]" in row
            assert f"{low} to {high}" in text
