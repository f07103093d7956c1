from dataclasses import replace

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.probe.influence_kit.question import INFLUENCES, Checkpoint
from tests.probe.influence.small_problems import (
    RECORDS,
    linear,
    made,
    perceptron,
)


@pytest.mark.parametrize("name", INFLUENCES.names())
def test_every_estimate_ignores_the_order_of_records(name):
    way = (Checkpoint(perceptron(seed=5).state_dict(), 0.3),)
    trained = made(perceptron(), checkpoints=way)
    order = torch.from_numpy(np.random.default_rng(0).permutation(RECORDS))
    turned = replace(
        trained,
        inputs=trained.inputs[order],
        labels=trained.labels[order],
        own=torch.argsort(order)[trained.own],
    )
    entry = INFLUENCES.get(name)
    one, other = entry(trained), entry(turned)
    # LiSSA draws batches of rows: these are other batches.
    tolerance = 0.2 if name == "influence_lissa" else 1e-3
    close = tolerance * float(one.table.abs().max())
    torch.testing.assert_close(other.table, one.table[order], rtol=0, atol=close)
    if not entry.no_self:
        torch.testing.assert_close(other.own, one.own, rtol=0.05, atol=2 * close)
    assert torch.isfinite(one.table).all()


def test_small_networks_only():
    entry = INFLUENCES.get("influence_exact")
    with pytest.raises(ImprintError, match="up to 4,000 parameters"):
        entry(made(perceptron(600)))
    with pytest.raises(ImprintError, match="above 0"):
        INFLUENCES.get("ekfac")(made(linear(), damping=0.0))
