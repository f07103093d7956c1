from pathlib import Path

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.study.options import DataChoice


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("layout", "folder"),
        ("part", "val"),
        ("boxes", Path("boxes")),
        ("on_bad_box", "clamp"),
        ("skip_corrupt", True),
    ],
)
def test_options_of_files_are_refused_with_the_embedded_set(option, value):
    flag = "--" + option.replace("_", "-")
    message = f"^{flag} applies to images of your own, not to the embedded set: leave it out"
    with pytest.raises(ImprintError, match=message):
        open_choice(DataChoice(composite_count=10, **{option: value}), seed=0)


@pytest.mark.parametrize(
    ("option", "value"), [("composite_count", 10), ("background_correlation", 0.5)]
)
def test_options_of_the_embedded_set_are_refused_with_files(option, value, tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 1, 4, 4), np.uint8), labels=[0, 1])
    flag = "--" + option.replace("_", "-")
    message = f"^{flag} applies to the embedded set alone, not to {tmp_path}.*: leave it out"
    with pytest.raises(ImprintError, match=message):
        open_choice(DataChoice(data=str(tmp_path / "x.npz"), **{option: value}), seed=0)
    assert len(open_choice(DataChoice(data=str(tmp_path / "x.npz")), seed=0)) == 2
