import numpy as np

from imprint.data.near_duplicates.search_options import DuplicateSearch
from imprint.lenses.dejavu.doubt_findings import DuplicateRelation, NearDuplicateCounts
from imprint.lenses.dejavu.study.near_duplicates import (
    COUNTS,
    PAIRS,
    FindNearDuplicates,
    NearDuplicateGallery,
    relation_name,
    shown_rows,
)
from imprint.report.gallery import read_gallery
from imprint.study.finding import read_finding
from imprint.study.store import Study
from imprint.study.tables import read_table
from tests.data.near_duplicates.made_pictures import encoded, pictures
from tests.data.near_duplicates.test_search import images_of

ORIGINALS = pictures(8)
# Images 0 and 1 are of A, 2 and 3 of B, 4 shared, 5 to 7 and two copies public.
IMAGES = images_of(
    [
        ORIGINALS[0],
        encoded(ORIGINALS[0]),
        ORIGINALS[1],
        ORIGINALS[0][:, ::-1],
        *ORIGINALS[2:6],
        encoded(ORIGINALS[1]),
        encoded(ORIGINALS[6]),
    ]
)
SETS = {
    "A": np.array([0, 1]),
    "B": np.array([2, 3]),
    "shared": np.array([4]),
    "public": np.arange(5, 10),
}


def test_pairs_are_counted_by_the_sets_of_their_images_and_shown(tmp_path):
    study = Study(tmp_path)
    step = FindNearDuplicates(IMAGES, np.arange(4), SETS, DuplicateSearch(), "cpu")
    folder = study.run(step)
    counts = read_finding(NearDuplicateCounts, folder / COUNTS)
    assert counts == NearDuplicateCounts(
        attacked=4,
        images=4,
        pairs=4,
        relations=(
            DuplicateRelation("A", "A", pairs=1, images=2),
            DuplicateRelation("A", "B", pairs=2, images=3),
            DuplicateRelation("B", "public", pairs=1, images=1),
        ),
    )
    pairs = read_table(folder / PAIRS)
    ends = list(zip(pairs["index"].tolist(), pairs["other"].tolist(), strict=True))
    assert ends == [(0, 1), (0, 3), (1, 3), (2, 8)]
    assert pairs["mirrored"].tolist() == [False, True, True, False]
    study.run(NearDuplicateGallery(IMAGES, folder))
    gallery = read_gallery(tmp_path / "gallery" / "near_duplicates", "picture", "Filter")
    assert gallery is not None


def test_the_nearest_pair_of_every_relation_is_shown_first():
    pairs = {
        "set": np.array(["A", "A", "A", "B"]),
        "other_set": np.array(["public", "public", "public", "public"]),
        "correlation": np.array([0.8, 0.9, 0.95, 0.76]),
    }
    assert shown_rows(pairs, 3) == [2, 3, 1]
    assert relation_name("B", "shared") == "B and shared"
