"""What a fit writes has the same bytes whatever the number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.lenses.leave_one_out.linalg import tiled_cholesky
from imprint.lenses.leave_one_out.linalg.threads import in_parallel, one_thread_a_sum

COMMANDS = {
    "dense": ["fit", "--method", "dense", "--noise", "0.1,1"],
    "out_of_core": ["fit", "--method", "out_of_core", "--memory", "1"],
    "nystrom": ["fit", "--method", "nystrom", "--landmarks", "90"],
    "optimise": ["optimise", "--removed", "3", "--steps", "20"],
    "landscape": ["landscape", "--removed", "3", "--lines", "2", "--steps-per-side", "2"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_artefacts_do_not_depend_on_threads(tmp_path, monkeypatch, command):
    monkeypatch.setattr(tiled_cholesky, "TILE", 32)
    monkeypatch.setattr(tiled_cholesky, "SMALLEST", 128)
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(400, 40)), "y": random.integers(0, 3, 400)}
    np.savez(tmp_path / "a.npz", **arrays)
    words = ["leave-one-out", *COMMANDS[command], "--arrays", str(tmp_path / "a.npz")]
    threads, written = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            out = tmp_path / str(count)
            run([*words, "--out", str(out), "--json"])
            assert torch.get_num_threads() == count
            files = [file for file in sorted(out.rglob("*")) if file.is_file()]
            written.append({file.relative_to(out): file.read_bytes() for file in files})
    finally:
        torch.set_num_threads(threads)
    assert written[0].keys() == written[1].keys()
    for name, content in written[0].items():
        assert all(content == other[name] for other in written[1:]), name
    for findings in (tmp_path / "1").rglob("findings.json"):
        assert "seconds" not in findings.read_text()


def test_parts_are_done_in_any_mode():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        done = torch.zeros(9)
        with torch.no_grad(), one_thread_a_sum():
            assert torch.get_num_threads() == 1
            in_parallel(lambda part: done[part].add_(1 + torch.is_grad_enabled()), range(9))
        assert (done == 1).all()
        with one_thread_a_sum(), pytest.raises(ZeroDivisionError):
            in_parallel(lambda part: print(1 / part), range(2))
    finally:
        torch.set_num_threads(threads)


SOLVES = """
import torch
from imprint.lenses.leave_one_out.linalg.threads import in_parallel, one_thread_a_sum

generator = torch.Generator().manual_seed(0)
square, rows = (torch.randn(n, 256, generator=generator, dtype=torch.float64) for n in (256, 77))
factor = torch.linalg.cholesky(square @ square.T + 256 * torch.eye(256))
solutions = {}

def solve(part):
    solution = torch.linalg.solve_triangular(factor.T, rows, upper=True, left=False)
    solutions[threads, part] = solution

for threads in (1, 2, 3):
    torch.set_num_threads(threads)
    with one_thread_a_sum():
        in_parallel(solve, range(4))
assert len(solutions) == 12
assert all(torch.equal(solution, solutions[1, 0]) for solution in solutions.values())
"""


def test_a_solve_of_a_part_has_one_thread_whatever_openmp_is_set_to():
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    subprocess.run([sys.executable, "-c", SOLVES], env=environment, check=True)
