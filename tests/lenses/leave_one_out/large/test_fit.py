import json
import math
from dataclasses import replace

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.approximation_error import MEASURES
from imprint.lenses.leave_one_out.large.fit import fit_large
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.study.finding import to_json
from tests.lenses.leave_one_out.large_problem import KERNEL, NOISE, large_problem

MIB = 1 << 20


def fitted(**options):
    problem = large_problem()
    chosen = LargeOptions(**{"sample": 80, "probes": 0, **options})
    return fit_large(KERNEL, problem.x, problem.targets, NOISE, chosen)


def off(fit, measure):
    truth = getattr(large_problem().truth, measure)
    return (getattr(fit.influence, measure) - truth).abs() / truth


@pytest.mark.parametrize(
    ("method", "memory", "most"),
    [("exact", 6 * MIB, 1e-10), ("hybrid", 6 * MIB, 1e-3), ("out_of_core", MIB * 3 // 2, 1e-3)],
)
def test_every_method_against_a_plain_fit(tmp_path, method, memory, most):
    fit = fitted(method=method, workspace=tmp_path, memory=memory)
    posterior = large_problem().posterior
    torch.testing.assert_close(fit.weights, posterior.weights, rtol=1e-7, atol=1e-9)
    off_weights = (fit.weights - posterior.weights).norm() / posterior.weights.norm()
    assert off_weights < max(fit.weights_error, 1e-13) < 1e-8
    freedom = posterior.effective_degrees_of_freedom
    assert fit.effective_degrees_of_freedom == pytest.approx(freedom, rel=0.01 * most)
    for measure in MEASURES:
        assert off(fit, measure).median() < 0.05 * most
        assert off(fit, measure).max() < most


def test_low_rank_is_rough_and_says_how_rough():
    fit = fitted(method="nystrom", landmarks=60)
    truth = large_problem().truth
    for measure in MEASURES:
        sampled = off(fit, measure)[fit.checked]
        error = fit.error[measure]
        assert error.median.value == pytest.approx(float(sampled.median()), rel=0.2)
        assert error.quantile95.value == pytest.approx(float(sampled.quantile(0.95)), rel=0.05)
    assert 1e-3 < fit.error["leverage"].median.value < 0.5
    more = fitted(method="nystrom", landmarks=200)
    assert more.error["leverage"].median.value < fit.error["leverage"].median.value
    corrected = fitted(method="nystrom", landmarks=60, probes=200)
    assert corrected.error["leverage"].median.value < 0.5 * fit.error["leverage"].median.value
    score = (corrected.influence.leverage - truth.leverage) / corrected.correction_error
    assert 0.85 < float((score.abs() < 1.96).double().mean()) <= 1


@pytest.mark.parametrize("method", ["hybrid", "nystrom"])
def test_exact_values_for_the_asking(method):
    fit = fitted(method=method, landmarks=60, tolerance=1e-9)
    records = torch.tensor([239, 0, 17])
    found, truth = fit.exact(records), large_problem().truth
    for measure in MEASURES:
        expected = getattr(truth, measure)[records]
        torch.testing.assert_close(getattr(found, measure), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(found.leverage, truth.leverage[records], rtol=1e-11, atol=0)


def test_same_seed_same_numbers():
    one, other = (fitted(method="nystrom", landmarks=50, probes=8) for _ in range(2))
    assert torch.equal(one.influence.kl_out_in, other.influence.kl_out_in)
    third = fitted(method="nystrom", landmarks=50, probes=8, seed=1)
    assert not torch.equal(one.influence.kl_out_in, third.influence.kl_out_in)


def test_report_is_json():
    report = to_json(fitted(method="hybrid").findings())
    assert report["relative_error"]["kl_out_in"]["median"]["n"] == 80
    assert report["passes"] >= 1
    assert "seconds" not in report


def test_a_record_without_a_kernel():
    problem = large_problem()
    x = problem.x.clone()
    x[100] = 0
    for method in ("exact", "hybrid", "nystrom"):
        options = LargeOptions(method=method, sample=240, landmarks=60)
        fit = fit_large(KERNEL, x, problem.targets, NOISE, options)
        assert float(fit.influence.kl_out_in[100]) == 0
        assert math.isfinite(fit.error["kl_out_in"].quantile95.value)


def test_an_interrupted_fit_goes_on(tmp_path, monkeypatch):
    from imprint.lenses.leave_one_out.large.conjugate_gradients import StreamedMatrix

    plain, left = StreamedMatrix.part, iter(range(4))

    def interrupted(self, rows, columns):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return plain(self, rows, columns)

    memory = 3 * MIB // 2
    monkeypatch.setattr(StreamedMatrix, "part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted(method="out_of_core", workspace=tmp_path / "a", memory=memory)
    state = json.loads((tmp_path / "a" / "panels.json").read_text())
    monkeypatch.setattr(StreamedMatrix, "part", plain)
    again = fitted(method="out_of_core", workspace=tmp_path / "a", memory=memory)
    whole = fitted(method="out_of_core", workspace=tmp_path / "b", memory=memory)
    assert 1 <= state["done"] < math.ceil(240 / state["settings"]["width"])
    assert torch.equal(again.influence.kl_out_in, whole.influence.kl_out_in)
    problem = large_problem()
    options = LargeOptions(method="out_of_core", workspace=tmp_path / "a", memory=memory, sample=80)
    with pytest.raises(ImprintError, match="another fit"):
        fit_large(KERNEL, problem.x, problem.targets, 2 * NOISE, options)


def test_float32_that_will_not_do():
    problem = large_problem()
    x = torch.cat([problem.x[:120], problem.x[:120]])
    with pytest.raises(ImprintError, match="use the exact method"):
        fit_large(KERNEL, x, problem.targets, 1e-9, LargeOptions(method="hybrid", sample=80))


def test_bad_problem():
    problem = large_problem()
    for targets, noise, message in (
        (problem.targets[:9], NOISE, "do not fit 240 records"),
        (problem.targets, 0.0, "finite variance, got 0"),
        (problem.targets.float(), NOISE, "float64"),
    ):
        with pytest.raises(ImprintError, match=message):
            fit_large(KERNEL, problem.x, targets, noise, replace(LargeOptions(), sample=80))
