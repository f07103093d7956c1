import pytest
import torch
from torch import nn

from imprint.probe.attribution.attribution_options import AttributionOptions
from tests.probe.attribution.networks import ask, compute


@pytest.mark.parametrize("pool", [None, 3])
def test_gradient_shap_tends_to_the_integral(pool):
    """For a linear network every point gives the same: w (x − x′), on average over the pool."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Linear(5, 4)).eval()
    drawn = None if pool is None else torch.randn(pool, 3, 8, 8)
    question = ask(model, AttributionOptions(samples=400), pool=drawn)
    found = compute("lgs", question)["1"]
    centre = question.baseline if drawn is None else drawn.mean(0, keepdim=True)
    with torch.no_grad():
        hidden = model[1](question.inputs.flatten(1)) - model[1](centre.flatten(1))
    wanted = hidden * model[2].weight[question.labels]
    tolerance = 1e-5 if pool is None else 0.15
    assert (found - wanted).abs().max() < tolerance * wanted.abs().max()
