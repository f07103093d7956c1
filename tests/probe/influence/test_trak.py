from imprint.probe.influence.influence_gauss_newton import curvature_rows
from imprint.probe.influence.trak import projected
from imprint.probe.influence_kit.layer_gradients import gradient_dots
from imprint.probe.influence_kit.record_gradients import RecordGradients
from tests.probe.influence.small_problems import made, perceptron


def test_projections_keep_inner_products():
    """E⟨Pᵀg, Pᵀh⟩ = ⟨g, h⟩: with 20,000 projections within 5 deviations √(|g|²|h|² + ⟨g,h⟩²)/√k."""
    trained = made(perceptron())
    rows = curvature_rows(trained, RecordGradients(trained))
    seen = projected(rows, 20_000, seed=0)
    dots = gradient_dots(rows, rows)
    norms = dots.diagonal()
    deviation = ((norms[:, None] * norms + dots.square()) / 20_000).sqrt()
    assert ((seen @ seen.T - dots).abs() <= 5 * deviation + 1e-12).all()
