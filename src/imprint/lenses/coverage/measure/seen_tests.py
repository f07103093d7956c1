"""What one criterion saw of some tests, and what its interval needs: kept, merged, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.missing import Missing
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.count_interval import count_interval
from imprint.lenses.coverage.measure.jackknife import interval, whole_and_rests, within_bounds
from imprint.lenses.coverage.measure.tally import Tally
from imprint.neurons.activations import Batch

MIN_GROUPS = 5
MIN_INPUTS = 20
TALLY = "tally."


@dataclass(frozen=True)
class Measurement:
    """What one criterion measured on a test set.

    Attributes:
        value: the coverage.
        ceiling: the largest value of as many inputs; None where nothing bounds it.
        ci95: 95 % interval of the expected value over test sets of as many inputs, drawn
            independently from the same population; or why there is none.
        n: inputs seen.
        criterion: the criterion that saw every input.
    """

    value: float
    ceiling: float | None
    ci95: tuple[float, float] | Missing
    n: int
    criterion: Criterion

    @property
    def normalised(self) -> float | None:
        """The value as a share of its ceiling; None without one."""
        return self.value / self.ceiling if self.ceiling else None


@dataclass(frozen=True, eq=False)
class SeenTests:
    """What one criterion saw, and what its interval needs.

    Attributes:
        parts: the criterion itself, or one for each group of inputs.
        tally: of the marks that are counted; None where the interval is made otherwise.
    """

    parts: list[Criterion]
    tally: Tally | None

    @classmethod
    def none(cls, criterion: Criterion, groups: int, first: int = 0) -> SeenTests:
        """Return that of no tests.

        Args:
            criterion: fitted; it stays as it is.
            groups: of tests, for intervals by groups.
            first: number of the first test, unlike those of all that it may be merged with.
        """
        by_groups = criterion.order_free and criterion.interval == "groups"
        counts = criterion.order_free and criterion.interval == "counts"
        return cls(
            [criterion.fresh() for _ in range(groups if by_groups else 1)],
            Tally(criterion.mark_count(), first) if counts else None,
        )

    @property
    def inputs(self) -> int:
        """How many tests were seen."""
        return sum(part.inputs for part in self.parts)

    def see(self, batch: Batch, place: int) -> None:
        """See further tests; those of the same place share a group."""
        part = self.parts[place % len(self.parts)]
        part.update(batch)
        if self.tally is not None and len(batch):
            self.tally.add(part.marks(batch))

    def merge(self, other: SeenTests) -> None:
        """See what another one of the same fit saw; the other stays as it is."""
        for part, others in zip(self.parts, other.parts, strict=True):
            part.merge(others)
        if self.tally is not None and other.tally is not None:
            self.tally.merge(other.tally)

    def state_dict(self) -> dict[str, Tensor]:
        """Return what was seen as tensors, without the fit."""
        state: dict[str, Tensor] = {}
        for place, part in enumerate(self.parts):
            fit = part.fresh().state_dict()
            state |= {
                f"{place}.{name}": tensor
                for name, tensor in part.state_dict().items()
                if name not in fit or not _same(tensor, fit[name])
            }
        if self.tally is not None:
            state |= {TALLY + name: tensor for name, tensor in self.tally.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state_dict` of the same fit returned."""
        for place, part in enumerate(self.parts):
            start = f"{place}."
            own = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            part.load_state_dict({**part.fresh().state_dict(), **own})
        if self.tally is not None:
            own = {k.removeprefix(TALLY): v for k, v in state.items() if k.startswith(TALLY)}
            self.tally.load_state_dict(own)

    def measurement(self) -> Measurement:
        """Return value, ceiling and interval of all tests that were seen."""
        count = self.inputs
        seen = [part for part in self.parts if part.inputs]
        whole, rests = (seen[0], []) if len(seen) == 1 else whole_and_rests(seen)
        value, ceiling = whole.value(), whole.ceiling(count)
        reason = self._without_interval(whole, count, rests)
        if reason is not None:
            return Measurement(value, ceiling, Missing(reason), count, whole)
        if self.tally is None:
            return Measurement(value, ceiling, interval(value, rests, ceiling), count, whole)
        low, high = count_interval(value / whole.unit, self.tally.rare(), whole.burst)
        bounds = within_bounds(value, low * whole.unit, high * whole.unit, ceiling)
        return Measurement(value, ceiling, bounds, count, whole)

    def _without_interval(self, whole: Criterion, count: int, rests: list[float]) -> str | None:
        """Return why there is no interval; None where there is one."""
        if not whole.order_free:
            return "its value depends on the order of the inputs"
        if whole.interval is None:
            return whole.without_interval
        if count < MIN_INPUTS:
            return f"an interval needs at least {MIN_INPUTS} inputs, and there are {count}"
        if self.tally is not None:
            return None
        seen = sum(part.inputs > 0 for part in self.parts)
        if seen < min(MIN_GROUPS, len(self.parts)):
            return f"the inputs came in {seen} batches: an interval needs at least {MIN_GROUPS}"
        if max(rests) == min(rests):
            return (
                f"leaving out any of {len(rests)} groups of inputs changes nothing, so that its "
                "spread cannot be judged"
            )
        return None


def _same(first: Tensor, second: Tensor) -> bool:
    return first is second or (
        first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)
    )
