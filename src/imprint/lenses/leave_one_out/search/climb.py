"""Many independent maximisations side by side: L-BFGS and Adam, one batched evaluation a step.

Row i of a batch climbs a function of its own; rows share nothing but the call that evaluates them,
so that a row takes the same path alone as among others. A row that is done is evaluated no more.

L-BFGS keeps the last ``memory`` steps of each row (Nocedal, Wright, "Numerical optimization", 2006,
algorithm 7.4) and finds step lengths that satisfy the weak Wolfe conditions by bisection (Lewis,
Overton, "Nonsmooth optimization via quasi-Newton methods", 2013, algorithm 2.6). Before it has
steps to learn from, it goes as far as the point is from the origin. Adam (Kingma, Ba 2015) keeps no
floor under the root of its second moment: gradients may be as small as they like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Evaluate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""From points ``[r, d]`` and their rows ``[r]``: values ``[r]``, gradients ``[r, d]``, and whether
each is good enough to stop there, bool ``[r]``."""

_ARMIJO, _CURVATURE = 1e-4, 0.9
_TRIALS = 30
_STALLED = 5


@dataclass(eq=False)
class Climb:
    """Where every row stands.

    Attributes:
        points: best so far, float64 ``[b, d]``.
        values: there, ``[b]``.
        done: whether a row has stopped: good enough, or as high as it gets, ``[b]``.
        steps: accepted steps, int64 ``[b]``.
        evaluations: of the function, int64 ``[b]``.
    """

    points: Tensor
    values: Tensor
    done: Tensor
    steps: Tensor
    evaluations: Tensor


def lbfgs(
    evaluate: Evaluate, start: Tensor, steps: int, tolerance: float, memory: int = 10
) -> Climb:
    """Climb by L-BFGS.

    Args:
        evaluate: of all rows at once.
        start: float64 ``[b, d]``.
        steps: most accepted steps of a row.
        tolerance: a row stops when five steps in a row each gain less than this share of its value.
        memory: steps that are remembered.
    """
    state = _begin(evaluate, start)
    history = _History.empty(start, memory)
    stalled = torch.zeros_like(state.climb.steps)
    for _ in range(steps):
        rows = torch.nonzero(~state.climb.done).flatten()
        if not len(rows):
            break
        before = state.climb.values[rows]
        direction = history.direction(rows, state.gradients[rows], state.climb.points[rows])
        moved = _line_search(evaluate, state, history, rows, direction)
        climb = state.climb
        gain = climb.values[rows] - before
        small = gain <= tolerance * climb.values[rows].abs()
        stalled[rows] = torch.where(small, stalled[rows] + 1, 0)
        climb.steps[rows] += moved.long()
        # A direction without a step: forget what led there, and give up if that was nothing.
        climb.done[rows] |= (stalled[rows] >= _STALLED) | (~moved & (history.count[rows] == 0))
        history.forget(rows[~moved])
    return state.climb


def adam(
    evaluate: Evaluate,
    start: Tensor,
    steps: int,
    tolerance: float,
    learning_rate: float,
    patience: int = 50,
) -> Climb:
    """Climb by Adam; the point of the greatest value is kept, not the last.

    Args:
        evaluate: of all rows at once.
        start: float64 ``[b, d]``.
        steps: most steps of a row.
        tolerance: least gain, a share of a row's value, that counts as one.
        learning_rate: in units of the points, about how far a number moves a step.
        patience: a row stops after so many steps without a gain.
    """
    state = _begin(evaluate, start)
    climb, point, gradient = state.climb, start.clone(), state.gradients
    first, second = torch.zeros_like(start), torch.zeros_like(start)
    waited = torch.zeros_like(climb.steps)
    for step in range(1, steps + 1):
        rows = torch.nonzero(~climb.done).flatten()
        if not len(rows):
            break
        first[rows] = 0.9 * first[rows] + 0.1 * gradient[rows]
        second[rows] = 0.999 * second[rows] + 0.001 * gradient[rows].square()
        mean = first[rows] / (1 - 0.9**step)
        size = (second[rows] / (1 - 0.999**step)).sqrt()
        point[rows] += learning_rate * torch.where(size > 0, mean / size, 0)
        value, gradient[rows], enough = evaluate(point[rows], rows)
        climb.steps[rows] += 1
        climb.evaluations[rows] += 1
        gained = value - climb.values[rows] > tolerance * value.abs()
        waited[rows] = torch.where(gained, 0, waited[rows] + 1)
        better = rows[value > climb.values[rows]]
        climb.points[better] = point[better]
        climb.values[rows] = torch.maximum(climb.values[rows], value)
        climb.done[rows] |= enough | (waited[rows] >= patience) | ~value.isfinite()
    return climb


