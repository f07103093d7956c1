import numpy as np

from imprint.cli import run
from imprint.lenses.leave_one_out.page.terminal import show_leave_one_out
from imprint.report.terminal import to_text


def test_a_noise_path_adds_a_table(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(30, 4)), y=np.arange(30) % 2)
    words = ["leave-one-out", "fit", "--arrays", str(tmp_path / "a.npz"), "--json"]
    for noise, tables in (("0.1", 1), ("0.1,1", 2)):
        summary = run([*words, "--noise", noise, "--out", str(tmp_path / noise)])
        shown = show_leave_one_out(summary["lenses"]["leave_one_out"])
        assert len(shown) == tables
        text = to_text(shown)
        assert "leave-one-out accuracy" in text
        assert max(map(len, text.splitlines())) <= 80
