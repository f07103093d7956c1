"""Queries, groups and additions of fits beyond dense memory, beside the dense fit."""

import json
import shutil

import numpy as np
import pytest

from imprint.cli import main, run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.study import solve
from imprint.study.tables import read_table

RECORDS, QUERIES = 90, 7
FOLDER = "leave_one_out"
METHODS = {
    "exact": ((), 1e-6),
    "hybrid": ((), 2e-4),
    "out_of_core": ((), 2e-4),
    "nystrom": (("--landmarks", "80", "--probes", "0"), 0.4),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(RECORDS, 6)), np.arange(RECORDS) % 3
    x[7] = x[4] = x[1]
    queries, labels = random.normal(size=(QUERIES, 6)), np.arange(QUERIES) % 3
    np.savez(root / "arrays.npz", x=x, y=y)
    np.savez(root / "both.npz", x=x, y=y, queries=queries, query_labels=labels)
    np.savez(root / "queries.npz", queries=queries, query_labels=labels)
    np.savez(root / "add.npz", x=random.normal(size=(4, 6)), y=[0, 1, 2, 0])
    np.savez(root / "groups.npz", index=[0, 3, 5, 3, 8, 9], group=[7, 7, 7, 2, 2, 2])
    main(fit_words(root, "arrays.npz", root / "dense"))
    main(query_words(root, root / "dense", root / "truth"))
    return root


def fit_words(root, file, out, *more):
    start = ["leave-one-out", "fit", "--arrays", str(root / file), "--out", str(out)]
    return [*start, "--depth", "2", "--noise", "0.1", "--json", *more]


def query_words(root, fit, out, *more):
    asked = ["--queries", "queries.npz", "--add", "add.npz", "--groups", "groups.npz"]
    asked = [str(root / word) if word.endswith("npz") else word for word in asked]
    return ["leave-one-out", "query", "--fit", str(fit), "--out", str(out), *asked, *more]


def assert_same_files(out, truth, close):
    for name in ("queries", "groups", "additions"):
        arrays = sorted((truth / FOLDER / name).glob("*.npy"))
        assert len(arrays) >= 5
        for file in arrays:
            wanted, values = np.load(file), np.load(out / FOLDER / name / file.name)
            scale = close * np.abs(wanted).max()
            np.testing.assert_allclose(values, wanted, atol=scale, err_msg=str(file))
        for file in (truth / FOLDER / name).glob("*.parquet"):
            wanted, values = read_table(file), read_table(out / FOLDER / name / file.name)
            assert list(values) == list(wanted)
            for column, numbers in wanted.items():
                if numbers.dtype.kind == "f":
                    scale = close * np.abs(numbers).max()
                    np.testing.assert_allclose(values[column], numbers, atol=scale)
                elif column in ("index", "group", "records", "label"):
                    assert (values[column] == numbers).all() or name == "queries"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_as_the_dense_fit(root, method, tmp_path):
    more, close = METHODS[method]
    main(fit_words(root, "arrays.npz", tmp_path / "fit", "--method", method, *more))
    out = tmp_path / "out"
    main(query_words(root, tmp_path / "fit", out, "--memory", "1"))
    assert_same_files(out, root / "truth", close)
    findings = json.loads((out / FOLDER / "queries" / "queries.json").read_text())
    accuracy = findings["accuracy"]
    assert accuracy["method"] == method
    assert accuracy["residual"] <= accuracy["tolerance"] == (1e-4 if method == "nystrom" else 1e-8)
    assert accuracy["right_sides"] == QUERIES
    page = (out / "report.html").read_text()
    assert 'id="leave-one-out-accuracy"' in page


@pytest.fixture(scope="module")
def hybrid(root):
    """A fit with its factor kept, and queries of it."""
    words = fit_words(root, "both.npz", root / "hybrid", "--method", "hybrid", "--keep-factor")
    main(words)
    return root / "hybrid"


def only_queries(root, fit, out, *more):
    start = ["leave-one-out", "query", "--fit", str(fit), "--out", str(out), "--json"]
    return [*start, "--queries", str(root / "queries.npz"), *more]


def test_fit_answers_the_queries_of_its_file_with_every_method(root, hybrid):
    for file in (root / "truth" / FOLDER / "queries").glob("*.npy"):
        wanted, values = np.load(file), np.load(hybrid / FOLDER / "queries" / file.name)
        np.testing.assert_allclose(values, wanted, atol=2e-4 * np.abs(wanted).max())
    assert (hybrid / FOLDER / "queries" / "influence_sums.parquet").exists()


