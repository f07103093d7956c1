import torch

from tests.probe.attribution.linear_network import linear_question
from tests.probe.attribution.networks import compute


def test_in_a_linear_network_it_is_gradient_times_activation() -> None:
    question, parts = linear_question()
    torch.testing.assert_close(
        compute("lgxa", question)["1"], parts.outputs * parts.slope, rtol=1e-4, atol=1e-5
    )
