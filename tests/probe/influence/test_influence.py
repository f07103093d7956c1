from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from imprint.core.errors import ImprintError
from imprint.probe.influence.ekfac import second_moments
from imprint.probe.influence.influence_arnoldi import in_eigenspace
from imprint.probe.influence.influence_gauss_newton import curvature_rows
from imprint.probe.influence.influence_lissa import PUBLISHED, NeumannSeries, by_series
from imprint.probe.influence.trak import projected
from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import INFLUENCES, Checkpoint, Trained
from imprint.probe.influence_kit.rank_one import gradient_dots

RECORDS, ASKED = 30, 4


def made(network, loss="cross_entropy", classes=3, inputs=4, seed=0, **options):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(RECORDS + 3, inputs, generator=random).double()
    labels = torch.randint(0, classes, (RECORDS + 3,), generator=random)
    own = torch.tensor([3, 0, 7, 29])
    rows = torch.cat([own, torch.arange(RECORDS, RECORDS + 3)])
    return Trained(
        network,
        x[:RECORDS],
        labels[:RECORDS],
        x[rows],
        labels[rows],
        own,
        loss,
        **{"damping": 0.05, **options},
    )


def perceptron(hidden=5, seed=1, bias=True):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(4, hidden, bias=bias), nn.GELU(), nn.Linear(hidden, 3, bias=bias)
    ).double()


def linear():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 3)).double()


def table(name, trained):
    return INFLUENCES.get(name)(trained).table.double()


