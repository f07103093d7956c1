"""Inputs as users give them."""

import numpy as np
import pytest
from scipy import sparse

from imprint.core.errors import ImprintError
from imprint.data.records.checks import as_inputs


@pytest.mark.parametrize("kind", [">f4", ">i8", "<f4", np.longdouble])
def test_numbers_are_in_a_type_that_torch_has(kind: str) -> None:
    inputs = as_inputs(np.array([[1, 2], [3, 4]], dtype=kind), "members")
    assert inputs.tolist() == [[1, 2], [3, 4]]
    assert inputs.dtype.isnative
    assert inputs.dtype.itemsize <= 8


def test_sparse_matrix_beyond_memory_is_refused() -> None:
    with pytest.raises(ImprintError, match="give fewer records or columns"):
        as_inputs(sparse.csr_matrix((30, 2**62)), "members")
