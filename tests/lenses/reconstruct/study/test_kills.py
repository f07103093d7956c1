"""A miniature of ``benchmarks/reconstruct_kills.py``."""

from reconstruct_kills import trials_of


def test_a_run_killed_three_times_ends_with_the_bytes_of_an_undisturbed_one(tmp_path):
    rows = trials_of(tmp_path, steps=12, trials=1, seed=0)
    assert [row.lost for row in rows] == [""]
    assert "trial 0, killed after" in rows[0].detail
