import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.heads import build_head, build_projector, projector_widths


def test_projector_layers_are_those_of_the_dash_string() -> None:
    projector = build_projector(6, "8-5-3")
    kinds = [type(layer) for layer in projector]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU] * 2 + [nn.Linear]
    linear = [layer for layer in projector if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(6, 8), (8, 5), (5, 3)]
    assert [layer.bias is not None for layer in linear] == [True, True, False]


def test_one_width_is_one_linear_layer_without_bias() -> None:
    projector = build_projector(6, "4")
    assert [type(layer) for layer in projector] == [nn.Linear]
    assert projector[0].bias is None


def test_an_empty_string_is_the_identity() -> None:
    features = torch.rand(3, 6)
    assert build_projector(6, "")(features) is features


def test_the_head_is_norm_rectifier_linear() -> None:
    head = build_head(4, 10)
    assert [type(layer) for layer in head] == [nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert head(torch.rand(2, 4)).shape == (2, 10)


@pytest.mark.parametrize("text", ["8-", "-8", "a", "8--2", "0", "8-0", "8,2", " 8", "²"])
def test_other_strings_are_refused(text: str) -> None:
    with pytest.raises(ImprintError, match="write them between dashes"):
        projector_widths(text)


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("relu:8-3", [nn.Linear, nn.ReLU, nn.Linear]),
        ("gelu:8-8-3", [nn.Linear, nn.GELU, nn.Linear, nn.GELU, nn.Linear]),
        ("bn_relu:8-3", [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]),
        ("bn_gelu:8-3", [nn.Linear, nn.BatchNorm1d, nn.GELU, nn.Linear]),
        ("rectified:8-3", [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear, nn.ReLU]),
    ],
)
def test_other_kinds_of_projector(text: str, layers: list[type]) -> None:
    projector = build_projector(6, text)
    assert [type(layer) for layer in projector] == layers
    linear = [layer for layer in projector if isinstance(layer, nn.Linear)]
    assert all(layer.bias is not None for layer in linear[:-1])
    assert (linear[-1].bias is None) == text.startswith("rectified")
    assert projector_widths(text)[-1] == 3


@pytest.mark.parametrize("text", ["elu:8-3", ":8-3"])
def test_an_unknown_kind_of_projector_is_refused(text: str) -> None:
    with pytest.raises(ImprintError, match=r"unknown kind of projector .*choose one of .*bn_gelu"):
        projector_widths(text)


@pytest.mark.parametrize("text", ["relu:", "gelu:8-"])
def test_a_kind_needs_widths(text: str) -> None:
    with pytest.raises(ImprintError, match="write them between dashes"):
        build_projector(4, text)
