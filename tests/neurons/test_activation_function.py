import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.neurons.activation_function import (
    ACTIVATION_FUNCTIONS,
    ActivationName,
    activation_function,
    derivative,
    describe_activations,
    parse_activation,
    register_own,
)

VALUES = torch.tensor([-30.0, -2.0, -0.5, 0.25, 1.0, 30.0], dtype=torch.float64)

BY_HAND = {
    "abs": lambda u: abs(u),
    "cos": math.cos,
    "elu": lambda u: u if u > 0 else math.expm1(u),
    "erf": math.erf,
    "exp": math.exp,
    "gaussian": lambda u: math.exp(-u * u),
    "gelu": lambda u: u * math.erfc(-u / math.sqrt(2)) / 2,
    "identity": lambda u: u,
    "leaky_relu": lambda u: u if u > 0 else 0.01 * u,
    "mish": lambda u: u * math.tanh(math.log1p(math.exp(u))),
    "relu": lambda u: max(u, 0.0),
    "relu_squared": lambda u: max(u, 0.0) ** 2,
    "selu": lambda u: 1.0507009873554805 * (u if u > 0 else 1.6732632423543772 * math.expm1(u)),
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "silu": lambda u: u / (1 + math.exp(-u)),
    "sin": math.sin,
    "softplus": lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u))),
    "square": lambda u: u * u,
    "tanh": math.tanh,
}


def test_every_activation_is_tested_here() -> None:
    own = {name for name, entry in BY_HAND.items() if entry}
    assert own <= set(ACTIVATION_FUNCTIONS.names())
    shipped = [
        name
        for name in ACTIVATION_FUNCTIONS.names()
        if not getattr(ACTIVATION_FUNCTIONS.get(name), "of_the_user", False)
    ]
    assert shipped == sorted(BY_HAND)


@pytest.mark.parametrize("name", BY_HAND)
def test_values_are_those_of_the_formula(name: str) -> None:
    expected = torch.tensor([BY_HAND[name](value) for value in VALUES.tolist()])
    values = activation_function(name)(VALUES)
    torch.testing.assert_close(values, expected.double(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", BY_HAND)
def test_derivatives_agree_with_differences(name: str) -> None:
    function, step = activation_function(name), 1e-5
    inner = VALUES[1:-1]
    slope = (function(inner + step) - function(inner - step)) / (2 * step)
    torch.testing.assert_close(derivative(function)(inner), slope, rtol=1e-8, atol=1e-9)


def test_derivatives_are_taken_again_and_carry_gradients() -> None:
    twice = derivative(derivative(torch.sin))
    torch.testing.assert_close(twice(VALUES), -VALUES.sin())
    at = VALUES.clone().requires_grad_()
    (third,) = torch.autograd.grad(twice(at).sum(), at)
    torch.testing.assert_close(third, -VALUES.cos())
    assert not twice(VALUES).requires_grad
    assert torch.equal(derivative(derivative(lambda u: 3 * u))(VALUES), torch.zeros(6).double())


def test_a_number_behind_the_colon_is_the_slope() -> None:
    assert parse_activation("elu:2") == ActivationName("elu", 2.0)
    expected = functional.leaky_relu(VALUES, 0.3)
    assert torch.equal(activation_function("leaky_relu:0.3")(VALUES), expected)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tangent", "unknown activation 'tangent': choose one of abs, "),
        ("leaky_relu:x", "needs a number behind the colon, got 'x'"),
        ("leaky_relu:nan", "needs a number"),
        ("tanh:2", "tanh takes no number"),
    ],
)
def test_names_of_no_activation(name: str, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        activation_function(name)


def test_a_function_of_the_user_has_its_own_name_and_replaces_its_former_self() -> None:
    def bent_identity(values: Tensor) -> Tensor:
        return values + (values.square() + 1).sqrt()

    assert register_own(bent_identity) == "bent_identity"
    assert torch.equal(activation_function("bent_identity")(VALUES), bent_identity(VALUES))
    assert register_own(bent_identity) == "bent_identity"


def across(values: Tensor) -> Tensor:
    return values.softmax(0)


def shorter(values: Tensor) -> Tensor:
    return values[1:]


def logarithm(values: Tensor) -> Tensor:
    return values.log()


def numpy_only(values: Tensor) -> Tensor:
    raise TypeError("no tensors")


def tanh(values: Tensor) -> Tensor:
    return values.tanh()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda values: values, "no name of its own"),
        (across, "map each number by itself"),
        (shorter, "its input's shape"),
        (logarithm, "not finite between -6 and 6"),
        (numpy_only, "TypeError: no tensors"),
        (tanh, "tanh is an activation of imprint"),
        (7, "name or an elementwise function"),
    ],
)
def test_functions_that_are_no_activation(function: object, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        register_own(function)


def test_each_activation_is_described_by_its_formula() -> None:
    assert describe_activations()["silu"] == "u / (1 + e⁻ᵘ)"
