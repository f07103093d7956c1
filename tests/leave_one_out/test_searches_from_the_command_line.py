import numpy as np
import pytest

from imprint.cli import run
from imprint.tables import read_table


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(0)
    file = tmp_path / "records.npz"
    np.savez(file, x=rng.normal(size=(60, 20)), y=np.arange(60) % 2)
    return file


def test_optimise_finds_records_and_says_so(arrays, tmp_path):
    out = tmp_path / "out"
    words = ["--arrays", str(arrays), "--removed", "8", "--out", str(out), "--json"]
    found = run(["leave-one-out", "optimise", *words])["lenses"]["leave_one_out_search"]
    records = read_table(out / "leave_one_out_search" / "records.parquet")
    assert found["success"]["value"] == np.mean(records["certificate"] >= 0.999) >= 0.8
    assert found["identified"]["value"] == np.mean(records["nearest"] == records["index"])
    assert np.load(out / "leave_one_out_search" / "queries.npy").shape == (8, 1, 20)
    assert "Revealing queries" in (out / "report.html").read_text()


@pytest.mark.parametrize("domain", ["sphere", "box"])
def test_groups_of_one_class(arrays, tmp_path, domain):
    out = tmp_path / "out"
    words = ["--arrays", str(arrays), "--out", str(out), "--json", "--removed", "3"]
    words += ["--group-size", "2", "--queries", "2", "--domain", domain, "--start", "records"]
    words += ["--steps", "20"]
    found = run(["leave-one-out", "optimise", *words])["lenses"]["leave_one_out_search"]
    records = read_table(out / "leave_one_out_search" / "records.parquet")
    assert found["searches"] == 3
    assert found["identified"]["n"] == len(set(records["index"])) == 6
    for search in range(3):
        assert len(set(records["label"][records["search"] == search])) == 1
    queries = np.load(out / "leave_one_out_search" / "queries.npy")
    x = np.load(arrays)["x"]
    if domain == "box":
        assert x.min() <= queries.min()
        assert queries.max() <= x.max()
    else:
        np.testing.assert_allclose(np.ptp(np.linalg.norm(queries, axis=2)), 0, atol=1e-9)


def test_landscape_peaks_at_the_records(arrays, tmp_path):
    out = tmp_path / "out"
    words = ["--arrays", str(arrays), "--removed", "4", "--out", str(out), "--json"]
    found = run(["leave-one-out", "landscape", *words])["lenses"]["leave_one_out_landscape"]
    assert found["peak_at_record"]["kl_out_in"] == found["peak_at_record"]["auc"] == 1
    assert found["peak_at_record"]["mean_distance"] < 1
    lines = read_table(out / "leave_one_out_landscape" / "lines.parquet")
    assert len(lines["index"]) == 4 * 6 * 41
    assert "Around records" in (out / "report.html").read_text()
