import numpy as np
import pytest

from imprint.cli import main, run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.retraining_options import ComparisonOptions
from imprint.lenses.leave_one_out.study.compare import compare_study
from imprint.study.json_io import read_json
from imprint.study.tables import read_table

MODELS, RECORDS, QUERIES = 24, 12, 6


@pytest.fixture
def given():
    """Return models whose margin is the sum of the influences of their records."""
    random = np.random.default_rng(0)
    influence = random.normal(size=(RECORDS, QUERIES))
    members = random.random((MODELS, RECORDS)) < 0.5
    labels = np.arange(QUERIES) % 2
    margins = members @ influence
    outputs = np.zeros((MODELS, QUERIES, 2))
    outputs[:, np.arange(QUERIES), labels] = margins
    return {"outputs": outputs, "members": members.astype(int), "query_labels": labels}, influence


def compare(folder, models, tables, **further):
    np.savez(folder / "models.npz", **models)
    np.savez(folder / "mine.npz", **tables)
    options = ComparisonOptions(
        out=folder / "study",
        retrained=folder / "models.npz",
        influence=folder / "mine.npz",
        json=True,
        **further,
    )
    return compare_study(options)["lenses"]["leave_one_out"]["influence_quality"]


def test_exact_influence_of_an_additive_model_scores_one_and_its_reverse_minus_one(
    given, tmp_path
) -> None:
    models, influence = given
    tables = {"influence": influence, "influence_reversed": -influence}
    findings = compare(tmp_path, models, tables)
    assert list(findings["tables"]) == ["mine", "reversed"]
    assert findings["tables"]["mine"]["datamodeling"]["value"] == pytest.approx(1)
    assert findings["tables"]["reversed"]["datamodeling"]["value"] == pytest.approx(-1)
    assert (findings["models"], findings["records"], findings["queries"]) == (24, 12, 6)
    assert findings["top"] == 1
    written = read_table(tmp_path / "study/influence_quality/tables.parquet")
    assert written["influence"].tolist() == ["mine", "reversed"]
    assert written["datamodeling"].tolist() == pytest.approx([1, -1])
    page = (tmp_path / "study/report.html").read_text()
    assert "mine, the best of 2, predicts retrained models" in page
    assert "Positive influence: the record raises the output of the right class" in page


def test_labels_is_another_name_and_one_output_is_a_value(given, tmp_path) -> None:
    models, influence = given
    (tmp_path / "a").mkdir()
    named = {"labels" if name == "query_labels" else name: each for name, each in models.items()}
    one = compare(tmp_path / "a", named, {"influence": influence})
    assert one["accuracy"] is not None
    values = {**models, "outputs": (models["members"] @ influence)[..., None]}
    del values["query_labels"]
    (tmp_path / "b").mkdir()
    other = compare(tmp_path / "b", values, {"influence": influence})
    assert other["tables"]["mine"]["datamodeling"] == one["tables"]["mine"]["datamodeling"]
    assert "needs classes" in other["tables"]["mine"]["accuracy_drop"]["missing"]


def test_pairs_give_the_effects_and_the_rest_the_subsets(given, tmp_path) -> None:
    models, influence = given
    removed = 1 - np.eye(RECORDS, dtype=int)
    whole = np.ones((1, RECORDS), dtype=int)
    members = np.concatenate([models["members"], whole, removed])
    outputs = np.zeros((len(members), QUERIES, 2))
    outputs[:, np.arange(QUERIES), models["query_labels"]] = members @ influence
    pairs = [[MODELS, MODELS + 1 + record] for record in range(RECORDS)]
    found = compare(
        tmp_path,
        {**models, "members": members, "outputs": outputs, "pairs": pairs},
        {"influence": influence},
    )
    assert (found["pairs"], found["removed"], found["subsets"]) == (12, 12, MODELS)
    assert found["tables"]["mine"]["leave_one_out"]["spearman"]["value"] == pytest.approx(1)


