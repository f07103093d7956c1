"""The commands from arrays and images to tables, against models that were really refitted."""

import json
import shutil

import numpy as np
import pytest
import torch

from imprint.cli import main, run
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.split import Partition
from imprint.lenses.leave_one_out.options import FitOptions, LeaveOneOutStep
from imprint.lenses.leave_one_out.study import fitted
from imprint.lenses.leave_one_out.study.fit import audit_step
from imprint.lenses.leave_one_out.study.inputs import inputs_from_images
from imprint.report.wording import significant
from imprint.study.store import Study
from imprint.study.tables import read_table

RECORDS, QUERIES, WIDTH, NOISE = 24, 5, 6, 0.1
MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "variance_out", "certificate")


@pytest.fixture(scope="module")
def arrays():
    random = np.random.default_rng(0)
    x = random.normal(size=(RECORDS, WIDTH))
    y = 2 * (x[:, 0] > 0).astype(int) + 1
    return {"x": x, "y": y, "queries": random.normal(size=(QUERIES, WIDTH))}


@pytest.fixture(scope="module")
def study(arrays, tmp_path_factory):
    root = tmp_path_factory.mktemp("fit")
    np.savez(root / "arrays.npz", **arrays)
    main(words(root / "arrays.npz", root / "out", "--noise", "0.1,0.01,1"))
    return root / "out"


def words(file, out, *more):
    network = ["--kernel", "fc", "--activation", "relu", "--depth", "5"]
    weights = ["--w-std", "1.4142135", "--b-std", "0"]
    start = ["leave-one-out", "fit", "--arrays", str(file), "--out", str(out)]
    return [*start, *network, *weights, *(more or ("--noise", "0.1"))]


def plain_kernel(x, other, depth=5, w_std=1.4142135):
    """The recursion of an infinitely wide ReLU network, from its definition, without bias."""

    def dual(k, p, q):
        cosine = np.clip(k / np.sqrt(p * q), -1, 1)
        angle = np.arccos(cosine)
        return np.sqrt(p * q) / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * cosine)

    scale = w_std**2
    k, p, q = (
        scale * product / x.shape[1]
        for product in (x @ other.T, (x**2).sum(1)[:, None], (other**2).sum(1)[None])
    )
    for _ in range(depth):
        k, p, q = scale * dual(k, p, q), scale * p / 2, scale * q / 2
    return k


def refit(arrays, rows, asked):
    """Mean [c] and variance at one input of the model of some rows."""
    targets = np.eye(2)[(arrays["y"] == 3).astype(int)] - 0.5
    x = arrays["x"][rows]
    matrix = plain_kernel(x, x) + NOISE * np.eye(len(rows))
    cross = plain_kernel(asked[None], x)
    solved = np.linalg.solve(matrix, cross.T).T
    variance = plain_kernel(asked[None], asked[None]) - solved @ cross.T
    return (solved @ targets[rows])[0], float(variance[0, 0])


def kl(first, second):
    """KL of two laws with one variance for all outputs."""
    (mean, variance), (other_mean, other) = first, second
    ratio = variance / other
    shift = ((mean - other_mean) ** 2).sum() / other
    return 0.5 * (len(mean) * (ratio - 1 - np.log(ratio)) + shift)


def values_of(without, whole, label):
    shift = whole[0] - without[0]
    target = np.eye(2)[label] - 0.5
    return {
        "kl_out_in": kl(without, whole),
        "kl_in_out": kl(whole, without),
        "mean_distance": 0.5 * np.mean(shift**2),
        "variance_out": without[1],
        "residual_norm": np.linalg.norm(target - without[0]),
        "memorization": shift[label],
        "leverage": 1 - whole[1] / without[1],
        "prediction_out": without[0].argmax(),
    }


