"""Real-valued targets and kernel matrices, from files, against models that were really refitted."""

import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.study.tables import read_table
from tests.lenses.leave_one_out.study.refits import kl, refused

RECORDS, NOISE, GAMMA = 60, 0.2, 3.0
SCALES, CENTRES = np.array([10.0, 0.5]), np.array([100.0, -3.0])


def kernel(x, other):
    apart = ((x[:, None] - other) ** 2).mean(-1)
    return np.exp(-GAMMA * apart)


@pytest.fixture(scope="module")
def arrays():
    random = np.random.default_rng(0)
    x = random.normal(size=(RECORDS, 3))
    wave = np.stack([np.sin(2 * x[:, 0]), x[:, 1] * x[:, 2]], 1)
    y = CENTRES + SCALES * (wave + 0.3 * random.normal(size=wave.shape))
    queries = random.normal(size=(4, 3))
    targets = CENTRES + SCALES * random.normal(size=(4, 2))
    return {"x": x, "y": y, "queries": queries, "query_targets": targets}


def law(arrays, rows, queried, outputs=2):
    """Mean [c] in units of the targets and noise-free variance of the model of some rows."""
    y = arrays["y"].reshape(RECORDS, -1)
    centre, scale = y.mean(0), y.std(0)
    x, fitted = arrays["x"][rows], ((y - centre) / scale)[rows]
    cross = kernel(queried[None], x)
    solved = np.linalg.solve(kernel(x, x) + NOISE * np.eye(len(rows)), cross.T).T
    variance = 1 - float((solved @ cross.T)[0, 0])
    return centre + scale * (solved @ fitted)[0], variance


def without(row):
    return np.delete(np.arange(RECORDS), row)


def fit(file, out, *more):
    start = ["leave-one-out", "fit", "--arrays", str(file), "--noise", str(NOISE)]
    run([*start, "--out", str(out), "--json", *more])
    return json.loads((out / "summary.json").read_text())["lenses"]["leave_one_out"]


RBF = ("--kernel", "rbf", "--kernel-options", f"gamma={GAMMA}")
VALUES = ("--targets", "values")


@pytest.fixture(scope="module")
def study(arrays, tmp_path_factory):
    root = tmp_path_factory.mktemp("values")
    np.savez(root / "arrays.npz", **arrays)
    findings = fit(root / "arrays.npz", root / "out", *RBF, *VALUES)
    return root, findings


def test_several_outputs_are_those_of_refits_in_their_units(arrays, study):
    root, _ = study
    table = read_table(root / "out" / "leave_one_out" / "records.parquet")
    scale = arrays["y"].std(0)
    everyone = np.arange(RECORDS)
    for row in everyone:
        x, y = arrays["x"][row], arrays["y"][row]
        (mean_out, variance), (mean_in, within) = (
            law(arrays, rows, x) for rows in (without(row), everyone)
        )
        for place in range(2):
            assert table[f"leave_one_out_mean_{place}"][row] == pytest.approx(mean_out[place])
            assert table[f"target_{place}"][row] == pytest.approx(y[place])
            found = table[f"leave_one_out_variance_{place}"][row]
            assert found == pytest.approx(variance * scale[place] ** 2)
        total = scale * np.sqrt(variance + NOISE)
        density = -0.5 * (((y - mean_out) / total) ** 2 + np.log(2 * np.pi * total**2)).sum()
        assert table["log_predictive_density"][row] == pytest.approx(density)
        # What mixes outputs of several units is in standard deviations.
        closer = np.linalg.norm((y - mean_out) / scale) - np.linalg.norm((y - mean_in) / scale)
        assert table["memorization"][row] == pytest.approx(closer)
        assert table["residual_norm"][row] == pytest.approx(np.linalg.norm((y - mean_out) / scale))
        shift = (mean_in - mean_out) / scale
        assert table["mean_distance"][row] == pytest.approx(0.5 * np.mean(shift**2))
        expected = kl((mean_out / scale, variance), (mean_in / scale, within))
        assert table["kl_out_in"][row] == pytest.approx(expected, rel=1e-7)


