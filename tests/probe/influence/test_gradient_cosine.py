import torch

from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import ASKED, made, perceptron


def test_cosines_are_dots_over_lengths_and_1_of_a_record_with_itself() -> None:
    trained = made(perceptron())
    cosines = INFLUENCES.get("gradient_cosine")(trained).table
    dots = INFLUENCES.get("gradient_dot")(trained).table
    own = cosines[trained.own, torch.arange(ASKED)]
    torch.testing.assert_close(own, torch.ones_like(own))
    assert float(cosines.abs().max()) <= 1 + 1e-12
    assert torch.equal(cosines.sign(), dots.sign())
