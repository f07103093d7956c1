import torch

from imprint.train.gather import all_sum, gather, own_share, rank, world_size


def test_one_process_keeps_its_rows_and_sums() -> None:
    """Several processes are in test_processes.py."""
    rows = torch.ones(2, 3, requires_grad=True)
    assert (rank(), world_size()) == (0, 1)
    assert gather(rows) is rows
    assert all_sum(rows) is rows


def test_the_share_of_one_process_is_its_row_or_the_mean_of_others():
    rows = torch.tensor([[1.0, 4.0]])
    assert torch.equal(own_share(rows), rows[0])
    assert own_share(torch.tensor([[1.0, 4.0], [3.0, 0.0]])).tolist() == [2.0, 2.0]