def test_a_kept_factor_is_read_and_not_made_again(root, hybrid, tmp_path):
    panels = hybrid / "leave_one_out_factor" / "panels.bin"
    before = panels.stat().st_mtime_ns
    run(only_queries(root, hybrid, tmp_path / "out"))
    assert panels.stat().st_mtime_ns == before
    assert not (tmp_path / "out" / "leave_one_out_factor").exists()


def test_a_damaged_factor_is_one_sentence(root, hybrid, tmp_path):
    fit = shutil.copytree(hybrid, tmp_path / "fit")
    panels = fit / "leave_one_out_factor" / "panels.bin"
    content = bytearray(panels.read_bytes())
    content[100] ^= 1
    panels.write_bytes(content)
    with pytest.raises(ImprintError, match="is damaged in panel 0: delete its folder, run again"):
        run(only_queries(root, fit, tmp_path / "out"))


def test_a_finished_fit_keeps_its_factor_on_a_later_wish(root, tmp_path):
    words = fit_words(root, "arrays.npz", tmp_path / "fit", "--method", "exact")
    run(words)
    assert not (tmp_path / "fit" / "leave_one_out_factor").exists()
    run([*words, "--keep-factor"])
    assert (tmp_path / "fit" / "leave_one_out_factor" / "panels.bin").stat().st_size > 8 * 90**2 / 2


def test_further_measures_of_the_same_queries_solve_nothing(root, hybrid, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run(only_queries(root, hybrid, out, "--measures", "kl_out_in,shift", "--values", "float32"))
    folder = out / FOLDER / "queries"
    assert sorted(file.stem for file in folder.glob("*.npy")) == ["kl_out_in", "shift"]
    assert np.load(folder / "shift.npy").dtype == np.float32
    shutil.rmtree(folder)
    (out / FOLDER / "queries.card.json").unlink()
    monkeypatch.setattr(solve, "solve_inputs", None)
    run(only_queries(root, hybrid, out, "--measures", "auc"))
    assert [file.stem for file in folder.glob("*.npy")] == ["auc"]
    errors = read_table(folder / "errors.parquet")
    assert len(errors["residual"]) == QUERIES
    assert (errors["auc_error_about"] <= errors["auc_error_at_most"]).all()


def test_a_limit_of_passes_states_the_residual_it_reached(root, tmp_path, capsys):
    fit = tmp_path / "fit"
    more = ("--method", "nystrom", "--landmarks", "20", "--probes", "0")
    run(fit_words(root, "arrays.npz", fit, *more))
    words = only_queries(root, fit, tmp_path / "out", "--passes", "1", "--tolerance", "1e-10")
    run([word for word in words if word != "--json"])
    file = tmp_path / "out" / FOLDER / "queries" / "queries.json"
    accuracy = json.loads(file.read_text())["accuracy"]
    assert accuracy["passes"] == 1
    assert accuracy["residual"] > 1e-10
    assert "short of the 10⁻¹⁰ asked for" in " ".join(capsys.readouterr().out.split())


def test_mistakes_are_one_sentence(root, hybrid, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ImprintError, match="--among-records takes the whole inverse, which"):
        run(only_queries(root, hybrid, out, "--among-records"))
    with pytest.raises(ImprintError, match="--measures has no 'kl': choose all, or of kl_out_in"):
        run(only_queries(root, hybrid, out, "--measures", "kl"))
    with pytest.raises(ImprintError, match="--tolerance does not apply to --method dense"):
        run(only_queries(root, root / "dense", out, "--tolerance", "1e-4"))
    with pytest.raises(ImprintError, match="--memory does not apply to a fit by --method dense"):
        run(only_queries(root, root / "dense", out, "--memory", "1"))
    with pytest.raises(ImprintError, match="MiB of memory are too little for the method hybrid"):
        run(only_queries(root, hybrid, out, "--memory", "1e-5"))
    for method in ("dense", "nystrom"):
        with pytest.raises(
            ImprintError, match=f"--keep-factor does not apply to --method {method}"
        ):
            run(fit_words(root, "arrays.npz", out, "--method", method, "--keep-factor"))
    fit = shutil.copytree(hybrid, tmp_path / "fit")
    (fit / FOLDER / "inverse.npz").unlink()
    with pytest.raises(ImprintError, match="an earlier version made it, fit again"):
        run(only_queries(root, fit, out))
    assert not out.exists()
