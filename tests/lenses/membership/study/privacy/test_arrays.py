import json

import numpy as np
import pytest
from scipy.stats import binom

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.bounds import multi_run_epsilon
from imprint.lenses.membership.privacy.one_run_bound import one_run_epsilon
from imprint.lenses.membership.study.privacy.arrays import bound_array_file
from imprint.lenses.membership.study.privacy.options import ScoreBoundOptions
from imprint.report.page import write_report

FAR = 1e-6


@pytest.fixture
def save(tmp_path):
    def write(**changed):
        members = np.arange(1000) % 2 == 0
        content = {"scores": members.astype(np.float32), "members": members, **changed}
        np.savez(tmp_path / "s.npz", **{k: v for k, v in content.items() if v is not None})
        return tmp_path / "s.npz"

    return write


def bound_arrays(file, out, **settings):
    return bound_array_file(ScoreBoundOptions(arrays=file, out=out, **settings))[1]


def bound_of(summary):
    return summary["lenses"]["membership"]["bound"]


def test_thousand_right_guesses_of_one_run(save, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["membership", "bound", "--arrays", str(save()), "--out", str(out)]
    main([*words, "--budget", "0.5,0.5", "--delta", "0"])
    told = capsys.readouterr().out
    assert told.startswith("ε ≥ 5.809 at δ = 0, 95 % confidence (one run, binomial; 1000 of 1000")
    found = bound_of(json.loads((out / "summary.json").read_text()))
    assert found["epsilon"] == found["ceiling"] == float(one_run_epsilon(1000, 1000, 1000))


def test_many_runs_are_those_of_their_rates(save, tmp_path, capsys):
    words = ["membership", "bound", "--arrays", str(save()), "--out", str(tmp_path / "out")]
    main([*words, "--runs", "many", "--threshold", "0.5", "--json"])
    found = bound_of(json.loads(capsys.readouterr().out))
    assert found["epsilon"] == float(multi_run_epsilon(500, 500, 0, 500, 1e-5))
    assert found["method"] == "many runs, rates"
    assert found["choice"] == "fixed: threshold 0.5"


@pytest.mark.parametrize("settings", [{}, {"budget": ()}, {"runs": "many"}])
def test_noise_is_above_zero_in_at_most_five_percent(save, tmp_path, settings):
    draw = np.random.default_rng(3)
    repeats, above = 120, 0
    for seed in range(repeats):
        file = save(scores=draw.normal(size=200), members=draw.random(200) < 0.5)
        epsilon = bound_of(bound_arrays(file, tmp_path / "out", seed=seed, **settings))["epsilon"]
        above += isinstance(epsilon, float) and epsilon > 0
    assert above <= binom.isf(FAR, repeats, 0.05)


def test_the_same_arrays_give_the_same_bytes(save, tmp_path):
    file = save(scores=np.random.default_rng(0).normal(size=1000))
    for name in ("one", "two"):
        bound_arrays(file, tmp_path / name, budget=(), seed=4)
    one, two = ((tmp_path / name / "summary.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_study_of_a_bound_alone_has_a_page(save, tmp_path):
    bound_arrays(save(), tmp_path / "out")
    assert "membership-result" not in write_report(tmp_path / "out").read_text()


@pytest.mark.parametrize(
    ("arrays", "settings", "message"),
    [
        ({"scores": None}, {}, "has no array 'scores'"),
        ({"scores": np.zeros(3)}, {}, r"members has shape \[1000\], expected \[3\]"),
        ({"scores": np.full(1000, np.nan)}, {}, r"scores\[0\] is nan"),
        ({"members": np.full(1000, 2)}, {}, "members"),
        ({}, {"method": "rates"}, "method rates does not fit runs one"),
        ({}, {"runs": "many", "method": "binomial"}, "method binomial does not fit runs many"),
        ({}, {"threshold": 0.5}, "threshold is for runs many"),
        ({}, {"runs": "many", "budget": (0.3, 0.3)}, "budget is for runs one"),
        ({}, {"budget": (0.3,)}, "two shares"),
        ({}, {"delta": 1.0}, r"delta must be in \[0, 1\), got 1"),
        ({}, {"confidence": 0.0}, r"confidence must be in \[0.5, 1\), got 0"),
        ({}, {"method": "gaussian", "delta": 0.0}, "set delta"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(save, tmp_path, arrays, settings, message):
    with pytest.raises(ImprintError, match=message):
        bound_arrays(save(**arrays), tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_command_on_arrays_leaves_the_options_that_replay_it(save, tmp_path, capsys):
    first, again = tmp_path / "first", tmp_path / "again"
    words = ["membership", "bound", "--arrays", str(save()), "--out", str(first)]
    main([*words, "--budget", "0.5,0.5", "--delta", "0"])
    assert f"results: {first}" in capsys.readouterr().err
    main(["membership", "bound", "--config", str(first / "options.yaml"), "--out", str(again)])
    for name in ("summary.json", "options.yaml"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