def test_records_are_what_refits_without_them_say(arrays, study):
    found = read_table(study / "leave_one_out" / "records.parquet")
    everyone = np.arange(RECORDS)
    assert found["index"].tolist() == everyone.tolist()
    for row in everyone:
        asked = arrays["x"][row]
        without = refit(arrays, np.delete(everyone, row), asked)
        label = int(arrays["y"][row] == 3)
        for name, value in values_of(without, refit(arrays, everyone, asked), label).items():
            assert found[name][row] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_queries_are_what_refits_say(arrays, study):
    folder = study / "leave_one_out" / "queries"
    found = {name: np.load(folder / f"{name}.npy") for name in (*MEASURES, "shift")}
    assert all(found[name].shape == (RECORDS, QUERIES) for name in MEASURES)
    everyone = np.arange(RECORDS)
    for column, asked in enumerate(arrays["queries"]):
        whole = refit(arrays, everyone, asked)
        for row in everyone:
            without = refit(arrays, np.delete(everyone, row), asked)
            values = values_of(without, whole, 0)
            for name in ("kl_out_in", "kl_in_out", "mean_distance", "variance_out"):
                assert found[name][row, column] == pytest.approx(values[name], rel=1e-9, abs=1e-9)
            np.testing.assert_allclose(
                found["shift"][row, column], whole[0] - without[0], atol=1e-9
            )
    own = read_table(study / "leave_one_out" / "records.parquet")["kl_out_in"]
    np.testing.assert_allclose(found["certificate"], found["kl_out_in"] / own[:, None])
    assert (found["certificate"] < 1).all()
    assert (found["auc"] > 0.5).all()


def test_the_summary_holds_estimates_and_the_page_is_there(arrays, study):
    summary = json.loads((study / "summary.json").read_text())
    found = summary["lenses"]["leave_one_out"]
    table = read_table(study / "leave_one_out" / "records.parquet")
    right = (table["prediction_out"] == (arrays["y"] == 3)).mean()
    assert found["leave_one_out_accuracy"]["value"] == pytest.approx(right)
    assert found["leave_one_out_accuracy"]["n"] == RECORDS
    assert found["effective_degrees_of_freedom"] == pytest.approx(table["leverage"].sum())
    low, high = found["kl_out_in"]["median"]["ci95"]
    assert low <= np.median(table["kl_out_in"]) == found["kl_out_in"]["median"]["value"] <= high
    most = table["index"][table["kl_out_in"].argmax()]
    assert found["kl_out_in"]["most"] == {"value": table["kl_out_in"].max(), "index": most}
    assert found["duplicates"]["exact"]["groups"] == found["duplicates"]["exact"]["records"] == 0
    assert found["classes"] == ["1", "3"]
    assert found["noise"] == 0.1
    assert found["kernel"]["name"] == "fc"
    assert found["kernel"]["depth"] == 5
    assert found["inverse_residual"] < 1e-12
    page = (study / "report.html").read_text()
    assert 'id="leave-one-out-result"' in page
    assert 'id="leave-one-out-queries"' in page


