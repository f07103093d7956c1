"""Criteria that see tests by tasks: the bytes of one pass."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imprint.cli import main
from imprint.launch.launcher import using
from imprint.launch.ledger import Ledger
from imprint.launch.shards import cut_into
from imprint.lenses.coverage.fits.fit import fit_study
from imprint.lenses.coverage.fits.options import FitOptions
from imprint.lenses.coverage.measure import fitted_criteria, measure
from imprint.lenses.coverage.measure.fitted_criteria import fit_criteria, see_tests
from imprint.lenses.coverage.options import CriteriaChoice, MeasureOptions
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.measure import measure_study
from imprint.lenses.coverage.study.seen_in_tasks import see_tests_of_step
from imprint.neurons.activations import ActivationTable, Layers
from tests.launch.inline import InlineLauncher, Killed
from tests.lenses.coverage.commands_on_files import arrays

LAYERS = Layers(("a", "b"), (12, 6), ("Linear", "Linear"))


def files_of(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.mark.parametrize("with_fit", [False, True])
def test_shards_of_the_tests_give_the_bytes_of_one_pass(tmp_path: Path, with_fit: bool) -> None:
    np.savez(tmp_path / "arrays.npz", **arrays())
    fitted = None
    if with_fit:
        fit_study(
            FitOptions(arrays=tmp_path / "arrays.npz", criteria=("all",), out=tmp_path / "fit")
        )
        fitted = tmp_path / "fit/fitted.safetensors"

    def measured(name: str, launcher: InlineLauncher | None = None) -> dict[Path, bytes]:
        options = MeasureOptions(
            arrays=tmp_path / "arrays.npz", per_input=True, task_cpus=1, out=tmp_path / name
        )
        choice: dict[str, Any] = {"fitted": fitted} if with_fit else {"criteria": ("all",)}
        options = dataclasses.replace(options, **choice)
        with contextlib.ExitStack() as stack:
            if launcher is not None:
                stack.enter_context(using(launcher))
                stack.enter_context(cut_into(3))
            measure_study(options)
        return files_of(tmp_path / name / "coverage")

    whole = measured("whole")
    killed, again = InlineLauncher(survives=2), InlineLauncher()
    with pytest.raises(Killed):
        measured("parts", killed)
    assert measured("parts", again) == whole
    keys = [f"coverage/{rows}.safetensors" for rows in ("0-7", "7-14", "14-20")]
    assert [killed.keys, again.keys] == [keys[:2], keys[2:]]
    with pytest.raises(Killed):
        measured("uncut", InlineLauncher(survives=1))
    assert measured("uncut") == whole
    assert not list((tmp_path / "parts").glob(".coverage*"))


def test_many_rounds_of_batches_merge_to_the_state_of_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(rows: np.ndarray, groups: int) -> list[np.ndarray]:
        return measure.split_into_groups(rows, groups, largest=7)

    monkeypatch.setattr(fitted_criteria, "split_into_groups", split)
    random = np.random.default_rng(0)

    def table(count: int) -> ActivationTable:
        labels = random.integers(0, 3, count)
        values = random.normal(size=(count, 18)).astype(np.float32)
        values[:, :3] += 2 * labels[:, None]
        return ActivationTable(LAYERS, values, labels, np.arange(count), labels)

    settings = settings_of(CriteriaChoice(criteria=("all",)))
    train, test = table(150), table(400)
    fitted = fit_criteria(LAYERS, settings, train, gaps=True)
    whole = see_tests(fitted, test, seed=1, first=5)
    with using(InlineLauncher()), cut_into(3):
        parts = see_tests_of_step("coverage", tmp_path / "x", fitted, test, 1, 5)
    assert parts.missing == whole.missing
    assert parts.inputs == 400
    assert parts.values is not None
    np.testing.assert_array_equal(parts.values, whole.values)
    assert set(parts.seen) == set(whole.seen)
    assert "cc" in parts.seen
    for name, seen in whole.seen.items():
        one, merged = seen.measurement(), parts.seen[name].measurement()
        assert merged.n == one.n
        if name == "nlc":  # its groups are in several shards, whose sums may round otherwise
            assert merged.value == pytest.approx(one.value, rel=1e-12)
            continue
        assert (merged.value, merged.ci95) == (one.value, one.ci95)
        states = seen.state_dict(), parts.seen[name].state_dict()
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_the_command_cuts_by_its_option_and_the_page_is_the_same(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", **arrays())
    words = ["coverage", "measure", "--arrays", str(tmp_path / "arrays.npz"), "--json"]
    main([*words, "--out", str(tmp_path / "whole")])
    main([*words, "--shards", "2", "--task-cpus", "1", "--out", str(tmp_path / "parts")])
    whole, parts = (files_of(tmp_path / name) for name in ("whole", "parts"))
    assert Ledger(tmp_path / "parts", "measure-tests").planned() == [
        "coverage/0-10.safetensors",
        "coverage/10-20.safetensors",
    ]
    same = {name for name in parts if ".tasks" not in name.parts}
    assert same == set(whole)
    # The options name their folders, and the page quotes the command.
    assert {name for name in same if parts[name] != whole[name]} <= {
        Path(name) for name in ("options.yaml", "report.html", "summary.json")
    }
    assert parts[Path("coverage/findings.json")] == whole[Path("coverage/findings.json")]