@dataclass(eq=False)
class _ClimbState:
    climb: Climb
    gradients: Tensor


@dataclass(eq=False)
class _History:
    """The last steps s and changes y of the descent gradient of every row, ``[b, m, d]``."""

    moves: Tensor
    changes: Tensor
    count: Tensor

    @classmethod
    def empty(cls, start: Tensor, memory: int) -> _History:
        shape = (len(start), memory, start.shape[1])
        count = torch.zeros(len(start), dtype=torch.int64, device=start.device)
        return cls(start.new_zeros(shape), start.new_zeros(shape), count)

    def add(self, rows: Tensor, move: Tensor, change: Tensor) -> None:
        """Remember one step of some rows, the newest first."""
        for kept, new in ((self.moves, move), (self.changes, change)):
            kept[rows] = torch.cat([new[:, None], kept[rows, :-1]], dim=1)
        self.count[rows] = (self.count[rows] + 1).clamp(max=self.moves.shape[1])

    def forget(self, rows: Tensor) -> None:
        """Forget all steps of some rows."""
        self.moves[rows], self.changes[rows], self.count[rows] = 0, 0, 0

    def direction(self, rows: Tensor, gradient: Tensor, point: Tensor) -> Tensor:
        """Return where to go from points with these ascent gradients, ``[r, d]``."""
        moves, changes = self.moves[rows], self.changes[rows]
        products = (moves * changes).sum(2)
        inverse = torch.where(products > 0, 1 / products, 0)
        most = int(self.count[rows].max()) if len(rows) else 0
        direction, shares = gradient.clone(), torch.zeros_like(inverse)
        for age in range(most):
            shares[:, age] = inverse[:, age] * (moves[:, age] * direction).sum(1)
            direction -= shares[:, age, None] * changes[:, age]
        length = gradient.norm(dim=1)
        fresh = _ratio(point.norm(dim=1), length)
        learnt = _ratio(products[:, 0], changes[:, 0].square().sum(1))
        direction *= torch.where(self.count[rows] > 0, learnt, fresh)[:, None]
        for age in reversed(range(most)):
            back = inverse[:, age] * (changes[:, age] * direction).sum(1)
            direction += (shares[:, age] - back)[:, None] * moves[:, age]
        return direction


def _begin(evaluate: Evaluate, start: Tensor) -> _ClimbState:
    rows = torch.arange(len(start), device=start.device)
    values, gradients, enough = evaluate(start, rows)
    done = enough | ~values.isfinite()
    once = torch.ones_like(rows)
    climb = Climb(start.clone(), values.clone(), done, torch.zeros_like(rows), once)
    return _ClimbState(climb, gradients.clone())


def _line_search(
    evaluate: Evaluate, state: _ClimbState, history: _History, rows: Tensor, direction: Tensor
) -> Tensor:
    """Move rows along their directions, remember the steps; return which moved, bool ``[r]``."""
    climb = state.climb
    point, value, gradient = climb.points[rows], climb.values[rows], state.gradients[rows]
    slope = (gradient * direction).sum(1)
    low, high = torch.zeros_like(value), torch.full_like(value, torch.inf)
    length = torch.ones_like(value)
    open_ = slope > 0
    moved = torch.zeros_like(open_)
    best = value.clone()
    for _ in range(_TRIALS):
        at = torch.nonzero(open_).flatten()
        if not len(at):
            break
        trial = point[at] + length[at, None] * direction[at]
        height, steep, enough = evaluate(trial, rows[at])
        climb.evaluations[rows[at]] += 1
        rises = height >= value[at] + _ARMIJO * length[at] * slope[at]
        flat = (steep * direction[at]).sum(1) <= _CURVATURE * slope[at]
        better = rises & (height > best[at]) | enough
        _accept(state, rows[at[better]], trial[better], height[better], steep[better])
        best[at[better]], moved[at[better]] = height[better], True
        climb.done[rows[at]] |= enough
        high[at] = torch.where(rises, high[at], length[at])
        low[at] = torch.where(rises, length[at], low[at])
        open_[at] = ~(rises & flat | enough)
        middle = (low + high) / 2
        length = torch.where(open_, torch.where(high.isinf(), 2 * length, middle), length)
    step = climb.points[rows] - point
    change = gradient - state.gradients[rows]
    curved = moved & ((step * change).sum(1) > 0)
    history.add(rows[curved], step[curved], change[curved])
    return moved


def _accept(
    state: _ClimbState, rows: Tensor, point: Tensor, value: Tensor, gradient: Tensor
) -> None:
    state.climb.points[rows] = point
    state.climb.values[rows] = value
    state.gradients[rows] = gradient


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    return torch.where(denominator > 0, numerator / denominator, 0)
