"""``imprint.leave_one_out``: every public function on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

import imprint
from imprint import leave_one_out
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing

NOISE = 0.1


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(24, 5))
    return x, np.where(x[:, 0] > 0, "cat", "dog")


@pytest.fixture(scope="module")
def fit(data) -> leave_one_out.Fit:
    return leave_one_out.fit(*data, kernel="rbf", noise=NOISE)


def law(x: np.ndarray, y: np.ndarray, query: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean [2] and variance at one input of an explicit fit."""

    def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.exp(-((one[:, None] - other[None]) ** 2).mean(2))

    targets = np.eye(2)[(y == "dog").astype(int)] - 0.5
    cross = kernel(query[None], x)
    solved = np.linalg.solve(kernel(x, x) + NOISE * np.eye(len(x)), cross.T).T
    return (solved @ targets)[0], float((1 - solved @ cross.T)[0, 0])


def kl(out: tuple[np.ndarray, float], within: tuple[np.ndarray, float]) -> float:
    ratio = out[1] / within[1]
    shift = ((out[0] - within[0]) ** 2).sum() / within[1]
    return 0.5 * (2 * (ratio - 1 - np.log(ratio)) + shift)


def test_every_public_name_exists() -> None:
    assert imprint.leave_one_out is leave_one_out
    for name in leave_one_out.__all__:
        assert getattr(leave_one_out, name).__doc__


def test_divergences_are_those_of_refits_without_each_record(data, fit) -> None:
    x, y = data
    for row in range(len(x)):
        rest = np.arange(len(x)) != row
        expected = kl(law(x[rest], y[rest], x[row]), law(x, y, x[row]))
        assert fit.divergences[row] == pytest.approx(expected, rel=1e-9)
    assert fit.findings.classes == ("cat", "dog")
    assert "leave-one-out accuracy" in str(fit)
    assert len(fit.figures()) == 2
    assert fit.auc.min() >= 0.5
    assert fit.memorization.shape == (24,)


def test_queries_are_those_of_refits(data, fit) -> None:
    x, y = data
    queries = np.random.default_rng(1).normal(size=(3, 5))
    result = fit.query(queries, ["cat", "dog", "cat"])
    assert result.measures["influence"].shape == (24, 3)
    rest = np.arange(24) != 5
    for column, query in enumerate(queries):
        out, within = law(x[rest], y[rest], query), law(x, y, query)
        assert result.measures["kl_out_in"][5, column] == pytest.approx(kl(out, within), rel=1e-8)
        shift = (within[0] - out[0])[int(column == 1)]
        assert result.measures["influence"][5, column] == pytest.approx(shift, abs=1e-12)
    assert result.findings.labels == ("cat", "dog", "cat")
    assert len(result.to_records()) == 3


def test_groups_additions_and_pairs_answer_the_same_queries(data, fit) -> None:
    x, _ = data
    single = fit.leave_out({"a": [3], "b": [4, 5]}, x[:2])
    assert single.findings.first[0].kl_out_in == pytest.approx(fit.divergences[3])
    alone = fit.query(x[:2]).measures["kl_out_in"][3]
    np.testing.assert_allclose(single.measures["kl_out_in"][0], alone, rtol=1e-6)
    pairs = fit.among_records()
    np.testing.assert_allclose(np.diag(pairs.measures["kl_out_in"]), fit.divergences, rtol=1e-9)
    added = fit.add(x[:1] + 0.1, ["dog"], x[:4])
    assert added.measures["shift"].shape == (1, 4, 2)
    assert added.to_records()[0]["class"] == "dog"


def test_searches_end_at_the_record_and_landscapes_peak_there(data, fit) -> None:
    search = leave_one_out.fit(*data, noise=NOISE).optimise([3, 8], restarts=3)
    assert search.certificates.min() > 0.99
    assert search.columns["identified"].all()
    assert search.queries.shape == (2, 1, 5)
    assert search.reconstructions.shape == (2, 5)
    landscape = fit.landscape([3], lines=1, steps_per_side=2)
    assert landscape.findings.peak_at_record.kl_out_in == 1
    assert len(landscape.columns["step"]) == 4 * 5
    assert len(landscape.figures()) == 3
    assert "peak" in str(landscape)


def test_a_large_fit_states_its_errors(data) -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(size=(90, 4)), np.arange(90) % 2
    dense = leave_one_out.fit(x, y, noise=(0.1, 1.0))
    large = leave_one_out.fit_large(x, y, method="exact", sample=72)
    np.testing.assert_allclose(large.divergences, dense.divergences, rtol=1e-8)
    assert large.findings.approximation.method == "exact"
    assert len(dense.tables()) == 2


def test_two_gaussians_by_hand() -> None:
    result = leave_one_out.distinguishability([[1.0]], [1.0], [2.0], fpr=1.0)
    assert result.kl_out_in[0] == pytest.approx(0.5 * (1 - np.log(2) + 1))
    assert result.tpr[0] == 1
    with pytest.raises(ImprintError, match="variance_out must be above variance_in"):
        leave_one_out.distinguishability([[1.0]], [2.0], [1.0])
    with pytest.raises(ImprintError, match="do not fit"):
        leave_one_out.distinguishability([1.0], [2.0], [3.0])


