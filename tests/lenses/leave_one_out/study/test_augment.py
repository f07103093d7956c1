import json

import numpy as np
import pytest

from imprint.cli import run
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.augmentation_options import AugmentationChoice
from imprint.lenses.leave_one_out.column_meanings import meaning_of
from imprint.lenses.leave_one_out.study.augment import copy_counts
from imprint.study.tables import column_meanings, read_table

SMALL = ["--removed", "7", "--draws", "2", "--copies", "3", "--copy-step", "2", "--json"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("augment") / "out"
    images = ["--composite-count", "60", "--records", "40", "--input-size", "8"]
    run(["leave-one-out", "augment", *images, *SMALL, "--out", str(out)])
    return out


def test_no_augmentation_reveals_more_than_the_record_and_copies_hide_it(study):
    findings = json.loads((study / "summary.json").read_text())["lenses"][
        "leave_one_out_augmentations"
    ]
    assert all(kind["most"] <= 1 + 1e-9 for kind in findings["kinds"].values())
    # A channel shifted by 2 % is nearly the record, a quarter turn is another image.
    shares = {name: kind["share"]["value"] for name, kind in findings["kinds"].items()}
    assert shares["channel_shift"] > 0.5 > shares["rotate"]
    assert findings["copies"] == [0, 2, 3]
    for curve in (findings["augmented"], findings["exact"]):
        values = [share["value"] for share in curve["share"]]
        assert values[0] == pytest.approx(1)
        assert values == sorted(values, reverse=True)
    assert findings["exact"]["share"][1]["value"] < findings["augmented"]["share"][1]["value"]


def test_tables_have_a_row_per_draw_and_per_number_of_copies(study):
    folder = study / "leave_one_out_augmentations"
    queries, copies = read_table(folder / "queries.parquet"), read_table(folder / "copies.parquet")
    assert len(queries["index"]) == 7 * 7 * 2
    assert len(copies["index"]) == 7 * 2 * 3
    for file in ("queries.parquet", "copies.parquet"):
        table = read_table(folder / file)
        assert set(column_meanings(folder / file)) == set(table)
        assert all(meaning_of(name) for name in table)


def test_the_page_shows_both_figures(study):
    page = (study / "report.html").read_text()
    assert "What an augmentation of the record reveals" in page
    assert "How near copies hide a record" in page


@pytest.mark.parametrize("shape", [(3, 6, 6), (6, 6, 3)])
@pytest.mark.parametrize("kind", ["fitted", "noise", "balanced"])
def test_arrays_of_images_and_added_records_are_augmented(tmp_path, shape, kind):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=random.normal(size=(30, *shape)), y=np.arange(30) % 2)
    words = ["--arrays", str(tmp_path / "a.npz"), "--records", "20", "--removed-kind", kind]
    out = tmp_path / "out"
    found = run(["leave-one-out", "augment", *words, *SMALL, "--out", str(out)])
    findings = found["lenses"]["leave_one_out_augmentations"]
    assert findings["records"] == 7
    assert findings["kinds"]["noise"]["share"]["value"] > 0.5


@pytest.mark.parametrize(
    ("shape", "more", "message"),
    [
        ((5,), [], "augmentations change images"),
        ((1, 4, 6), [], "cannot be turned by 90°"),
        ((1, 4, 4), ["--augmentations", "blink"], "has no 'blink'"),
    ],
)
def test_what_cannot_be_augmented_is_refused(tmp_path, shape, more, message):
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(9, *shape)),
             y=np.arange(9) % 2)  # fmt: skip
    words = ["--arrays", str(tmp_path / "a.npz"), *SMALL, *more, "--out", str(tmp_path / "o")]
    with pytest.raises(ImprintError, match=message):
        run(["leave-one-out", "augment", *words])


def test_numbers_of_copies_begin_at_none_and_end_at_all():
    assert copy_counts(AugmentationChoice(copies=4, copy_step=2)) == [0, 2, 4]
    assert copy_counts(AugmentationChoice(copies=1, copy_step=3)) == [0, 1]
