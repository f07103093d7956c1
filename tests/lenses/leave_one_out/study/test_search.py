import numpy as np
import pytest

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.study.records import read_records
from imprint.study.tables import read_table


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


ENDLESS = ["--objective", "mean_distance", "--removed", "2", "--steps", "3", "--json"]


@pytest.mark.parametrize("more", [[], ["--kernel", "features"], ["--kernel", "conv"]])
def test_a_distance_without_limit_is_refused(arrays, tmp_path, more):
    words = ["--arrays", str(arrays), "--out", str(tmp_path / "out"), *ENDLESS, *more]
    with pytest.raises(ImprintError, match="grows without limit with the length of a query"):
        run(["leave-one-out", "optimise", *words])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "more",
    [["--domain", "sphere"], ["--b-std", "0.1"], ["--kernel", "rbf"], ["--activation", "erf"]],
)
def test_a_distance_with_a_limit_is_climbed(arrays, tmp_path, more):
    words = ["--arrays", str(arrays), "--out", str(tmp_path / "out"), *ENDLESS, *more]
    assert run(["leave-one-out", "optimise", *words])["lenses"]["leave_one_out_search"]["searches"]


def test_pictures_of_queries_are_compared_with_the_records_pixel_by_pixel(tmp_path):
    out = tmp_path / "out"
    words = ["--composite-count", "30", "--input-size", "6", "--removed", "4", "--steps", "8"]
    found = run(["leave-one-out", "optimise", *words, "--out", str(out), "--json"])
    records = read_table(out / "leave_one_out_search" / "records.parquet")
    options = RecordOptions(out=out, composite_count=30, input_size=6)
    inputs, _, _ = read_records(options)
    queries = np.load(out / "leave_one_out_search" / "queries.npy")[:, 0]
    for row, index in enumerate(records["index"]):
        truth = inputs.values[list(inputs.index).index(index)]
        scaled = queries[row] * max(0, (queries[row] * truth).sum() / (queries[row] ** 2).sum())
        mean, deviation = (
            side[:, None, None] for side in (inputs.pixels.mean, inputs.pixels.deviation)
        )
        shown, record = np.clip(scaled * deviation + mean, 0, 1), truth * deviation + mean
        assert 0 <= record.min() <= record.max() <= 1 + 1e-12
        error = ((shown - record) ** 2).mean()
        assert records["psnr"][row] == pytest.approx(-10 * np.log10(error), rel=1e-6)
        correlation = np.corrcoef(shown.ravel(), record.ravel())[0, 1]
        assert records["pixel_correlation"][row] == pytest.approx(correlation, rel=1e-9)
    shown = found["lenses"]["leave_one_out_search"]
    assert shown["psnr"]["value"] == pytest.approx(np.median(records["psnr"]))
    assert "peak signal-to-noise ratio" in (out / "report.html").read_text()


@pytest.mark.parametrize("command", ["optimise", "landscape"])
def test_a_noise_path_is_no_business_of_searches_and_lines(command, arrays, tmp_path):
    words = ["--arrays", str(arrays), "--noise", "0.1,0.2", "--out", str(tmp_path / "out")]
    with pytest.raises(ImprintError, match="--noise has 2 variances, and only a fit"):
        run(["leave-one-out", command, *words])
