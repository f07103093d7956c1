"""A kernel that is not computed but brought along, as a matrix.

Its inputs are rows of the matrix: the place of the record among those that the matrix has columns
for, −1 where it has none, the kernel of the record with itself, and the kernel with each of them.
So every method takes it as any other kernel, and asks for nothing that the matrix lacks.

>>> matrix = torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double()
>>> records = matrix_inputs(matrix)
>>> Given()(records).tolist()
[[2.0, 1.0], [1.0, 2.0]]
>>> query = query_inputs(torch.tensor([[0.5, 0.25]]).double(), torch.tensor([3.0]).double())
>>> Given()(query, records).tolist(), Given().diagonal(query).tolist()
([[0.5, 0.25]], [3.0])
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.kernels.tiles import MEMORY, PreparedInputs

FACTS = 2
"""Columns before those of the matrix: place, and kernel with itself."""


def matrix_inputs(matrix: Tensor) -> Tensor:
    """Return records as inputs, float64 ``[n, 2 + n]``, from their kernel ``[n, n]``."""
    places = torch.arange(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.cat([places[:, None], matrix.diagonal()[:, None], matrix], 1)


def query_inputs(cross: Tensor, variances: Tensor) -> Tensor:
    """Return further inputs, float64 ``[q, 2 + n]``.

    Args:
        cross: kernel with each record, ``[q, n]``.
        variances: kernel of each with itself, ``[q]``.
    """
    return torch.cat([torch.full_like(variances, -1)[:, None], variances[:, None], cross], 1)


@KERNELS.register("given")
@dataclass(frozen=True, kw_only=True)
class Given(Kernel):
    """A kernel matrix of your own: arrays kernel [n, n] in place of x."""

    def __call__(
        self,
        x: Tensor | PreparedInputs,
        other: Tensor | PreparedInputs | None = None,
        memory: int = MEMORY,
    ) -> Tensor:
        """Return the kernel of all pairs, float64 ``[n, m]``; arguments as those of any kernel.

        Raises:
            ImprintError: a pair that the matrix does not hold.
        """
        rows, columns = _values(x), _values(x if other is None else other)
        if _are_records(columns, rows):
            return rows.index_select(1, columns[:, 0].long() + FACTS)
        if _are_records(rows, columns):
            return columns.index_select(1, rows[:, 0].long() + FACTS).T.contiguous()
        raise ImprintError(
            "the matrix of --kernel given lacks the kernel of some pairs, such as of queries "
            "with added records: give --queries and --add in separate runs"
        )

    def diagonal(self, x: Tensor | PreparedInputs, memory: int = MEMORY) -> Tensor:
        """Return the kernel of each input with itself, float64 ``[n]``."""
        return _values(x)[:, 1].clone()

    def prepare(self, x: Tensor, memory: int = MEMORY) -> PreparedInputs:
        """Return the inputs, which have nothing to prepare."""
        return PreparedInputs(x)

    def inputs(self, x: Tensor) -> Tensor:
        """Return the inputs."""
        return x

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        return self(rows, columns)

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each with itself ``[n]``."""
        return self.diagonal(records)


def _are_records(inputs: Tensor, others: Tensor) -> bool:
    """Return whether the others have a column for each of the inputs."""
    places = inputs[:, 0].long()
    return bool((places >= 0).all()) and int(places.max()) < others.shape[1] - FACTS


def _values(x: Tensor | PreparedInputs) -> Tensor:
    return x.inputs if isinstance(x, PreparedInputs) else x
