import torch

from tests.probe.attribution.linear_network import linear_question
from tests.probe.attribution.networks import compute


def test_in_a_linear_network_it_is_an_activation() -> None:
    question, parts = linear_question()
    torch.testing.assert_close(compute("la", question)["1"], parts.outputs, rtol=1e-4, atol=1e-5)
