import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.launch.shards import cut_into
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.search import (
    IndexedTable,
    TableSearch,
    index_embeddings,
    search_findings,
    study_of,
)
from imprint.neighbors import sources
from imprint.neighbors.index_file import IvfPqOptions
from imprint.neighbors.nearest import nearest
from imprint.stats.estimate import Estimate
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import write_table

RANDOM = np.random.default_rng(0)
PUBLIC = RANDOM.standard_normal((300, 6)).astype(np.float32)
CROPS = RANDOM.standard_normal((12, 6)).astype(np.float32)


@pytest.fixture
def study(tmp_path):
    for name in ("A", "B", "A@1"):
        columns = {"index": np.arange(300), "backbone": PUBLIC, "projector": PUBLIC[:, :3]}
        write_table(tmp_path / f"tables/embeddings/{name}.public.parquet", columns)
    write_json(tmp_path / "tables/embeddings.card.json", {"hash": "of embeddings"})
    return Study(tmp_path)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("shards", [1, 3])
def test_shards_of_a_table_give_the_rows_of_one_search(study, monkeypatch, metric, shards) -> None:
    monkeypatch.setattr(sources, "BLOCK_BYTES", 24 * 50)
    table = study.path("tables/embeddings/A.public.parquet")
    with cut_into(shards):
        rows = TableSearch(table, "backbone", 20, metric, "cpu").exact(CROPS)
    assert np.array_equal(rows, nearest(CROPS, PUBLIC, 20, metric).indices)


def test_more_neighbours_than_a_table_has_are_refused(study) -> None:
    table = study.path("tables/embeddings/A.public.parquet")
    with pytest.raises(ImprintError, match="choose k in 1…300"):
        TableSearch(table, "backbone", 301, "l2", "cpu").exact(CROPS)


def test_every_table_is_indexed_once_as_attacks_search_it(study) -> None:
    pytest.importorskip("faiss")
    embeddings = study.path("tables/embeddings")
    exact = AttackChoice(layer="backbone", k=5)
    choice = AttackChoice(layer="backbone", k=5, search="ivfpq", ivfpq=IvfPqOptions(nprobe=99))
    assert index_embeddings(study, embeddings, [(exact, "", "public")], 0) is None
    searched = [(exact, "", "public"), (choice, "", "public"), (choice, "", "public")]
    indexes = index_embeddings(study, embeddings, searched, 0, other_metric_of=("A", "B"))
    assert sorted(each.name for each in indexes.iterdir()) == [
        "A.public.backbone.cosine.0x64",
        "A.public.backbone.l2.0x64",
        "A@1.public.backbone.l2.0x64",
        "B.public.backbone.cosine.0x64",
        "B.public.backbone.l2.0x64",
    ]
    index = indexes / IndexedTable.of("A.public", choice).name
    search = TableSearch(embeddings / "A.public.parquet", "backbone", 5, "l2", "cpu")
    rows, recall = search.approximate(CROPS, index, choice.ivfpq)
    assert np.array_equal(rows, nearest(CROPS, PUBLIC, 5).indices)
    assert (recall.value, recall.n) == (1.0, 12)


def test_findings_hold_the_recall_of_each_model() -> None:
    choice = AttackChoice(k=50, ivfpq=IvfPqOptions(nprobe=3, candidates=10))
    assert search_findings(choice, {"A": None, "B": None}) is None
    recalls = {"A": Estimate(0.9, (0.8, 1.0), 7), "B": Estimate(0.7, (0.6, 0.8), 7)}
    found = search_findings(choice, recalls)
    assert (found.k, found.nprobe, found.candidates) == (50, 3, 50)
    assert found.lowest == recalls["B"]


def test_the_study_of_a_table_is_the_folder_of_its_tables(tmp_path) -> None:
    assert study_of(tmp_path / "tables/embeddings/x/A.parquet") == tmp_path
    assert study_of(tmp_path / "A.parquet") == tmp_path
