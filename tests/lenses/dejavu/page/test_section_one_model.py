import json
import shutil

import pytest

from imprint.report.page import write_report
from imprint.study.json_io import write_json


def test_the_page_shows_the_findings(one_model_study, one_model_findings):
    findings = one_model_findings
    page = (one_model_study / "report.html").read_text()
    assert 'id="one-model-result"' in page
    assert "that the model was <em>not trained on</em>" in page
    assert "Classes with the largest scores" in page
    assert "no object boxes" not in page
    assert page.count('<li class="card"') == min(20, findings["claims"]["claimed"])
    for name in findings["against"]:
        assert name.replace("_", " ") in page


@pytest.mark.parametrize(
    ("low", "heading"),
    [(0.05, "The most strongly memorized images"), (-0.05, "Images that only the model got right")],
)
def test_the_gallery_claims_no_more_than_the_heading(one_model_study, tmp_path, low, heading):
    copy = shutil.copytree(one_model_study, tmp_path / "study")
    summary = json.loads((copy / "summary.json").read_text())
    findings = summary["lenses"]["dejavu"]["one_model"]
    findings["non_members"]["against"][findings["best"]]["excess"] |= {
        "value": 0.1,
        "ci95": [low, 0.3],
    }
    write_json(copy / "summary.json", summary)
    page = write_report(copy).read_text()
    assert f"<h3>{heading}</h3>" in page
    assert ("no single image here shows any" in page) == (low < 0)
    assert ("Most memorized" in page) == (low > 0)
