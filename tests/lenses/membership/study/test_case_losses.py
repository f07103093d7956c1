"""Losses in the place of margins: what attacks read of them."""

import numpy as np
import pytest

from imprint import membership
from imprint.lenses.membership.study.arrays import attack_membership_arrays
from imprint.lenses.membership.study.case import read_case
from tests.lenses.membership.signal_files import arrays

THRESHOLDS = {"attack_p", "attack_r", "base", "loss", "mast", "quantile", "rmia", "rmia_tuned"}
GAUSSIAN = {"bavaria_n", "bavaria_t", "lira", "lira_fixed", "lira_offline", "lira_shrunk", "multi"}


def squared_errors(seed=0, gap=1.0):
    """Return squared errors of a regression whose models fit their members better."""
    made = arrays(seed, gap=0)
    random = np.random.default_rng(seed)
    scale = np.exp(random.normal(size=made["target"].shape[-1]))

    def errors(shape, members):
        return (random.normal(size=shape) * scale * np.exp(-gap * members)) ** 2

    made["target"] = errors(made["target"].shape, made["target_members"])
    made["signals"] = errors(made["signals"].shape, made["members"][:, None])
    made["population"] = np.exp(made["population"].astype(float))
    made["population_signals"] = np.exp(made["population_signals"].astype(float))
    return made


def test_losses_of_target_and_references_run_threshold_and_gaussian_attacks():
    made = squared_errors()
    result = membership.attack(**made, signal="loss", attacks="all", controls=False)
    assert result.findings.attacks.keys() >= THRESHOLDS | GAUSSIAN
    assert result["lira"].reads == "log_loss"
    assert result["loss"].reads == "loss"
    assert result["lira_shrunk"].auc.low > 0.5
    assert result.findings.skipped["mentr"] == "needs the signal mentr or phi, which is not given"
    np.testing.assert_array_equal(result.scores["loss"], -made["target"][0])


def test_gaussian_attacks_of_losses_are_those_of_their_logarithms():
    made = squared_errors(1)
    logs = {name: np.log(made[name]) for name in ("target", "signals")} | {
        name: made[name] for name in ("members", "target_members")
    }
    assert "population" not in logs
    expected = membership.attack(**logs, signal="log_curvature", attacks=["lira", "lira_offline"])
    losses = {name: made[name] for name in logs}
    result = membership.attack(**losses, signal="loss", attacks=["lira", "lira_offline"])
    for name in ("lira", "lira_offline"):
        np.testing.assert_allclose(result.scores[name], expected.scores[name])


def test_cross_entropies_give_what_their_margins_give_to_threshold_attacks():
    made = {name: values.astype(float) for name, values in arrays().items()}
    made |= {name: made[name].astype(bool) for name in ("members", "target_members")}
    flags = ("members", "target_members")
    losses = {n: v if n in flags else np.logaddexp(0, -v) for n, v in made.items()}
    names = ["loss", "attack_p", "attack_r", "mast", "watson", "base", "rmia", "rmia_tuned"]
    ours = membership.attack(**losses, signal="loss", attacks=names, controls=False)
    margins = membership.attack(**made, attacks=names, controls=False)
    for name in names:
        np.testing.assert_allclose(ours.scores[name], margins.scores[name], rtol=1e-6, atol=1e-9)


def test_one_function_takes_losses():
    assert membership.loss([0.5, 2.0], signal="loss").tolist() == [-0.5, -2.0]
    assert membership.mast(
        [0.5], signals=[[0.2], [1.0]], members=[[1], [0]], signal="loss"
    ).tolist() == pytest.approx([0.1])


def test_a_loss_of_zero_ties_with_the_least_positive_one(save):
    losses = np.abs(arrays()["signals"].astype(float)) + 1
    losses[0, 0, 0], losses[1, 0, 0] = 0.0, 0.25
    target = np.full((2, 300), 2.0)
    made = save(target=target, signals=losses, population=None, population_signals=None)
    case = read_case(made, "loss")
    logs = case.evidence.references.cohort.signals["log_loss"]
    assert logs[0, 0, 0] == logs[1, 0, 0] == np.log(0.25)
    assert case.evidence.references.cohort.signals["loss"][0, 0, 0] == 0


def test_negative_losses_run_threshold_attacks_alone(save, tmp_path):
    made = squared_errors()
    shifted = {n: made[n] - 1 for n in ("target", "signals", "population", "population_signals")}
    summary = attack_membership_arrays(
        save(**{**made, **shifted}), tmp_path / "out", signal="loss", with_controls=False
    )
    content = summary["lenses"]["membership"]
    assert content["attacks"].keys() >= THRESHOLDS
    assert (
        content["skipped"]["lira"]
        == "needs the signal phi or log_curvature or log_loss, which is not given"
    )


def test_probabilities_given_as_losses_are_noticed():
    made = arrays()
    probability = {n: 1 / (1 + np.exp(-made[n])) for n in ("target", "signals")}
    flags = {n: made[n] for n in ("members", "target_members")}
    result = membership.attack(**probability, **flags, signal="loss", attacks="loss")
    assert any("losses are larger on members" in text for text in result.findings.warnings)
    assert any("reference models' losses are larger" in text for text in result.findings.warnings)
