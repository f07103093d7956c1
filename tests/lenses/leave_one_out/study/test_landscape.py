import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.report.page import write_report
from imprint.study.tables import read_table


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(0)
    file = tmp_path / "records.npz"
    np.savez(file, x=rng.normal(size=(60, 20)), y=np.arange(60) % 2)
    return file


def test_the_caption_of_a_landscape_follows_from_its_numbers(arrays, tmp_path):
    out = tmp_path / "out"
    words = ["--arrays", str(arrays), "--removed", "3", "--steps-per-side", "2"]
    words += ["--out", str(out)]
    run(["leave-one-out", "landscape", *words, "--json"])
    assert "along every line, as it must be" in (out / "report.html").read_text()
    summary = json.loads((out / "summary.json").read_text())
    found = summary["lenses"]["leave_one_out_landscape"]
    found["peak_at_record"]["kl_out_in"] = 0.875
    found["most_above_the_record"]["kl_out_in"] = 0.0031
    (out / "summary.json").write_text(json.dumps(summary))
    page = write_report(out).read_text()
    assert "along every line, as it must be" not in page
    assert "along 87.5% of the lines, and elsewhere above it by up to 0.31%" in page


def test_landscape_peaks_at_the_records(arrays, tmp_path):
    out = tmp_path / "out"
    words = ["--arrays", str(arrays), "--removed", "4", "--out", str(out), "--json"]
    found = run(["leave-one-out", "landscape", *words])["lenses"]["leave_one_out_landscape"]
    assert found["peak_at_record"]["kl_out_in"] == found["peak_at_record"]["auc"] == 1
    assert found["peak_at_record"]["mean_distance"] < 1
    lines = read_table(out / "leave_one_out_landscape" / "lines.parquet")
    assert len(lines["index"]) == 4 * 6 * 41
    assert "Around records" in (out / "report.html").read_text()
