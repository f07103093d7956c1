from dataclasses import replace

import torch

from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import made, perceptron


def test_cosines_are_dots_over_lengths_and_1_of_a_record_with_itself() -> None:
    trained = made(perceptron())
    trained = replace(trained, queries=trained.inputs[:4], query_labels=trained.labels[:4])
    cosines = INFLUENCES.get("gradient_cosine")(trained).table
    dots = INFLUENCES.get("gradient_dot")(trained).table
    own = cosines[:4].diagonal()
    torch.testing.assert_close(own, torch.ones_like(own))
    assert float(cosines.abs().max()) <= 1 + 1e-12
    assert torch.equal(cosines.sign(), dots.sign())
