"""What a fit writes has the same bytes whatever the number of threads."""

import numpy as np
import pytest
import torch

from imprint.cli import run
from imprint.leave_one_out.threads import in_parallel, one_thread_a_sum


@pytest.mark.parametrize("method", ["dense", "out_of_core"])
def test_artefacts_do_not_depend_on_threads(tmp_path, method):
    random = np.random.default_rng(0)
    arrays = {"x": random.normal(size=(400, 40)), "y": random.integers(0, 3, 400)}
    np.savez(tmp_path / "a.npz", **arrays)
    words = ["leave-one-out", "fit", "--arrays", str(tmp_path / "a.npz"), "--method", method]
    words += ["--memory", "1"] if method != "dense" else ["--noise", "0.1,1"]
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
    findings = (tmp_path / "1" / "leave_one_out" / "findings.json").read_text()
    assert "seconds" not in findings


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
