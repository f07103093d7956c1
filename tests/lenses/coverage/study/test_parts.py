from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lenses.coverage.commands_on_files import arrays, measured


def test_parts_of_arrays_have_their_own_coverage(tmp_path: Path) -> None:
    words = ("--criteria", "idc", "--param", "idc.m=2", "--per", "class,layer,group")
    given = arrays()
    found = measured(tmp_path, given, *words)["scopes"]
    assert set(found) == {"class", "layer", "group"}
    assert set(found["class"]["scopes"]) == {"0", "1", "2"}
    counts = np.bincount(given["test_labels"])
    assert [one["n"] for one in found["class"]["scopes"].values()] == counts.tolist()
    assert found["class"]["mean"] == pytest.approx(
        np.mean([one["value"] for one in found["class"]["scopes"].values()])
    )
    # The last of the layers is the answer.
    assert set(found["layer"]["scopes"]) == set(found["group"]["scopes"]) == {"conv1"}


@pytest.mark.parametrize("kind", ["constant", "one row"])
def test_training_data_that_do_not_vary_leave_ranges_and_cells_missing(
    tmp_path: Path, kind: str
) -> None:
    given = arrays()
    for name in list(given):
        if name.startswith("train"):
            given[name] = given[name][:1] if kind == "one row" else given[name] * 0 + 1
    words = ("--criteria", "nc,kmnc,snac,nbc,idc,lsc,dsc,mdsc,tknc", "--per", "layer")
    findings = measured(tmp_path, given, *words)
    criteria = findings["criteria"]
    inputs = "the one training input" if kind == "one row" else "120 training inputs"
    for name in ("kmnc", "snac", "nbc"):
        assert criteria[name]["missing"].startswith(f"no neuron varies over {inputs}")
    assert "neurons varies over the training inputs" in criteria["idc"]["missing"]
    assert "neurons" not in findings["cells"]["idc"]
    for name in ("lsc", "dsc", "mdsc"):
        assert "missing" in criteria[name]
    for name in ("nc", "tknc"):
        assert criteria[name]["value"] > 0
    assert "varies" in findings["scopes"]["layer"]["missing"]
