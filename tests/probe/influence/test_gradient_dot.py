import torch
from torch.func import functional_call

from imprint.probe.influence_kit.question import INFLUENCES
from tests.probe.influence.small_problems import made, perceptron


def gradient(trained, inputs, label):
    weights = dict(trained.network.named_parameters())
    logits = functional_call(trained.network, weights, (inputs[None],))
    slopes = torch.autograd.grad(trained.losses(logits, label[None]).sum(), list(weights.values()))
    return torch.cat([slope.flatten() for slope in slopes])


def test_it_is_the_inner_product_of_gradients_one_at_a_time() -> None:
    trained = made(perceptron())
    attribution = INFLUENCES.get("gradient_dot")(trained)
    table = attribution.table
    for row, query in ((0, 0), (7, 2), (29, 1)):
        own = gradient(trained, trained.inputs[row], trained.labels[row])
        other = gradient(trained, trained.queries[query], trained.query_labels[query])
        torch.testing.assert_close(table[row, query], own @ other)
    for place, row in enumerate(trained.own.tolist()):
        own = gradient(trained, trained.inputs[row], trained.labels[row])
        torch.testing.assert_close(attribution.own[place], own @ own)