def test_command_prints_the_verdict_and_a_row_a_table(given, tmp_path, capsys) -> None:
    models, influence = given
    np.savez(tmp_path / "models.npz", **models)
    np.savez(tmp_path / "mine.npz", influence=influence)
    words = ["--retrained", str(tmp_path / "models.npz"), "--influence", str(tmp_path / "mine.npz")]
    main(["leave-one-out", "compare", *words, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "mine predicts retrained models: LDS 1.00" in printed
    assert "noise ceiling" in printed
    assert read_json(tmp_path / "out/summary.json")["lenses"]["leave_one_out"]


def test_another_table_in_the_same_folder_is_refused(given, tmp_path) -> None:
    models, influence = given
    compare(tmp_path, models, {"influence": influence})
    with pytest.raises(ImprintError, match="made with other settings"):
        compare(tmp_path, models, {"influence": 2 * influence})


@pytest.mark.parametrize(
    ("models", "tables", "message"),
    [
        ({"members": np.full((MODELS, RECORDS), 2)}, {}, "members must be bool, or 0 and 1"),
        ({"members": np.ones((MODELS, 5), dtype=int)}, {}, r"is \[12, 6\], and the .* 5 records"),
        ({"members": np.ones((3, RECORDS), dtype=int)}, {}, r"members has shape \[3, 12\]"),
        ({"outputs": np.full((MODELS, QUERIES, 2), np.nan)}, {}, r"outputs\[0, 0, 0\] is nan"),
        ({"outputs": np.full((MODELS, QUERIES, 2), 1e200)}, {}, "scale the whole array down"),
        ({"outputs": np.ones((MODELS, QUERIES))}, {}, r"outputs has shape \[24, 6\]"),
        ({"outputs": np.ones((MODELS, QUERIES, 1))}, {}, "are values and have no classes"),
        ({"query_labels": np.full(QUERIES, 2)}, {}, r"query_labels\[0\] is 2, and outputs are of"),
        ({"query_labels": None}, {}, "outputs of 2 classes need query_labels"),
        ({"labels": np.zeros(QUERIES, dtype=int)}, {}, "labels and query_labels are the same"),
        ({"pairs": np.array([[0, 30]])}, {}, "pairs name model 30, and there are 24"),
        ({"pairs": np.array([[0, 1]])}, {}, "models 0 and 1, which differ by"),
        ({}, {"influence": np.ones((RECORDS, 5))}, r"influence mine is \[12, 5\], and the"),
        ({}, {"influence": np.full((RECORDS, QUERIES), np.inf)}, r"influence\[0, 0\] is inf"),
        ({}, {"influence": None, "influence_a": np.ones((0, 6))}, "is empty"),
        ({}, {"nonsense": np.ones(3)}, "unknown array 'nonsense'"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_one_sentence(
    models, tables, message, given, tmp_path
) -> None:
    own, influence = given
    changed = {name: each for name, each in {**own, **models}.items() if each is not None}
    written = {"influence": influence, **tables}
    written = {name: each for name, each in written.items() if each is not None}
    with pytest.raises(ImprintError, match=message) as caught:
        compare(tmp_path, changed, written)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "study/influence_quality").exists()


def test_too_few_models_and_a_missing_influence_are_refused(given, tmp_path) -> None:
    models, influence = given
    few = {name: each[:3] if name != "query_labels" else each for name, each in models.items()}
    with pytest.raises(ImprintError, match="3 retrained models are too few"):
        compare(tmp_path, few, {"influence": influence})
    np.savez(tmp_path / "models.npz", **models)
    words = ["--retrained", str(tmp_path / "models.npz"), "--out", str(tmp_path / "out")]
    with pytest.raises(ImprintError, match="--retrained has nothing to compare"):
        run(["leave-one-out", "compare", *words])
    with pytest.raises(ImprintError, match="--top 12 is not from 0 to 11"):
        compare(tmp_path, models, {"influence": influence}, top=12)
