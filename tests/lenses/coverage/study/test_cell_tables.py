from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imprint.cli import main
from imprint.study.json_io import read_json, write_json
from imprint.study.tables import read_table
from tests.lenses.coverage.commands_on_files import arrays, measured, words_of


def test_tables_of_cells_add_up(tmp_path: Path) -> None:
    summary = measured(tmp_path, arrays(), "--criteria", "idc", "--param", "idc.m=3")
    folder = tmp_path / "out" / "coverage"
    idc = summary["cells"]["idc"]
    cells = read_table(folder / "cells.parquet")
    assert (cells["training"].sum(), cells["tests"].sum()) == (120, 60)
    assert (cells["tests"] > 0).sum() == idc["reached"]
    assert (cells["training"] > 0).sum() == idc["training_cells"]
    assert ((cells["training"] > 0) & (cells["tests"] > 0)).sum() == idc["training_cells_reached"]
    assert [len(row.split()) for row in cells["clusters"].tolist()] == [3] * len(cells["index"])
    clusters = read_table(folder / "clusters.parquet")
    assert clusters["rank"].tolist() == [1, 1, 2, 2, 3, 3]
    assert clusters["training"].sum() == 3 * 120
    assert np.array_equal(clusters["high"][::2], clusters["low"][1::2])
    bins = read_table(folder / "activations.parquet")
    assert (bins["training"].sum(), bins["tests"].sum()) == (3 * 120, 3 * 60)
    assert len(idc["clusters"]) == 3


def test_the_page_shows_cells_clusters_and_scores(trained: Path, tmp_path: Path) -> None:
    tests = ("--tests", str(trained / "test.npz"), "--criteria", "idc,wisdom", "--per", "class")
    few = ("--importance-records", "32", "--vote-records", "64")
    main(words_of(trained, "measure", *tests, *few, "--out", str(tmp_path)))
    page = (tmp_path / "report.html").read_text()
    for title in (
        "Activations of the neurons of IDC",
        "Are the clusters of WISDOM apart?",
        "Importance of the neurons of IDC",
        "Which neurons get the votes?",
        "do tests of each class reach?",
    ):
        assert title in page
    summary = read_json(tmp_path / "summary.json")["lenses"]["coverage"]
    scores = summary["cells"]["idc"]["scores"]
    assert scores == sorted(scores, reverse=True)
    assert 'id="coverage-cells-one-by-one"' in page


def test_pages_of_earlier_studies_are_made_without_cells(tmp_path: Path) -> None:
    measured(tmp_path, arrays(), "--criteria", "idc")
    summary = read_json(tmp_path / "out" / "summary.json")
    for name in ("ranks", "clusters", "listed"):
        del summary["lenses"]["coverage"]["cells"]["idc"][name]
    write_json(tmp_path / "out" / "summary.json", summary)
    main(["report", "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "How many more tests would help" in page
    assert "coverage-cells-one-by-one" not in page


def test_without_training_activations_there_are_no_tables(tmp_path: Path) -> None:
    given = {name: value for name, value in arrays().items() if not name.startswith("train")}
    measured(tmp_path, given, "--criteria", "nc")
    assert not (tmp_path / "out" / "coverage" / "cells.parquet").exists()


@pytest.mark.parametrize("clusters", ["all", "class"])
def test_clusters_of_each_class_write_cells_alone(tmp_path: Path, clusters: str) -> None:
    words = ("--criteria", "idc", "--param", f"idc.m=2,idc.clusters={clusters}")
    measured(tmp_path, arrays(), *words)
    folder = tmp_path / "out" / "coverage"
    labels = read_table(folder / "cells.parquet")["class"]
    assert set(labels.tolist()) == ({-1} if clusters == "all" else {0, 1, 2})
    assert (folder / "clusters.parquet").exists() == (clusters == "all")