def test_the_summary_and_the_page_speak_of_values(arrays, study):
    root, findings = study
    assert findings["targets"] == "values"
    assert "missing" in findings["leave_one_out_accuracy"]
    y = arrays["y"]
    left_out = np.stack([law(arrays, without(row), arrays["x"][row])[0] for row in range(RECORDS)])
    unexplained = (((y - left_out) / y.std(0)) ** 2).mean()
    assert findings["explained_variance"]["value"] == pytest.approx(1 - unexplained)
    page = (root / "out" / "report.html").read_text()
    assert "Variance explained without each record" in page
    assert "unexpected value" in page
    assert "unexpected label" not in page
    assert "Prediction without it" in page
    assert "class of" not in page[page.index("leave-one-out-result") :]


def test_queries_are_drawn_to_their_targets_or_away(arrays, study):
    root, _ = study
    folder = root / "out" / "leave_one_out" / "queries"
    shift, influence = np.load(folder / "shift.npy"), np.load(folder / "influence.npy")
    distance, scale = np.load(folder / "mean_distance.npy"), arrays["y"].std(0)
    for query, x in enumerate(arrays["queries"]):
        target = arrays["query_targets"][query]
        mean_in, _ = law(arrays, np.arange(RECORDS), x)
        for row in (0, 7, 31):
            mean_out, _ = law(arrays, without(row), x)
            np.testing.assert_allclose(shift[row, query], mean_in - mean_out, atol=1e-10)
            closer = np.linalg.norm((target - mean_out) / scale) - np.linalg.norm(
                (target - mean_in) / scale
            )
            assert influence[row, query] == pytest.approx(closer, abs=1e-10)
            expected = 0.5 * np.mean(((mean_in - mean_out) / scale) ** 2)
            assert distance[row, query] == pytest.approx(expected, rel=1e-7)


def test_one_output_has_every_column_in_its_unit(arrays, tmp_path):
    one = {"x": arrays["x"], "y": arrays["y"][:, 0]}
    np.savez(tmp_path / "arrays.npz", **one)
    findings = fit(tmp_path / "arrays.npz", tmp_path / "out", *RBF, *VALUES)
    table = read_table(tmp_path / "out" / "leave_one_out" / "records.parquet")
    scale = one["y"].std()
    for row in (0, 11, 59):
        x, y = one["x"][row], one["y"][row]
        mean_out, variance = law(one, without(row), x)
        mean_in, _ = law(one, np.arange(RECORDS), x)
        assert table["residual_norm"][row] == pytest.approx(abs(y - mean_out[0]))
        closer = abs(y - mean_out[0]) - abs(y - mean_in[0])
        assert table["memorization"][row] == pytest.approx(closer)
        assert table["mean_distance"][row] == pytest.approx(0.5 * (mean_in - mean_out)[0] ** 2)
        assert table["variance_out"][row] == pytest.approx(variance * scale**2)
        assert table["leave_one_out_variance"][row] == pytest.approx(variance * scale**2)
    covariance = scale**2 * (kernel(one["x"], one["x"]) + NOISE * np.eye(RECORDS))
    residual = one["y"] - one["y"].mean()
    logs = np.linalg.slogdet(covariance)[1] + RECORDS * np.log(2 * np.pi)
    expected = -0.5 * (residual @ np.linalg.solve(covariance, residual) + logs)
    assert findings["log_evidence"] == pytest.approx(expected)


def test_raw_values_are_fitted_as_they_are(arrays, tmp_path):
    x, y = arrays["x"], arrays["y"][:, 1]
    np.savez(tmp_path / "arrays.npz", x=x, y=y)
    raw = (*VALUES, "--target-scaling", "raw")
    findings = fit(tmp_path / "arrays.npz", tmp_path / "out", *RBF, *raw)
    covariance = kernel(x, x) + NOISE * np.eye(RECORDS)
    logs = np.linalg.slogdet(covariance)[1] + RECORDS * np.log(2 * np.pi)
    expected = -0.5 * (y @ np.linalg.solve(covariance, y) + logs)
    assert findings["log_evidence"] == pytest.approx(expected)


