import torch

from tests.probe.attribution.linear_network import linear_question
from tests.probe.attribution.networks import compute


def test_in_a_linear_network_it_is_the_change_of_a_unit_times_its_gradient() -> None:
    question, parts = linear_question()
    torch.testing.assert_close(
        compute("lc", question)["1"], parts.change * parts.slope, rtol=1e-4, atol=1e-5
    )
