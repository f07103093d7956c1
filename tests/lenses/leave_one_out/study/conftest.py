import numpy as np
import pytest

from imprint.cli import main, run
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.compare import compare_study
from tests.lenses.leave_one_out.study.compared import SMALL
from tests.lenses.leave_one_out.study.query_refits import NOISE
from tests.lenses.leave_one_out.study.refits import QUERIES, RECORDS, WIDTH, words


@pytest.fixture(scope="session")
def arrays():
    random = np.random.default_rng(0)
    x = random.normal(size=(RECORDS, WIDTH))
    y = 2 * (x[:, 0] > 0).astype(int) + 1
    return {"x": x, "y": y, "queries": random.normal(size=(QUERIES, WIDTH))}


@pytest.fixture(scope="session")
def study(arrays, tmp_path_factory):
    root = tmp_path_factory.mktemp("fit")
    np.savez(root / "arrays.npz", **arrays)
    main(words(root / "arrays.npz", root / "out", "--noise", "0.1,0.01,1"))
    return root / "out"


@pytest.fixture(scope="session")
def image_study(tmp_path_factory):
    out = tmp_path_factory.mktemp("images") / "out"
    more = ["--composite-count", "60", "--records", "50", "--input-size", "8", "--json"]
    main(["leave-one-out", "fit", *more, "--out", str(out)])
    return out


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("queries")
    random = np.random.default_rng(5)
    x = random.normal(size=(14, 5))
    x[9] = x[8]
    arrays = {"x": x, "y": 2 * (x[:, 0] > 0) + 1, "new": random.normal(size=(3, 5))}
    arrays["queries"] = random.normal(size=(4, 5))
    np.savez(root / "fit.npz", x=x, y=arrays["y"])
    np.savez(root / "add.npz", x=arrays["new"], y=[3, 1, 3])
    np.savez(root / "queries.npz", queries=arrays["queries"], query_labels=[1, 3, 3, 1])
    np.savez(root / "groups.npz", index=[0, 3, 5, 3, 8], group=[7, 7, 7, 2, 2])
    fit = ["leave-one-out", "fit", "--arrays", str(root / "fit.npz"), "--kernel", "rbf"]
    run([*fit, "--noise", str(NOISE), "--out", str(root / "fit"), "--json"])
    return root, arrays


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "study"
    options = ComparisonOptions(out=out, **SMALL)
    return options, compare_study(options)