def test_groups_and_additions_of_values_are_those_of_refits(arrays, study, tmp_path):
    root, _ = study
    scale, everyone = arrays["y"].std(0), np.arange(RECORDS)
    np.savez(tmp_path / "groups.npz", index=[3, 8, 20], group=[1, 1, 1])
    added = {"x": arrays["queries"], "y": arrays["query_targets"]}
    np.savez(tmp_path / "add.npz", **added)
    np.savez(tmp_path / "queries.npz", queries=arrays["queries"] + 0.1)
    words = ["leave-one-out", "query", "--fit", str(root / "out"), "--out", str(tmp_path / "q")]
    more = ["--groups", str(tmp_path / "groups.npz"), "--add", str(tmp_path / "add.npz")]
    run([*words, *more, "--queries", str(tmp_path / "queries.npz"), "--among-records", "--json"])
    folder = tmp_path / "q" / "leave_one_out"
    group = [3, 8, 20]
    rest = np.delete(everyone, group)
    residuals = np.stack(
        [arrays["y"][row] - law(arrays, rest, arrays["x"][row])[0] for row in group]
    )
    table = read_table(folder / "groups" / "groups.parquet")
    expected = np.sqrt(np.mean((residuals / scale) ** 2))
    assert table["error_out"][0] == pytest.approx(expected)
    assert "accuracy_out" not in table
    table = read_table(folder / "additions" / "additions.parquet")
    predicted, _ = law(arrays, everyone, added["x"][2])
    for place in range(2):
        assert table[f"prediction_out_{place}"][2] == pytest.approx(predicted[place])
        assert table[f"target_{place}"][2] == pytest.approx(added["y"][2, place])
    influence = np.load(folder / "among_records" / "influence.npy")
    records = read_table(root / "out" / "leave_one_out" / "records.parquet")
    np.testing.assert_allclose(influence.diagonal(), records["memorization"], atol=1e-10)
    page = (tmp_path / "q" / "report.html").read_text()
    assert "Root mean squared error without it" in page