def test_the_first_noise_is_fitted_and_all_make_the_path(study):
    path = read_table(study / "leave_one_out" / "noise_path.parquet")
    assert path["noise"].tolist() == [0.1, 0.01, 1.0]
    summary = json.loads((study / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert path["kl_median"][0] == pytest.approx(summary["kl_out_in"]["median"]["value"], rel=1e-9)
    assert path["leave_one_out_accuracy"][0] == summary["leave_one_out_accuracy"]["value"]
    freedom = path["effective_degrees_of_freedom"]
    assert freedom[1] > freedom[0] > freedom[2]
    assert freedom[0] == pytest.approx(summary["effective_degrees_of_freedom"], rel=1e-9)


def test_a_finished_fit_is_not_made_again(study, tmp_path, monkeypatch):
    copy = tmp_path / "out"
    shutil.copytree(study, copy)
    monkeypatch.setattr(fitted, "fit", None)
    main(words(study.parent / "arrays.npz", copy, "--noise", "0.1,0.01,1", "--json"))
    with pytest.raises(SystemExit):
        main(words(study.parent / "arrays.npz", copy, "--noise", "0.2"))


def test_query_asks_a_fit_what_fit_itself_would(arrays, study, tmp_path, capsys):
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    ask = ["leave-one-out", "query", "--fit", str(study), "--out", str(tmp_path / "asked")]
    main([*ask, "--queries", str(tmp_path / "queries.npz"), "--json"])
    assert json.loads(capsys.readouterr().out)["queries"] == QUERIES
    for name in MEASURES:
        one, other = (
            (root / "leave_one_out" / "queries" / f"{name}.npy").read_bytes()
            for root in (study, tmp_path / "asked")
        )
        assert one == other


@pytest.mark.parametrize("outputs", ["classes", "contrast"])
def test_signed_influence_on_the_class_of_a_query_is_what_refits_say(arrays, outputs, tmp_path):
    labels = np.array([1, 3, 3, 1, 1])
    np.savez(tmp_path / "arrays.npz", **arrays, query_labels=labels)
    out = tmp_path / "out"
    main(words(tmp_path / "arrays.npz", out, "--noise", "0.1", "--outputs", outputs))
    found = np.load(out / "leave_one_out" / "queries" / "influence.npy")
    everyone = np.arange(RECORDS)
    expected = np.zeros((RECORDS, QUERIES))
    for column, asked in enumerate(arrays["queries"]):
        place, whole = int(labels[column] == 3), refit(arrays, everyone, asked)[0]
        for row in everyone:
            without = refit(arrays, np.delete(everyone, row), asked)[0]
            expected[row, column] = (whole - without)[place]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    told = json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]["queries"]
    assert told["labels"] == ["1", "3", "3", "1", "1"]
    for column, ends in enumerate(told["influential"]):
        order = np.argsort(expected[:, column])
        assert ends["raise"]["index"] == order[::-1][:3].tolist()
        assert ends["lower"]["index"] == order[:3].tolist()
    rows = read_table(out / "leave_one_out" / "queries" / "influential.parquet")
    assert len(rows["index"]) == 6 * QUERIES
    np.testing.assert_array_equal(rows["influence"], found[rows["index"], rows["query"]])
    page = (out / "report.html").read_text()
    assert "Raised by" in page
    first = told["influential"][0]["raise"]
    assert f"{first['index'][0]} ({significant(first['influence'][0])})" in page


def test_query_writes_a_page_of_its_own_or_adds_to_that_of_the_fit(arrays, tmp_path):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    fit, alone = tmp_path / "fit", tmp_path / "alone"
    main(words(tmp_path / "arrays.npz", fit))
    assert 'id="leave-one-out-queries"' not in (fit / "report.html").read_text()
    labels = np.array([1, 3, 3, 1, 1])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"], query_labels=labels)
    for out in (alone, fit):
        ask = ["leave-one-out", "query", "--fit", str(fit), "--out", str(out)]
        main([*ask, "--queries", str(tmp_path / "queries.npz"), "--json"])
        page = (out / "report.html").read_text()
        assert 'id="leave-one-out-queries"' in page
        assert "Raised by" in page
    assert 'id="leave-one-out-result"' in page
    summaries = [json.loads((out / "summary.json").read_text()) for out in (alone, fit)]
    one, other = (summary["lenses"]["leave_one_out"]["queries"] for summary in summaries)
    assert one == other


def test_query_refuses_a_fit_whose_records_have_changed(arrays, study, tmp_path, capsys):
    file = tmp_path / "arrays.npz"
    np.savez(file, x=arrays["x"], y=arrays["y"])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    main(words(file, tmp_path / "fit"))
    capsys.readouterr()
    np.savez(file, x=arrays["x"] + 1e-9, y=arrays["y"])
    ask = ["leave-one-out", "query", "--fit", str(tmp_path / "fit")]
    told = refused([*ask, "--queries", str(tmp_path / "queries.npz"), "--out", "x"], capsys)
    assert "have changed: fit again" in told
    told = refused(
        [*ask[:-1], str(tmp_path), "--queries", "none.npz", "--out", str(tmp_path / "x")], capsys
    )
    assert "no finished fit" in told


def test_copies_are_told_and_left_out_together(arrays, tmp_path, capsys):
    x, y = arrays["x"].copy(), arrays["y"].copy()
    x[3], y[3] = x[2], y[2]
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    assert "2 records have exact copies, [2, 3]" in capsys.readouterr().err
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    assert found["copies"].tolist() == [0, 0, 1, 1] + [0] * (RECORDS - 4)
    changed = {"x": x, "y": y}
    both = np.delete(np.arange(RECORDS), [2, 3])
    expected = kl(refit(changed, both, x[2]), refit(changed, np.arange(RECORDS), x[2]))
    assert found["kl_out_in"][2] == pytest.approx(expected, rel=1e-9)
    single = found["copies"] == 0
    np.testing.assert_allclose(
        found["kl_out_in_alone"][single], found["kl_out_in"][single], rtol=1e-12
    )


def test_the_terminal_says_of_copies_what_the_page_says(arrays, tmp_path, capsys):
    x, y = arrays["x"].copy(), arrays["y"].copy()
    x[3], y[3], y[2] = x[2], 1, 3
    x[5] = 2 * x[4]
    x[8:16], y[8:16] = x[16:], y[16:]
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    told = " ".join(capsys.readouterr().out.split())
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    both = np.median(found["kl_out_in"][found["first_copy"]])
    assert both != np.median(found["kl_out_in_alone"])
    assert f"KL(out ‖ in), median {significant(both)} [" in told
    assert "exact copies, left out together 18 records in 9 groups" in told
    assert "copies with different labels 1, index 2 and 3" in told
    assert "the same to the kernel, left out alone 20 records in 10 groups" in told
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Copies in 1 group have <b>different labels</b>, 2 and 3 for instance" in page


def test_random_labels_of_copies_are_not_predicted(tmp_path, capsys):
    """60 rows with random labels, each twice: every number as if each copy had gone with it."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, WIDTH)), random.integers(0, 2, 60) * 2 + 1
    arrays = {"x": np.concatenate([x, x]), "y": np.concatenate([y, y])}
    np.savez(tmp_path / "twice.npz", **arrays)
    main(words(tmp_path / "twice.npz", tmp_path / "twice", "--noise", "0.1,1"))
    found = json.loads((tmp_path / "twice" / "summary.json").read_text())
    found = found["lenses"]["leave_one_out"]
    assert (found["records"], found["distinct"]) == (120, 60)
    accuracy = found["leave_one_out_accuracy"]
    assert accuracy["n"] == found["kl_out_in"]["median"]["n"] == 60
    low, high = accuracy["ci95"]
    assert low < 0.5 < high
    assert high - low > 0.2
    table = read_table(tmp_path / "twice" / "leave_one_out" / "records.parquet")
    assert (table["prediction_out_alone"] == table["label"]).all()
    everyone = np.arange(120)
    for row in (0, 17, 59, 77):
        rest = everyone[everyone % 60 != row % 60]
        without, whole = (refit(arrays, rows, arrays["x"][row]) for rows in (rest, everyone))
        label = int(arrays["y"][row] == 3)
        values = values_of(without, whole, label)
        # What the fit follows of the mean of both targets.
        values["leverage"] = 1 - whole[1] / without[1]
        for name, value in values.items():
            assert table[name][row] == pytest.approx(value, rel=1e-8, abs=1e-9), name
    path = found["noise_path"]
    assert path["leave_one_out_accuracy"][0] == pytest.approx(accuracy["value"])
    assert path["kl_median"][0] == pytest.approx(found["kl_out_in"]["median"]["value"])
    told = " ".join(capsys.readouterr().out.split())
    assert "records 120, 60 of them distinct" in told
    assert f"leave-one-out accuracy {100 * accuracy['value']:.1f}%" in told
    page = (tmp_path / "twice" / "report.html").read_text()
    assert "every number and interval is over 60 distinct records" in page


def test_near_copies_are_told(tmp_path, capsys):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(40, WIDTH)), np.arange(40) % 2
    x[7] = x[3] * (1 + 1e-4)
    x[9] = x[3] + 1e-4
    np.savez(tmp_path / "a.npz", x=x, y=y)
    main(words(tmp_path / "a.npz", tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    near = found["lenses"]["leave_one_out"]["duplicates"]["near"]
    assert (near["distance"], near["records"], near["first"]) == (0.01, 3, [[3, 7, 9]])
    told = " ".join(capsys.readouterr().out.split())
    assert "near copies (within 1%), left out alone 3 records in 1 group" in told
    assert "are near copies, within 1" in (tmp_path / "out" / "report.html").read_text()


def test_lost_digits_and_shrinking_variances_are_told(arrays, tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--json"]
    main([*start, "--out", str(tmp_path / "relu")])
    assert "half of the digits" not in capsys.readouterr().err
    arrays = {"x": np.vstack([arrays["x"], arrays["x"]]), "y": np.tile(arrays["y"], 2)}
    np.savez(tmp_path / "arrays.npz", **arrays)
    main([*start, "--activation", "gelu", "--noise", "1e-13", "--out", str(tmp_path / "gelu")])
    told = capsys.readouterr().err
    assert "w_std 1.4142 is that of relu: the variance of a typical record goes from" in told
    assert "the inverse of the kernel matrix is off by" in told


def test_a_fit_can_be_asked_from_another_folder(arrays, tmp_path, monkeypatch):
    np.savez(tmp_path / "arrays.npz", x=arrays["x"], y=arrays["y"])
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"])
    monkeypatch.chdir(tmp_path)
    main(words("arrays.npz", "fit"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    main(["leave-one-out", "query", "--fit", "../fit", "--queries", "../queries.npz", "--out", "o"])
    summary = json.loads((tmp_path / "elsewhere" / "o" / "summary.json").read_text())
    assert summary["data"]["fit"] == "fit"


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


X, Y = np.eye(4), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ({"x": X[:1], "y": Y[:1]}, [], "1 record leaves nothing to predict it from"),
        ({"x": X, "y": 0 * Y}, [], "all 4 records are of one class"),
        ({"x": np.where(X > 0, np.nan, X), "y": Y}, [], "x[0, 0] is nan"),
        ({"x": X.astype(np.uint8), "y": Y}, [], "x holds uint8: kernels depend on the scale"),
        ({"x": X[0], "y": Y}, [], "x has shape [4], expected [n, ...]"),
        ({"x": X, "y": Y[:3]}, [], "y has shape [3], expected [4]"),
        ({"x": X, "y": Y + 0.5}, [], "y[0] is 0.5: y must hold whole numbers"),
        ({"x": X, "y": Y, "queries": X[:, :3]}, [], "queries is of shape [3]"),
        (
            {"x": X, "y": Y, "query_labels": Y},
            [],
            "query_labels needs queries beside it",
        ),
        ({"x": X, "y": Y, "queries": X, "query_labels": Y[:3]}, [], "query_labels has shape [3]"),
        ({"x": X, "y": Y, "queries": X, "query_labels": Y + 1}, [], "query_labels[2] is 2, none"),
        (
            {"x": X, "y": Y, "queries": X, "query_labels": Y / 2},
            [],
            "query_labels[2] is 0.5: ",
        ),
        ({"x": X, "y": Y}, ["--noise", "0"], "--noise must be a positive, finite variance, got 0"),
        (
            {"x": X, "y": Y},
            ["--noise", "0.1,-1"],
            "finite variance, got -1",
        ),
        ({"x": X, "y": Y}, ["--noise", ""], "--noise is empty"),
        ({"x": X, "y": Y}, ["--kernel", "none"], "unknown kernel 'none'"),
        ({"x": X, "y": Y}, ["--kernel", "rbf"], "kernel rbf has no option activation"),
        ({"x": X, "y": Y}, ["--depth", "0"], "kernel option depth is 0"),
        ({"x": X, "y": Y}, ["--activation", "sine"], "sine"),
        ({"x": X, "y": Y}, ["--kernel-options", "window=3"], "kernel fc has no option window"),
        ({"x": X, "y": Y}, ["--kernel-options", "input_scale=big"], "must be float, got 'big'"),
        ({"x": X, "y": np.arange(4)}, ["--outputs", "contrast"], "needs 2 classes, not 4"),
        ({"x": X, "y": Y}, ["--scaling", "unit"], "--scaling applies to images"),
        ({"x": X, "y": Y}, ["--data", "folder"], "--data applies to images"),
        ({"x": X, "y": Y}, ["--composite-count", "50"], "--composite-count applies to images"),
        ({"x": X, "y": Y}, ["--background-correlation", "0.5"], "--background-correlation applies"),
        ({"x": X, "y": Y}, ["--skip-corrupt"], "--skip-corrupt applies to images"),
        ({"x": X, "y": Y}, ["--boxes", "folder"], "--boxes applies to images"),
        ({"x": X, "y": Y}, ["--on-bad-box", "clamp"], "--on-bad-box applies to images"),
        ({"x": X, "y": Y}, ["--input-size", "8"], "--input-size applies to images"),
        ({"x": X, "y": Y}, ["--records", "-1"], "--records must be at least 0, got -1"),
        (
            {"x": X, "y": Y * 1e300},
            [],
            "y[2] is 1e+300: y must hold whole numbers",
        ),
        ({"x": X * 1e200, "y": Y}, [], "the kernel of record 0 is too large for float64"),
        ({"x": X * 1e-200, "y": Y}, [], "the kernel is 0 for every record"),
        ({"x": X, "y": Y}, ["--w-std", "1e200"], "--w-std must be a finite number below 3.4e38"),
        ({"x": X, "y": Y}, ["--w-std", "1e38"], "the kernel of record 0 is too large"),
        ({"x": X, "y": Y}, ["--b-std", "1e200"], "--b-std must be a finite number below 3.4e38"),
        ({"x": X, "y": Y}, ["--noise", "1e-300"], "of 1e-300 is lost in rounding beside a kernel"),
        ({"x": X, "y": Y}, ["--noise", "0.1,1e-300"], "of 1e-300 is lost in rounding beside"),
        ({"x": X, "y": Y}, ["--noise", "1e38"], "of 1e+38 hides a kernel of"),
        (
            {"x": X, "y": Y},
            ["--method", "exact", "--memory", "1e30"],
            "--memory must be in (0, 1e+06]",
        ),
    ],
)
def test_mistakes_are_one_sentence(content, more, message, tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", **content)
    told = refused(
        words(tmp_path / "arrays.npz", tmp_path / "out", "--noise", "0.1", *more), capsys
    )
    assert message in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["exact", "nystrom"])
@pytest.mark.parametrize(("noise", "told"), [("1e38", "hides"), ("1e-300", "is lost in")])
def test_noise_out_of_proportion_leaves_nothing_of_a_large_fit(method, noise, told, tmp_path):
    np.savez(tmp_path / "arrays.npz", x=X, y=Y)
    more = ["--method", method, "--noise", noise]
    with pytest.raises(ImprintError, match=told):
        run(words(tmp_path / "arrays.npz", tmp_path / "out", *more))
    assert not (tmp_path / "out").exists()


def test_queries_too_far_away_are_told(tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", x=X, y=Y, queries=X * 1e200)
    told = refused(words(tmp_path / "arrays.npz", tmp_path / "out"), capsys)
    assert "kernel of query 0 is too large for float64" in told


def test_classes_of_many_digits_stay_apart(tmp_path):
    labels = np.array([1_000_000, 1_000_000, 123_456_789, 123_456_788])
    np.savez(tmp_path / "arrays.npz", x=X, y=labels, queries=X, query_labels=labels)
    main(words(tmp_path / "arrays.npz", tmp_path / "out"))
    told = json.loads((tmp_path / "out" / "summary.json").read_text())["lenses"]["leave_one_out"]
    assert told["classes"] == ["1000000", "123456788", "123456789"]
    assert told["queries"]["labels"] == ["1000000", "1000000", "123456789", "123456788"]


def test_too_many_records_for_the_memory_are_told(arrays, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fitted, "free_memory", lambda device: 4 * 8 * 400)
    np.savez(tmp_path / "arrays.npz", **arrays)
    told = refused(words(tmp_path / "arrays.npz", tmp_path / "out"), capsys)
    assert "choose --method auto, or --records 20 or fewer" in told
    more = ("--noise", "0.1", "--records", "20")
    main(words(tmp_path / "arrays.npz", tmp_path / "out", *more))
    index = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")["index"]
    assert len(index) == 20
    assert (np.diff(index) > 0).all()


@pytest.mark.parametrize(
    ("kernel", "more"),
    [
        ("rbf", "gamma=2"),
        ("features", "similarity=cosine"),
        ("fc", "limit=ntk"),
        ("conv", "window=3"),
        ("conv_pool", "depth=1"),
        ("myrtle", "depth=5"),
        ("wide_resnet", "b_std=0.1"),
    ],
)
def test_every_kernel_can_be_chosen(kernel, more, tmp_path):
    shape = (4, 3, 4, 4)
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    np.savez(tmp_path / "arrays.npz", x=x, y=Y)
    start = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz"), "--kernel", kernel]
    main([*start, "--kernel-options", more, "--out", str(tmp_path / "out"), "--json"])
    found = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    assert np.isfinite(found["kl_out_in"]).all()
    assert (found["kl_out_in"] > 0).all()


def test_images_are_standardised_over_the_fitted_ones_or_kept_between_0_and_1():
    pixels = np.random.default_rng(2).integers(0, 256, size=(6, 3, 8, 8)).astype(np.uint8)
    pixels[:, 2] = 7
    images = ArrayImages(pixels, np.array([0, 0, 2, 2, 0, 2]), ("a", "b", "c"))
    index = np.array([0, 1, 2, 3])
    options = {"out": None, "input_size": 8}
    unit = inputs_from_images(images, index, FitOptions(scaling="unit", **options), 0)
    np.testing.assert_array_equal(unit.values, pixels[:4] / 255)
    assert unit.classes == ("a", "c")
    assert unit.labels.tolist() == [0, 0, 1, 1]
    scaled = inputs_from_images(images, index, FitOptions(**options), 0)
    np.testing.assert_allclose(scaled.values.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.values.std((0, 2, 3)), [1, 1, 0], atol=1e-12)


@pytest.fixture(scope="module")
def image_study(tmp_path_factory):
    out = tmp_path_factory.mktemp("images") / "out"
    more = ["--composite-count", "60", "--records", "50", "--input-size", "8", "--json"]
    main(["leave-one-out", "fit", *more, "--out", str(out)])
    return out


def test_images_have_their_pictures_and_reasons_on_the_page(image_study):
    records = read_table(image_study / "leave_one_out" / "records.parquet")
    cards = json.loads((image_study / "gallery" / "leave_one_out" / "gallery.json").read_text())
    most = records["index"][np.argsort(-records["kl_out_in"])[:3]]
    first = [int(card["name"].rpartition(" ")[2]) for card in cards["cards"][:3]]
    assert first == most.tolist()
    page = (image_study / "report.html").read_text()
    assert page.count('<li class="card"') == 48
    reasons = {card["facets"]["Stands out by"] for card in cards["cards"]}
    assert reasons == {"unexpected label", "far from the rest"}
    assert "unexpected label" in page
    assert "far from the rest" in page


def test_queries_of_an_image_fit_are_scaled_like_its_images(image_study, tmp_path, capsys):
    picture = np.random.default_rng(3).integers(0, 256, size=(2, 3, 8, 8)).astype(np.uint8)
    found = []
    for name, queries in (("whole", picture), ("share", picture / 255.0)):
        np.savez(tmp_path / f"{name}.npz", queries=queries)
        out = tmp_path / name
        ask = ["leave-one-out", "query", "--fit", str(image_study), "--out", str(out)]
        main([*ask, "--queries", str(tmp_path / f"{name}.npz")])
        found.append(np.load(out / "leave_one_out" / "queries" / "kl_out_in.npy"))
    np.testing.assert_array_equal(*found)
    capsys.readouterr()
    np.savez(tmp_path / "large.npz", queries=picture.astype(np.float64))
    ask = ["leave-one-out", "query", "--fit", str(image_study), "--out", str(tmp_path / "large")]
    assert "from 0 to 1" in refused([*ask, "--queries", str(tmp_path / "large.npz")], capsys)


def test_mps_is_refused_for_its_lack_of_float64(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ImprintError, match="no float64"):
        fitted.double_device("mps")


def partition(count):
    """Even images are A's, odd ones B's, and the last is in both."""
    rows, none = np.arange(count), np.empty(0, dtype=np.int64)
    both = rows[-1:]
    sets = [np.concatenate([rows[:-1][start::2], both]) for start in (0, 1)]
    return Partition(rows[:-1][::2], rows[:-1][1::2], both, *sets, none)


def test_an_audit_leaves_out_each_image_of_a_and_b_once(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 256, size=(9, 1, 4, 4)).astype(np.uint8)
    images = ArrayImages(pixels, np.arange(9) % 3, ("a", "b", "c"))
    study, choice = Study(tmp_path), LeaveOneOutStep(input_size=4)
    found = audit_step(study, images, partition(8), choice, 0, "cpu")["leave_one_out"]
    index = read_table(tmp_path / "leave_one_out" / "records.parquet")["index"]
    assert index.tolist() == list(range(8))
    assert found["records"] == 8


def test_an_audit_leaves_the_step_out_where_there_is_nothing_to_tell(tmp_path, capsys):
    pixels = np.zeros((4, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.zeros(4, dtype=np.int64), ("a",))
    study = Study(tmp_path)
    assert audit_step(study, images, partition(4), LeaveOneOutStep(), 0, "cpu") == {}
    assert "all of one class" in capsys.readouterr().err
    assert audit_step(study, images, partition(4), LeaveOneOutStep(skip=True), 0, "cpu") == {}
