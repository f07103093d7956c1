import pytest
import torch

from imprint.probe.influence_kit.layer_gradients import (
    Dense,
    Outer,
    flattened,
    gradient_dots,
    joined,
    rowwise_dots,
    squared_norms,
)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def outer(count, seed, inputs=4, outputs=3):
    return Outer(numbers(count, inputs, seed=seed), numbers(count, outputs, seed=seed + 1))


@pytest.mark.parametrize("shape", [(4, 3), (2, 5)])
def test_outer_products_do_what_the_written_gradients_do(shape):
    one, other = outer(6, 0, *shape), outer(5, 9, *shape)
    written, others = one.written(), other.written()
    flat, other_flat = flattened((written,)), flattened((others,))
    for left in (one, written):
        for right in (other, others):
            torch.testing.assert_close(gradient_dots((left,), (right,)), flat @ other_flat.T)
        torch.testing.assert_close(squared_norms((left,)), flat.square().sum(1))
        torch.testing.assert_close(left.second_moments(), written.values.square().sum(0))
        torch.testing.assert_close(rowwise_dots((left,), (one,)), flat.square().sum(1))
    factor = numbers(shape[1], shape[0], seed=3)
    torch.testing.assert_close(one.scaled(factor).values, written.scaled(factor).values)
    turn, back = numbers(shape[1], shape[1], seed=4), numbers(shape[0], shape[0], seed=5)
    turned = one.rotated(turn, back).written().values
    torch.testing.assert_close(turned, written.rotated(turn, back).values)


def test_layers_add_and_lists_join():
    layers = (outer(6, 0), Dense(numbers(6, 2, 2)))
    rows = flattened(layers)
    torch.testing.assert_close(gradient_dots(layers, layers), rows @ rows.T)
    twice = joined([layers, layers])
    assert isinstance(twice[0], Outer)
    torch.testing.assert_close(flattened(twice), torch.cat([rows, rows]))


def test_by_hand():
    """δ = ±½, a = (3, 4) and 1 for the bias: |g|² = 26 · ½."""
    gradient = Outer(torch.tensor([[3.0, 4.0, 1.0]]), torch.tensor([[-0.5, 0.5]]))
    assert gradient_dots((gradient,), (gradient,)).tolist() == [[13.0]]
