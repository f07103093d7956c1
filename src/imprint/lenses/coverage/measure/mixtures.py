"""Test sets in which some inputs are replaced, or to which some are added.

A draw takes fresh inputs that fool the network once an attack has changed them, and a set of other
clean inputs. The changed inputs replace as many of the set, or are added to it; so do, as a
control, their clean originals. What both differ by is due to the attack, and neither to the
sampling of the inputs nor to their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.experiments.adversarial_findings import Way
from imprint.lenses.coverage.measure.growth import seen, with_more
from imprint.neurons.activations import ActivationTable

WAYS: tuple[Way, Way] = ("replace", "add")
Kind = Literal["adversarial", "fresh"]
KINDS: tuple[Kind, Kind] = ("adversarial", "fresh")


@dataclass(frozen=True, eq=False)
class AttackedTable:
    """Activations of adversarial inputs.

    Attributes:
        table: of those that fool the network, ``[a, neurons]``.
        rows: int64 ``[a]``, their originals among the tests.
    """

    table: ActivationTable
    rows: IntArray


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Values of one criterion on sets of one size.

    Attributes:
        alone: float64 ``[draws]``, of the sets.
        mixed: float64 ``[draws, counts, ways, kinds]``, with others among them.
    """

    alone: FloatArray
    mixed: FloatArray

    @property
    def changes(self) -> FloatArray:
        """What the others change, float64 ``[draws, counts, ways, kinds]``."""
        return np.asarray(self.mixed - self.alone[:, None, None, None])


@dataclass(frozen=True, eq=False)
class MeasuredSets:
    """Sets of one size with the inputs of one attack among them.

    Attributes:
        attack: its name.
        size: inputs of a set.
        mixtures: by criterion; or why there are none.
    """

    attack: str
    size: int
    mixtures: Mapping[str, Mixtures] | Missing


def mixture_counts(size: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Return how many inputs of a set the shares are, at least one each.

    >>> mixture_counts(500, (0.001, 0.05))
    (1, 25)
    """
    return tuple(max(1, round(share * size)) for share in shares)


def measure_mixtures(
    criteria: Mapping[str, Criterion],
    tests: ActivationTable,
    pool: IntArray,
    attacked: AttackedTable,
    size: int,
    shares: Sequence[float],
    draws: int,
    seed: int,
) -> Mapping[str, Mixtures] | Missing:
    """Return the values of sets of one size with others among them, by criterion.

    Args:
        criteria: fitted; they stay as they are.
        tests: activations of the clean tests.
        pool: int64 ``[p]``, rows of the tests that sets are drawn from.
        attacked: adversarial inputs, whose originals are in the pool.
        size: inputs of a set.
        shares: of a set that are replaced or added.
        draws: of the set.
        seed: of the draws.

    Returns:
        Missing where too few inputs fool the network.
    """
    counts = mixture_counts(size, shares)
    most = max(counts)
    if len(attacked.rows) < most:
        return Missing(
            f"{len(attacked.rows)} adversarial inputs fool the network, and {most} are needed: "
            "attack more tests, or take smaller shares"
        )
    alone = {name: np.empty(draws) for name in criteria}
    mixed = {name: np.empty((draws, len(counts), 2, 2)) for name in criteria}
    for draw in track(range(draws), f"sets of {size}", draws, "set"):
        random = generator(seed, "mixtures", size, draw)
        chosen = random.permutation(len(attacked.rows))[:most]
        fresh = attacked.rows[chosen]
        clean = random.permutation(np.setdiff1d(pool, fresh))[:size]
        sources = ((attacked.table, chosen), (tests, fresh))
        for name, criterion in criteria.items():
            whole = seen(criterion, tests, clean)
            alone[name][draw] = whole.value()
            for place, count in enumerate(counts):
                rest = seen(criterion, tests, clean[count:])
                for kind, (table, rows) in enumerate(sources):
                    for way, state in enumerate((rest, whole)):
                        more = with_more(state, table, rows[:count])
                        mixed[name][draw, place, way, kind] = more.value()
    return {name: Mixtures(alone[name], mixed[name]) for name in criteria}