def test_estimates_are_compared_with_retraining() -> None:
    random = np.random.default_rng(0)
    size, start = np.linspace(0, 3, 20), random.normal(size=(20, 30, 2))
    moved = start + size[:, None, None] + 0.1 * random.normal(size=start.shape)
    comparison = leave_one_out.compare({"size": size, "none": np.ones(20)}, moved, start)
    assert comparison.correlations["size"].spearman.value > 0.99
    assert isinstance(comparison.correlations["none"], Missing)
    assert 0.9 < comparison.ceiling.value <= 1
    np.testing.assert_allclose(comparison.difference, size, atol=0.3)
    assert "noise ceiling" in str(comparison)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda fit: leave_one_out.kernel("fc", width=3), "unexpected keyword argument 'width'"),
        (lambda fit: leave_one_out.kernel("none"), "unknown kernel 'none'"),
        (lambda fit: leave_one_out.fit(np.eye(3), [0, 0, 0]), "y has 1 class"),
        (lambda fit: leave_one_out.fit(np.eye(3), [0, 1]), "y has shape"),
        (lambda fit: leave_one_out.fit(np.eye(2, dtype=int), [0, 1]), "x holds int64"),
        (lambda fit: leave_one_out.fit(np.eye(2), [0, 1], noise=0), "noise must be a positive"),
        (lambda fit: leave_one_out.fit(np.eye(2), [0, 1], noise=()), "noise is empty"),
        (
            lambda fit: leave_one_out.fit(np.eye(2), [0, 1], noise="low"),
            "noise must be a variance or 'auto'",
        ),
        (lambda fit: leave_one_out.fit([[1.0], [1.0, 2.0]], [0, 1]), "give rows of one length"),
        (lambda fit: leave_one_out.fit(np.eye(2), [0, None]), "y must hold classes"),
        (
            lambda fit: leave_one_out.fit(np.eye(2), [0, 1], kernel=abs),
            "the kernel function failed",
        ),
        (lambda fit: leave_one_out.fit(np.eye(2), [0, 1], kernel=3), "kernel must be a name, what"),
        (
            lambda fit: leave_one_out.fit(np.eye(2), [0, 1], kernel=lambda a, b: a[0]),
            "returned shape",
        ),
        (
            lambda fit: fit.query(np.ones((1, 5)), variances=[1]),
            "variances apply to the kernel given",
        ),
        (lambda fit: fit.landscape([-1]), "removed must be rows from 0 to"),
        (lambda fit: fit.landscape([[0, 1]]), "removed must be rows of the records"),
        (lambda fit: fit.optimise([]), "removed must be rows of the records"),
        (lambda fit: fit.leave_out({"a": [[0, 1]]}), "group a must be rows of the records"),
        (lambda fit: fit.query(np.ones((1, 5)), "cow"), "labels must be"),
        (lambda fit: fit.optimise([0.5]), "removed must hold whole numbers, got 0.5"),
        (
            lambda fit: leave_one_out.distinguishability(np.zeros((2, 0)), [1, 1], [2, 2]),
            r"shift \[2, 0\]",
        ),
        (lambda fit: fit.query(np.eye(3)), "queries is of shape"),
        (lambda fit: fit.query(np.ones((1, 5)), ["cow"]), "not one of the classes of the records"),
        (lambda fit: fit.optimise([0], enough=1), "there is no option 'enough'"),
        (lambda fit: fit.landscape([0], lines=0), "lines must be at least 1"),
        (lambda fit: fit.leave_out({"a": [99]}), "group a must be rows from 0 to 23"),
    ],
)
def test_a_wrong_call_is_one_sentence(fit, call, message) -> None:
    with pytest.raises(ImprintError, match=message):
        call(fit)


def test_a_kernel_of_scikit_learn_and_its_matrix_give_the_same_values() -> None:
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    random = np.random.default_rng(0)
    x, queries = random.normal(size=(30, 2)), random.normal(size=(3, 2))
    y, targets = 100 + 10 * np.sin(2 * x[:, 0]), [100.0, 101.0, 102.0]
    kernel = ConstantKernel(2.0) * RBF(1.0)
    function = leave_one_out.fit(x, y, targets="values", kernel=kernel)
    matrix = leave_one_out.fit(kernel(x), y, targets="values", kernel="given")
    for name, column in function.columns.items():
        np.testing.assert_allclose(matrix.columns[name], column, err_msg=name)
    first = function.query(queries, targets)
    second = matrix.query(kernel(queries, x), targets, variances=kernel.diag(queries))
    for name, values in first.measures.items():
        np.testing.assert_allclose(second.measures[name], values, atol=1e-12, err_msg=name)
    assert function.add(queries, targets).findings.additions == 3
    assert function.leave_out({"pair": [0, 1]}).findings.first[0].error_out is not None
    with pytest.raises(ImprintError, match="lacks the kernel of some pairs"):
        function.add(queries, targets, queries=queries)
    with pytest.raises(ImprintError, match="need their variances"):
        matrix.query(kernel(queries, x))
    with pytest.raises(ImprintError, match="landscape needs a kernel of inputs"):
        function.landscape([0])


def test_auto_chooses_the_noise_in_python() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2))
    y = np.sin(2 * x[:, 0]) + 0.3 * random.normal(size=40)
    fitted = leave_one_out.fit(x, y, targets="values", kernel="rbf", noise="auto")
    selection = fitted.findings.noise_selection
    assert selection is not None
    assert fitted.findings.noise == selection.density.noise


def test_a_fit_states_the_error_of_an_activation_by_quadrature() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 3)), np.arange(12) % 2

    def soft_step(values: Tensor) -> Tensor:
        return values.tanh() + values.sigmoid()

    kernel = leave_one_out.kernel("fc", depth=1, activation=soft_step)
    error = leave_one_out.fit(x, y, kernel=kernel).findings.kernel_error
    assert error is not None
    assert 0 < error < 1e-8
    assert leave_one_out.fit(x, y, kernel="fc").findings.kernel_error is None
