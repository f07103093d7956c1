import pytest
import torch

from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import Question
from tests.probe.attribution.networks import Modules, ask, build, compute


@pytest.mark.parametrize("name", ["lgs", "ldls", "lfa"])
def test_random_parts_depend_on_the_input_not_on_its_batch(name):
    pool = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    options = AttributionOptions(channels=2, rows=7)
    whole = ask(build(Modules), options, pool=pool)
    found = compute(name, whole)
    rows = torch.tensor([4, 1])
    part = Question(
        whole.outputs,
        whole.inputs[rows],
        whole.labels[rows],
        whole.ids[rows],
        whole.baseline,
        pool,
        options,
    )
    for layer, value in compute(name, part).items():
        torch.testing.assert_close(value, found[layer][rows], rtol=1e-4, atol=1e-6, equal_nan=True)
