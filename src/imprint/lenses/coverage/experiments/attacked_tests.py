"""Adversarial inputs made of tests, and activations of those that fool the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.coverage.measure.mixtures import AttackedTable
from imprint.lenses.coverage.options import AttackStrength
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.lenses.coverage.study.source import Source
from imprint.neurons.activations import ActivationTable
from imprint.perturb.adversarial import AttackOptions
from imprint.perturb.adversarial_set import AdversarialSet, AttackImages
from imprint.probe.neurons.input_activations import take_input_activations
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.store import Study

BATCH = 256


def correct_rows(source: Source) -> IntArray:
    """Return which tests the network classifies correctly, int64.

    Raises:
        ImprintError: it has no classifier.
    """
    tests = source.test
    if tests.labels is None or tests.predictions is None:
        raise ImprintError("the network has no classifier: attacks need its output")
    return np.flatnonzero(tests.labels == tests.predictions)


def attack_tests(
    study: Study,
    source: Source,
    pool: IntArray,
    attacks: Sequence[str],
    records: int,
    strength: AttackStrength,
    seed: int,
) -> dict[str, AdversarialSet]:
    """Return the adversarial inputs of each attack, made unless they are there.

    Args:
        study: that keeps them.
        source: of a network and its images.
        pool: int64 ``[p]``, rows of the tests that it classifies correctly.
        attacks: names.
        records: tests to attack at most, drawn at random.
        strength: of the attacks.
        seed: of the draw and of the attacks.
    """
    assert source.sets is not None
    assert source.network is not None
    random = generator(seed, "attacked tests")
    rows = np.sort(random.permutation(pool)[:records])
    chosen = AttackOptions(epsilon=strength.epsilon, steps=strength.attack_steps)
    view = source.sets.test.rows(rows)
    return {
        name: AttackImages(source.network, view, name, chosen, seed).set(study)
        for name in dict.fromkeys(attacks)
    }


def fooling_table(
    network: AuditedNetwork, tests: ActivationTable, made: AdversarialSet, taps: TapOptions
) -> AttackedTable:
    """Return the activations of the adversarial inputs that fool the network.

    Args:
        network: that was attacked.
        tests: activations of the clean tests.
        made: adversarial inputs of some of them.
        taps: which layers, and what a neuron is.
    """
    fooling = np.flatnonzero(made.fooling)
    if not len(fooling):
        return AttackedTable(tests, np.empty(0, dtype=np.int64))
    assert tests.index is not None
    order = np.argsort(tests.index, kind="stable")
    places = np.searchsorted(tests.index, made.index[fooling], sorter=order)
    batches = (
        np.asarray(made.inputs[fooling[start : start + BATCH]])
        for start in range(0, len(fooling), BATCH)
    )
    table = take_input_activations(network.model, batches, made.labels[fooling], taps)
    return AttackedTable(table, order[places])
