import torch

from imprint.nets.build import build_network


def test_widths_are_those_of_the_hidden_layers() -> None:
    network = build_network("mlp", 2, 3, 4, {"widths": "7-5"})
    shapes = [list(weight.shape) for weight in network.parameters() if weight.ndim == 2]
    assert shapes == [[7, 32], [5, 7], [3, 5]]
    assert network.feature_width == 5
    assert network(torch.rand(6, 2, 4, 4)).shape == (6, 3)