def test_exact_influence_is_the_slope_of_retraining():
    """Ridge regression, a quadratic problem, solved again with record i reweighted.

    The derivative of the loss at q by the weight of record i is the influence, less its sign.
    """
    trained = made(nn.Sequential(nn.Linear(4, 3, bias=False)).double(), "squared")
    x, wanted = trained.inputs, nn.functional.one_hot(trained.labels, 3).double() - 1 / 3

    def solve(weights):
        left = (x * weights[:, None]).T @ x / RECORDS + trained.damping * torch.eye(4).double()
        return torch.linalg.solve(left, (x * weights[:, None]).T @ wanted / RECORDS)

    def losses(weights):
        logits = trained.queries @ solve(weights)
        return trained.losses(logits, trained.query_labels)

    ones = torch.ones(RECORDS).double()
    trained.network[0].weight.data = solve(ones).T.clone()
    slope = torch.autograd.functional.jacobian(losses, ones)
    for name in ("influence_gauss_newton", "influence_cg"):
        torch.testing.assert_close(table(name, trained), -slope.T, rtol=0, atol=1e-4)
    torch.testing.assert_close(table("influence_exact", trained), -slope.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_gauss_newton_by_duality_is_the_inverse_of_the_matrix(loss):
    trained = made(perceptron(), loss)
    flat = FlatParameters(trained)
    matrix = flat.product()(torch.eye(len(flat.theta)).double())
    inverse = torch.linalg.inv(matrix + trained.damping * torch.eye(len(flat.theta)).double())
    records = flat.gradients(trained.inputs, trained.labels)
    queries = flat.gradients(trained.queries, trained.query_labels)
    exact = records @ inverse @ queries.T / RECORDS
    torch.testing.assert_close(
        table("influence_gauss_newton", trained), exact, rtol=1e-9, atol=1e-12
    )
    cg = INFLUENCES.get("influence_cg")(trained)
    close = 1e-4 * float(exact.abs().max())
    torch.testing.assert_close(cg.table, exact, rtol=0, atol=close)
    assert "unconverged" not in cg.facts
    whole = in_eigenspace(trained, 500, 500)
    torch.testing.assert_close(whole.table, exact, rtol=1e-6, atol=1e-9)
    series = by_series(trained, NeumannSeries(scale=4.0, depth=400, batch=RECORDS))
    torch.testing.assert_close(series.table, exact, rtol=0, atol=100 * close)


def test_curvature_is_what_autograd_says():
    trained = made(perceptron())
    flat = FlatParameters(trained)
    identity = torch.eye(len(flat.theta)).double()

    def mean_loss(theta):
        return flat.losses(theta, trained.inputs, trained.labels).mean()

    hessian = torch.autograd.functional.hessian(mean_loss, flat.theta)
    torch.testing.assert_close(flat.product("hessian")(identity), hessian, rtol=1e-9, atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(
        lambda theta: flat.logits(theta, trained.inputs), flat.theta
    )
    p = flat.logits(flat.theta, trained.inputs).softmax(1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    gauss = torch.einsum("ncp,ncd,ndq->pq", jacobian, middle, jacobian) / RECORDS
    torch.testing.assert_close(flat.product()(identity), gauss, rtol=1e-9, atol=1e-12)
    rows = curvature_rows(trained)
    assert float(gradient_dots(rows, rows).trace()) == pytest.approx(
        RECORDS * float(gauss.trace()), rel=1e-10
    )


def test_of_a_linear_model_all_of_the_hessian_is_gauss_newton():
    trained = made(linear())
    torch.testing.assert_close(
        table("influence_exact", trained),
        table("influence_gauss_newton", trained),
        rtol=1e-8,
        atol=1e-12,
    )


def test_of_ridge_regression_the_shift_is_that_of_leaving_out():
    """Solved again without a record, to first order: the shift along the miss."""
    trained = made(nn.Sequential(nn.Linear(4, 3, bias=False)).double(), "squared", damping=50.0)
    x, wanted = trained.inputs, nn.functional.one_hot(trained.labels, 3).double() - 1 / 3

    def logits(kept):
        left = (x * kept[:, None]).T @ x / RECORDS + trained.damping * torch.eye(4).double()
        weights = torch.linalg.solve(left, (x * kept[:, None]).T @ wanted / RECORDS)
        trained.network[0].weight.data = weights.T.clone()
        return x @ weights

    without = []
    for row in trained.own.tolist():
        kept = torch.ones(RECORDS).double()
        kept[row] = 0
        without.append(logits(kept)[row])
    within = logits(torch.ones(RECORDS).double())[trained.own]
    entry = INFLUENCES.get("influence_exact")
    found = entry.shift(trained, entry(trained))
    shifts = (within - torch.stack(without)).norm(dim=1)
    torch.testing.assert_close(found, shifts, rtol=0.01, atol=0)


def test_published_series_is_no_inverse_and_says_so():
    trained = made(perceptron(), damping=1e-3)
    found = by_series(trained, PUBLISHED)
    assert "not yet an inverse" in found.facts["unconverged"]
    # 51 terms over 500: a tenth of the gradient, so TracIn by another name.
    dots = table("gradient_dot", trained) / RECORDS
    torch.testing.assert_close(found.table, 0.102 * dots, rtol=0.05, atol=1e-4)


def test_a_series_deep_enough_says_that_it_converged():
    found = by_series(made(perceptron()), NeumannSeries(scale=4.0, depth=400, batch=RECORDS))
    assert found.facts["residual"] < 0.02
    assert "unconverged" not in found.facts


def test_tracin_by_hand():
    trained = made(perceptron())
    states = [perceptron(seed=seed).state_dict() for seed in (5, 6)]
    found = table(
        "tracin",
        replace(trained, checkpoints=(Checkpoint(states[0], 0.3), Checkpoint(states[1], 0.1))),
    )
    by_hand = sum(
        rate * table("gradient_dot", made(perceptron(seed=seed))) / RECORDS
        for seed, rate in ((5, 0.3), (6, 0.1))
    )
    torch.testing.assert_close(found, by_hand, rtol=1e-12, atol=1e-14)
    way = (Checkpoint(states[0], 0.3),)
    early = made(perceptron(seed=5))
    once, entry = (
        INFLUENCES.get("tracin")(replace(trained, checkpoints=way)),
        INFLUENCES.get("gradient_dot"),
    )
    torch.testing.assert_close(once.shift, 0.3 * entry.shift(early, entry(early)) / RECORDS)
    assert INFLUENCES.get("tracin").missing(trained) is not None


def test_tracin_is_what_steps_save():
    """One step on record i lowers the loss of q by rate · ⟨g_i, g_q⟩ / n, to first order."""
    trained = made(perceptron())
    flat, rate = FlatParameters(trained), 1e-5
    before = flat.losses(flat.theta, trained.queries, trained.query_labels)
    step = flat.gradients(trained.inputs[:1], trained.labels[:1])[0] / RECORDS
    after = flat.losses(flat.theta - rate * step, trained.queries, trained.query_labels)
    way = (Checkpoint(trained.network.state_dict(), rate),)
    found = table("tracin", replace(trained, checkpoints=way))
    torch.testing.assert_close((before - after) / rate, found[0] / rate, rtol=1e-3, atol=1e-7)


def test_ekfac_second_moments_are_those_of_written_gradients():
    random = torch.Generator().manual_seed(4)
    a, slope = torch.randn(9, 4, generator=random), torch.randn(9, 3, generator=random)
    written = (slope[:, :, None] * a[:, None, :]).square().mean(0)
    torch.testing.assert_close(second_moments(a, slope, 9), written, rtol=1e-6, atol=1e-7)


def test_ekfac_is_exact_where_factors_are_independent():
    """A linear model and squared loss: the curvature E[aaᵀ] ⊗ I is a Kronecker product."""
    trained = made(linear(), "squared")
    torch.testing.assert_close(
        table("ekfac", trained), table("influence_gauss_newton", trained), rtol=1e-9, atol=1e-12
    )


def test_ekfac_ranks_as_the_exact_curvature():
    trained = made(perceptron(20))
    ours, exact = table("ekfac", trained), table("influence_gauss_newton", trained)
    assert spearmanr(ours.flatten(), exact.flatten())[0] > 0.9


def test_projections_keep_inner_products():
    """E⟨Pᵀg, Pᵀh⟩ = ⟨g, h⟩: with 20,000 projections within 5 deviations √(|g|²|h|² + ⟨g,h⟩²)/√k."""
    rows = curvature_rows(made(perceptron()))
    seen = projected(rows, 20_000, seed=0)
    dots = gradient_dots(rows, rows)
    norms = dots.diagonal()
    deviation = ((norms[:, None] * norms + dots.square()) / 20_000).sqrt()
    assert ((seen @ seen.T - dots).abs() <= 5 * deviation + 1e-12).all()


def test_representer_by_hand():
    trained = made(linear())
    p = trained.network(trained.inputs).softmax(1).detach()
    row, query = 3, 5
    label = int(trained.query_labels[query])
    left = float(trained.labels[row] == label) - float(p[row, label])
    dot = float(trained.inputs[row] @ trained.queries[query])
    assert float(table("representer", trained)[row, query]) == pytest.approx(dot * left, rel=1e-9)


def test_nearest_by_counting():
    trained = made(linear())
    found = INFLUENCES.get("nearest")(trained)
    gaps = torch.cdist(trained.queries, trained.inputs).numpy()
    gaps[np.arange(ASKED), trained.own] = np.inf
    for query in range(len(gaps)):
        closest = set(np.argsort(gaps[query])[:10])
        for row in range(RECORDS):
            sign = 1 if trained.labels[row] == trained.query_labels[query] else -1
            expected = sign / 10 if row in closest else 0
            assert float(found.table[row, query]) == pytest.approx(expected)


@pytest.mark.parametrize("name", INFLUENCES.names())
def test_every_estimate_ignores_the_order_of_records(name):
    way = (Checkpoint(perceptron(seed=5).state_dict(), 0.3),)
    trained = made(perceptron(), checkpoints=way)
    order = torch.from_numpy(np.random.default_rng(0).permutation(RECORDS))
    turned = replace(
        trained,
        inputs=trained.inputs[order],
        labels=trained.labels[order],
        own=torch.argsort(order)[trained.own],
    )
    entry = INFLUENCES.get(name)
    one, other = entry(trained), entry(turned)
    # LiSSA draws batches of rows: these are other batches.
    tolerance = 0.2 if name == "influence_lissa" else 1e-3
    close = tolerance * float(one.table.abs().max())
    torch.testing.assert_close(other.table, one.table[order], rtol=0, atol=close)
    torch.testing.assert_close(
        other.self_influence(turned), one.self_influence(trained), rtol=0.05, atol=2 * close
    )
    assert torch.isfinite(one.table).all()


def test_small_networks_only():
    entry = INFLUENCES.get("influence_exact")
    with pytest.raises(ImprintError, match="up to 4,000 parameters"):
        entry(made(perceptron(600)))
    with pytest.raises(ImprintError, match="above 0"):
        INFLUENCES.get("ekfac")(made(linear(), damping=0.0))
