import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.given import Given, matrix_inputs, query_inputs

MATRIX = torch.tensor([[4.0, 1.0, 2.0], [1.0, 5.0, 3.0], [2.0, 3.0, 6.0]]).double()
RECORDS = matrix_inputs(MATRIX)
QUERY = query_inputs(torch.tensor([[7.0, 8.0, 9.0]]).double(), torch.tensor([10.0]).double())


def test_all_pairs_and_parts_are_read_off_the_matrix():
    kernel = Given()
    assert torch.equal(kernel(RECORDS), MATRIX)
    assert torch.equal(kernel(RECORDS[1:], RECORDS[:2]), MATRIX[1:, :2])
    assert torch.equal(kernel(QUERY, RECORDS[[2, 0]]), torch.tensor([[9.0, 7.0]]).double())
    assert kernel.diagonal(RECORDS).tolist() == [4, 5, 6]
    assert kernel.diagonal(QUERY).tolist() == [10]
    prepared = kernel.prepare(RECORDS)
    assert torch.equal(kernel(prepared.part(slice(0, 2)), prepared), MATRIX[:2])
    assert not kernel.homogeneous


def test_the_kernel_of_records_with_queries_is_that_of_queries_with_records():
    assert torch.equal(Given()(RECORDS[[2, 0]], QUERY), torch.tensor([[9.0], [7.0]]).double())


def test_pairs_that_the_matrix_lacks_are_refused():
    with pytest.raises(ImprintError, match="lacks the kernel of some pairs"):
        Given()(QUERY, QUERY)
