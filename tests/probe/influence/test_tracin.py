from dataclasses import replace

import torch

from imprint.probe.influence_kit.flat_parameters import FlatParameters
from imprint.probe.influence_kit.question import INFLUENCES, Checkpoint
from tests.probe.influence.small_problems import (
    RECORDS,
    made,
    perceptron,
    table,
)


def test_tracin_by_hand():
    trained = made(perceptron())
    states = [perceptron(seed=seed).state_dict() for seed in (5, 6)]
    found = table(
        "tracin",
        replace(trained, checkpoints=(Checkpoint(states[0], 0.3), Checkpoint(states[1], 0.1))),
    )
    by_hand = sum(
        rate * table("gradient_dot", made(perceptron(seed=seed))) / RECORDS
        for seed, rate in ((5, 0.3), (6, 0.1))
    )
    torch.testing.assert_close(found, by_hand, rtol=1e-12, atol=1e-14)
    way = (Checkpoint(states[0], 0.3),)
    early = made(perceptron(seed=5))
    once, entry = (
        INFLUENCES.get("tracin")(replace(trained, checkpoints=way)),
        INFLUENCES.get("gradient_dot"),
    )
    torch.testing.assert_close(once.shift, 0.3 * entry.shift(early, entry(early)) / RECORDS)
    assert INFLUENCES.get("tracin").missing(trained) is not None


def test_tracin_is_what_steps_save():
    """One step on record i lowers the loss of q by rate · ⟨g_i, g_q⟩ / n, to first order."""
    trained = made(perceptron())
    flat, rate = FlatParameters(trained), 1e-5
    before = flat.losses(flat.theta, trained.queries, trained.query_labels)
    step = flat.gradients(trained.inputs[:1], trained.labels[:1])[0] / RECORDS
    after = flat.losses(flat.theta - rate * step, trained.queries, trained.query_labels)
    way = (Checkpoint(trained.network.state_dict(), rate),)
    found = table("tracin", replace(trained, checkpoints=way))
    torch.testing.assert_close((before - after) / rate, found[0] / rate, rtol=1e-3, atol=1e-7)