def test_a_kernel_matrix_gives_what_its_kernel_gives(arrays, study, tmp_path):
    root, findings = study
    x, queries = arrays["x"], arrays["queries"]
    matrix = {
        "kernel": kernel(x, x),
        "y": arrays["y"],
        "kernel_queries": kernel(queries, x),
        "kernel_query_diagonal": np.ones(4),
        "query_targets": arrays["query_targets"],
    }
    np.savez(tmp_path / "kernel.npz", **matrix)
    out = tmp_path / "out"
    found = fit(tmp_path / "kernel.npz", out, "--kernel", "given", *VALUES)
    assert found["kernel"] == {"name": "given"}
    assert found["log_evidence"] == pytest.approx(findings["log_evidence"], rel=1e-9)
    for file in ("records", "queries/influential"):
        ours, theirs = (
            read_table(folder / "leave_one_out" / f"{file}.parquet")
            for folder in (out, root / "out")
        )
        for name, column in theirs.items():
            np.testing.assert_allclose(ours[name], column, rtol=1e-7, atol=1e-9, err_msg=name)
    for name in ("kl_out_in", "shift", "influence", "certificate"):
        ours, theirs = (
            np.load(folder / "leave_one_out" / "queries" / f"{name}.npy")
            for folder in (out, root / "out")
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    names = ("kernel_queries", "kernel_query_diagonal")
    np.savez(tmp_path / "queries.npz", **{name: matrix[name] for name in names})
    np.savez(
        tmp_path / "add.npz",
        kernel_added=matrix["kernel_queries"],
        kernel_added_diagonal=np.ones(4),
        y=arrays["query_targets"],
    )
    words = ["leave-one-out", "query", "--fit", str(out), "--out", str(tmp_path / "q"), "--json"]
    run([*words, "--add", str(tmp_path / "add.npz")])
    table = read_table(tmp_path / "q" / "leave_one_out" / "additions" / "additions.parquet")
    predicted, _ = law(arrays, np.arange(RECORDS), queries[1])
    assert table["prediction_out_0"][1] == pytest.approx(predicted[0])
    run([*words, "--queries", str(tmp_path / "queries.npz")])
    later = np.load(tmp_path / "q" / "leave_one_out" / "queries" / "kl_out_in.npy")
    first = np.load(out / "leave_one_out" / "queries" / "kl_out_in.npy")
    np.testing.assert_allclose(later, first, rtol=1e-12)
    words[5] = str(tmp_path / "whole")
    run([*words, "--queries", str(tmp_path / "kernel.npz")])
    again = np.load(tmp_path / "whole" / "leave_one_out" / "queries" / "kl_out_in.npy")
    np.testing.assert_array_equal(again, later)


def test_a_kernel_matrix_of_classes_in_float32_is_fitted_by_every_method(arrays, tmp_path):
    x = arrays["x"].copy()
    x[5] = x[4]
    y = (x[:, 0] > 0) * 2 + 1
    np.savez(tmp_path / "x.npz", x=x, y=y)
    made = kernel(x, x).astype(np.float32)
    queries = {
        "kernel_queries": kernel(arrays["queries"], x),
        "kernel_query_diagonal": np.ones(4),
    }
    np.savez(tmp_path / "kernel.npz", kernel=made, y=y, **queries)
    truth = fit(tmp_path / "x.npz", tmp_path / "x", *RBF)
    found = fit(tmp_path / "kernel.npz", tmp_path / "k", "--kernel", "given")
    large = fit(tmp_path / "kernel.npz", tmp_path / "l", "--kernel", "given", "--method", "exact")
    for each in (found, large):
        assert each["classes"] == ["1", "3"]
        assert each["duplicates"]["exact"]["first"] == [[4, 5]]
        ours, theirs = (one["kl_out_in"]["median"]["value"] for one in (each, truth))
        assert ours == pytest.approx(theirs, rel=1e-4)
    dense, solved = (
        np.load(tmp_path / name / "leave_one_out" / "queries" / "kl_out_in.npy") for name in "kl"
    )
    np.testing.assert_allclose(solved, dense, rtol=1e-6, atol=1e-12)


def test_a_draw_of_the_records_takes_their_part_of_the_matrix(arrays, tmp_path):
    x, y = arrays["x"], (arrays["x"][:, 0] > 0).astype(int)
    np.savez(tmp_path / "x.npz", x=x, y=y, queries=arrays["queries"])
    cross = kernel(arrays["queries"], x)
    np.savez(
        tmp_path / "k.npz",
        kernel=kernel(x, x),
        y=y,
        kernel_queries=cross,
        kernel_query_diagonal=np.ones(4),
    )
    fit(tmp_path / "x.npz", tmp_path / "x", *RBF, "--records", "30")
    fit(tmp_path / "k.npz", tmp_path / "k", "--kernel", "given", "--records", "30")
    ours, theirs = (
        np.load(tmp_path / name / "leave_one_out" / "queries" / "kl_out_in.npy") for name in "kx"
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


K = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 2.0]])
CLASSES = np.array([0, 1, 1])
GIVEN = ["--kernel", "given"]


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ({"kernel": K[:2], "y": CLASSES[:2]}, GIVEN, "kernel has shape [2, 3], expected [n, n]"),
        ({"kernel": K + np.triu(K), "y": CLASSES}, GIVEN, "a kernel is symmetric"),
        ({"kernel": K - 3 * np.eye(3), "y": CLASSES}, GIVEN, "has a negative variance"),
        ({"kernel": 0 * K, "y": CLASSES}, GIVEN, "kernel is 0 or less for every record"),
        (
            {"x": np.ones((3, 2)), "y": CLASSES + 0.5},
            [*VALUES, "--kernel", "rbf"],
            "records that are no copies of one another all have the same target",
        ),
        (
            {"kernel": np.where(np.eye(3) > 0, 1.0, 0.9) - 1.8 * (K == 0), "y": CLASSES},
            GIVEN,
            "kernel has an eigenvalue of -0.8",
        ),
        ({"kernel": np.where(K > 1, np.nan, K), "y": CLASSES}, GIVEN, "kernel[0, 0] is nan"),
        ({"kernel": K, "y": CLASSES[:2]}, GIVEN, "y has 2 rows, and there are 3 inputs"),
        ({"x": K, "y": CLASSES}, GIVEN, "has no array 'kernel'"),
        ({"kernel": K, "y": CLASSES, "x": K}, GIVEN, "unknown array 'x'"),
        ({"kernel": K, "y": CLASSES, "kernel_queries": K}, GIVEN, "needs kernel_query_diagonal"),
        (
            {"kernel": K, "y": CLASSES, "kernel_queries": K, "kernel_query_diagonal": 0.02 * K[1]},
            GIVEN,
            "kernel_queries[2] has the kernel 2 with a record, and variances of 0.01 and 2 allow",
        ),
        (
            {"kernel": K, "y": CLASSES, "kernel_queries": K, "kernel_query_diagonal": -K[0]},
            GIVEN,
            "kernel_query_diagonal[0] is -2",
        ),
        ({"kernel": K, "y": CLASSES + 0.5}, GIVEN, "y must hold whole numbers"),
        ({"kernel": K, "y": 0 * CLASSES}, GIVEN, "are of one class"),
        ({"kernel": K, "y": CLASSES}, [*GIVEN, "--depth", "3"], "kernel given has no option depth"),
        ({"kernel": K, "y": CLASSES}, [*GIVEN, "--classes", "2"], "--classes applies to inputs"),
        ({"x": K, "y": [[0.1], [0.2]]}, VALUES, "y has 2 rows, and there are 3 inputs"),
        ({"x": K, "y": np.ones(3)}, VALUES, "all targets are the same"),
        ({"x": K, "y": [0.1, np.inf, 0]}, VALUES, "y[1, 0] is inf"),
        ({"x": K, "y": np.ones((3, 1, 1))}, VALUES, "y has shape [3, 1, 1]"),
        (
            {"x": K, "y": CLASSES, "queries": K, "query_labels": CLASSES},
            VALUES,
            "unknown array 'query_labels'; known are y, query_targets",
        ),
        ({"x": K, "y": CLASSES, "query_targets": K[0]}, VALUES, "query_targets needs queries"),
        (
            {"x": K, "y": CLASSES, "queries": K, "query_targets": K},
            VALUES,
            "query_targets has shape [3, 3], expected [q, 1]",
        ),
        (
            {"x": K, "y": CLASSES},
            [*VALUES, "--outputs", "contrast"],
            "--outputs applies to",
        ),
        ({"x": K, "y": CLASSES}, ["--target-scaling", "raw"], "--target-scaling applies to"),
        (
            {"x": K, "y": CLASSES, "queries": K},
            [*VALUES, "--method", "exact"],
            "queries of real values need --method dense",
        ),
        ({"x": K, "y": CLASSES + 0.5}, [], "y[0] is 0.5"),
        ({"x": K, "y": CLASSES + 0.5}, [], "real values as targets need --targets values"),
        (
            {"x": K, "y": CLASSES, "queries": K, "query_targets": CLASSES},
            [],
            "real values as targets need --targets values",
        ),
        ({"kernel": K, "y": CLASSES}, [], "a kernel matrix in place of x needs --kernel given"),
    ],
)
def test_mistakes_are_one_sentence(content, more, message, tmp_path, capsys):
    np.savez(tmp_path / "arrays.npz", **content)
    words = ["leave-one-out", "fit", "--arrays", str(tmp_path / "arrays.npz")]
    shown = refused([*words, "--out", str(tmp_path / "out"), *more], capsys)
    assert message in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fit", "--targets", "values"], "--targets values applies to --arrays"),
        (["fit", "--kernel", "given"], "--kernel given applies to --arrays"),
        (["landscape", "--kernel", "given"], "--kernel given has no inputs to search"),
    ],
)
def test_images_take_neither_values_nor_a_matrix(words, message, tmp_path, capsys):
    shown = refused(["leave-one-out", *words, "--out", str(tmp_path / "out")], capsys)
    assert message in shown
