from __future__ import annotations

from pathlib import Path

from imprint.cli import main
from imprint.study.json_io import read_json
from tests.lenses.coverage.commands_on_files import words_of


def test_a_network_is_measured_by_layer_and_its_clusterer_searched(
    world: Path, tmp_path: Path
) -> None:
    test = ("--tests", str(world / "test.npz"), "--criteria", "idc", "--param", "idc.m=3")
    words = ("--per", "layer", "--search", "--search-trials", "1")
    main(words_of(world, "measure", *test, *words, "--out", str(tmp_path)))
    found = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    assert list(found["scopes"]["layer"]["scopes"]) == ["conv1", "conv2", "fc1", "fc2"]
    page = (tmp_path / "report.html").read_text()
    assert "By layer" in page
    assert '<th scope="row">conv2</th>' in page
    assert found["search"]["num_evaluations"] == 9 + 1
    assert found["search"] == read_json(tmp_path / "search" / "search.json")
