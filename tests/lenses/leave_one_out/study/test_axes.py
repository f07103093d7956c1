"""Images saved with their channels last are the images saved with their channels first."""

import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.study.tables import read_table

CONV = ("--kernel", "conv", "--depth", "2")


def write(file, x, **more):
    np.savez(file, x=x, y=np.arange(len(x)) % 2, **more)
    return file


def fit(file, out, *more):
    words = ["leave-one-out", "fit", "--arrays", str(file), "--out", str(out), *CONV, *more]
    return run([*words, "--json"])


def values(out):
    table = read_table(out / "leave_one_out" / "records.parquet")
    return np.stack([table["kl_out_in"], table["auc"], table["leverage"]])


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(40, 3, 8, 8))


@pytest.mark.parametrize("channels", [3, 4])
def test_either_order_is_recognised(tmp_path, capsys, channels):
    x = np.random.default_rng(1).normal(size=(20, channels, 8, 8))
    queried = x[:3] + 0.1
    fit(write(tmp_path / "first.npz", x, queries=queried), tmp_path / "first")
    last = write(
        tmp_path / "last.npz", x.transpose(0, 2, 3, 1), queries=queried.transpose(0, 2, 3, 1)
    )
    summary = fit(last, tmp_path / "last")
    assert summary["data"]["axes"] == f"{channels} × 8 × 8, channels last (recognised by the shape)"
    assert f"{channels} × 8 × 8, channels last" in capsys.readouterr().err
    np.testing.assert_allclose(values(tmp_path / "first"), values(tmp_path / "last"), rtol=1e-9)
    queries = [
        np.load(tmp_path / order / "leave_one_out" / "queries" / "kl_out_in.npy")
        for order in ("first", "last")
    ]
    np.testing.assert_allclose(*queries, rtol=1e-9)
    assert "channels last (recognised" in (tmp_path / "last" / "report.html").read_text()


def test_an_ambiguous_channel_axis_must_be_named(tmp_path):
    x = np.random.default_rng(2).normal(size=(12, 4, 6, 5))
    file = write(tmp_path / "a.npz", x)
    with pytest.raises(
        ImprintError, match=r"4 channels if these come first and of 5 if last: give"
    ):
        fit(file, tmp_path / "out")
    assert not (tmp_path / "out" / "leave_one_out").exists()
    summary = fit(file, tmp_path / "first", "--channels", "first")
    assert summary["data"]["axes"] == "4 × 6 × 5, channels first (by --channels)"
    turned = write(tmp_path / "b.npz", x.transpose(0, 2, 3, 1))
    fit(turned, tmp_path / "last", "--channels", "last")
    np.testing.assert_allclose(values(tmp_path / "first"), values(tmp_path / "last"), rtol=1e-9)
    fit(file, tmp_path / "other", "--channels", "last")
    assert not np.allclose(values(tmp_path / "first"), values(tmp_path / "other"))


def test_later_queries_may_come_in_either_order(x, tmp_path):
    fit(write(tmp_path / "a.npz", x.transpose(0, 2, 3, 1)), tmp_path / "fit")
    results = []
    for name, queries in (("first", x[:2] + 1), ("last", (x[:2] + 1).transpose(0, 2, 3, 1))):
        np.savez(tmp_path / f"{name}.npz", queries=queries)
        words = ["--fit", str(tmp_path / "fit"), "--queries", str(tmp_path / f"{name}.npz")]
        run(["leave-one-out", "query", *words, "--out", str(tmp_path / name), "--json"])
        results.append(np.load(tmp_path / name / "leave_one_out" / "queries" / "auc.npy"))
    np.testing.assert_allclose(*results, rtol=1e-9)


@pytest.mark.parametrize("command", ["optimise", "landscape"])
def test_searches_read_the_same_images(x, tmp_path, command):
    file = write(tmp_path / "a.npz", x[:16].transpose(0, 2, 3, 1))
    words = ["--arrays", str(file), "--out", str(tmp_path / "out"), *CONV, "--removed", "1"]
    words += ["--steps-per-side" if command == "landscape" else "--steps", "2", "--json"]
    summary = run(["leave-one-out", command, *words])
    assert summary["data"]["axes"].startswith("3 × 8 × 8, channels last")
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["data"] == summary["data"]


def test_an_order_where_none_is_needed_is_refused(x, tmp_path):
    file = write(tmp_path / "a.npz", x)
    words = ["leave-one-out", "fit", "--out", str(tmp_path / "out"), "--channels", "last"]
    with pytest.raises(ImprintError, match="does not apply to kernel fc"):
        run([*words, "--arrays", str(file)])
    with pytest.raises(ImprintError, match="applies to --arrays, not to images"):
        run([*words, "--kernel", "conv", "--composite-count", "30"])
    flat = write(tmp_path / "b.npz", x.reshape(40, 3, 64))
    with pytest.raises(ImprintError, match=r"shape \[40, 3, 64\], but kernel conv takes images"):
        fit(flat, tmp_path / "out")


def test_the_order_means_nothing_to_rows_of_numbers(x, tmp_path):
    for name, images in (("first", x), ("last", x.transpose(0, 2, 3, 1))):
        file = write(tmp_path / f"{name}.npz", images)
        words = ["--arrays", str(file), "--out", str(tmp_path / name), "--json"]
        summary = run(["leave-one-out", "fit", *words])
        assert "axes" not in summary["data"]
    np.testing.assert_allclose(values(tmp_path / "first"), values(tmp_path / "last"), rtol=1e-9)
