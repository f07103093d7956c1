"""The largest of approximate values, known exactly before it is named."""

import json

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.large.extremes import divergence_bound
from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot

NOISE, CLUSTERED, FAR = 0.01, 1992, 8


def clustered(seed=0, records=CLUSTERED):
    """Records in 8 clusters and 8 far ones, in an order drawn at random."""
    random = np.random.default_rng(seed)
    cluster = random.integers(0, 8, records)
    x = random.normal(size=(8, 10))[cluster] + 0.1 * random.normal(size=(records, 10))
    x = np.concatenate([x, 10 * random.normal(size=(FAR, 10))])
    y = np.concatenate([cluster % 2, random.integers(0, 2, FAR)])
    order = random.permutation(records + FAR)
    return x[order], y[order]


def truth_of(x, y):
    kernel, targets = FullyConnected(), centred_one_hot(torch.from_numpy(y), 2)
    return self_influence(fit(kernel(torch.from_numpy(x)), targets, NOISE))


def fitted(tmp_path, x, y, *more):
    np.savez(tmp_path / "a.npz", x=x, y=y)
    words = ["leave-one-out", "fit", "--arrays", str(tmp_path / "a.npz"), "--noise", str(NOISE)]
    words += ["--method", "nystrom", "--out", str(tmp_path / "out"), *more]
    return run([*words, "--json"])["lenses"]["leave_one_out"]


@pytest.mark.parametrize(("seed", "records"), [(0, CLUSTERED), (1, 492), (2, 492)])
def test_the_record_that_is_named_first_is_the_first(tmp_path, seed, records):
    x, y = clustered(seed, records)
    truth = truth_of(x, y)
    landmarks = records // 20 + 1
    found = fitted(tmp_path, x, y, "--landmarks", str(landmarks), "--seed", str(seed))
    most = found["kl_out_in"]["most"]
    assert most["index"] == int(truth.kl_out_in.argmax())
    assert most["value"] == pytest.approx(float(truth.kl_out_in.max()), rel=1e-6)
    extremes = found["approximation"]["extremes"]
    assert extremes["possible"] == 0
    assert {most["index"], found["mean_distance"]["most"]["index"]} <= set(extremes["exact"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "no other record can exceed the largest divergence" in page


def test_without_the_check_another_value_is_named():
    x, y = clustered(1, records=492)
    targets = centred_one_hot(torch.from_numpy(y), 2)
    options = LargeOptions(method="nystrom", landmarks=25, seed=1)
    plain = fit_large(FullyConnected(), torch.from_numpy(x), targets, NOISE, options)
    most = float(truth_of(x, y).kl_out_in.max())
    assert abs(float(plain.influence.kl_out_in.max()) / most - 1) > 0.1


def test_the_bound_holds_for_every_record(tmp_path):
    x, y = clustered(3, records=400)
    x[5] = x[9] = x[1]
    truth = truth_of(x, y)
    targets = centred_one_hot(torch.from_numpy(y), 2)
    kernel, inputs = FullyConnected(), torch.from_numpy(x)
    options = LargeOptions(method="nystrom", landmarks=60, probes=0, sample=80, tolerance=1e-10)
    large = fit_large(kernel, inputs, targets, NOISE, options)
    assert (large.variance_bound >= truth.variance_out * (1 - 1e-9)).all()
    copies = torch.arange(len(x))
    bound = divergence_bound(large, kernel.diagonal(inputs), copies)
    assert (bound >= truth.kl_out_in * (1 - 1e-9)).all()
    copies[5] = copies[9] = 1
    without = torch.tensor([row for row in range(len(x)) if row not in (1, 5, 9)])
    rest = fit(kernel(inputs[without]), targets[without], NOISE)
    cross = kernel(inputs[[1]], inputs[without])
    solved = rest.inverse @ cross.T
    spread = 3 * (kernel.diagonal(inputs[[1]]) - (cross @ solved)[0]) / NOISE
    gap = (targets[[1, 5, 9]].mean(0) - (solved.T @ targets[without])[0]).square().sum()
    surprise = gap / (NOISE * (1 + spread) / 3)
    exact = float(Directions(spread[:, None], surprise[:, None], 2).kl_out_in()[0])
    assert float(divergence_bound(large, kernel.diagonal(inputs), copies)[1]) >= exact


def test_what_cannot_be_settled_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("imprint.lenses.leave_one_out.large.extremes.MAX_ROUNDS", 0)
    monkeypatch.setattr("imprint.lenses.leave_one_out.large.fit.CANDIDATES", 0)
    x, y = clustered(4, records=400)
    found = fitted(tmp_path, x, y, "--landmarks", "8")
    extremes = found["approximation"]["extremes"]
    assert extremes["possible"] > 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["lenses"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "may exceed the largest divergence, which more landmarks would settle" in page
