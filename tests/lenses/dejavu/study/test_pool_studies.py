from pathlib import Path

import pytest

from imprint.lenses.dejavu.study.pool_studies import short_names


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/seed0", "runs/seed1"], ["seed0", "seed1"]),
        (["runs/seeds", "runs/seeds/seeds/1"], ["seeds", "seeds/seeds/1"]),
    ],
)
def test_studies_are_named_by_what_their_paths_do_not_share(folders, names):
    assert short_names([Path(folder) for folder in folders]) == names
