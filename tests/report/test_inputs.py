from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.report.inputs import read_columns, read_picture
from imprint.study.tables import write_table


def test_columns_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    write_table(path, {"index": np.arange(2), "score": np.array([0.5, 0.25])})
    assert read_columns(path, "score")["score"].tolist() == [0.5, 0.25]
    with pytest.raises(ImprintError, match=r"records\.parquet has no column member, name: delete"):
        read_columns(path, "score", "member", "name")
    write_table(path, {"index": np.arange(0)})
    with pytest.raises(ImprintError, match="has no rows"):
        read_columns(path)


def test_a_picture_is_embedded_whole(tmp_path: Path) -> None:
    Image.new("RGB", (200, 3)).save(tmp_path / "a.png")
    Image.new("RGB", (7, 127)).save(tmp_path / "b.png")
    large, small = (read_picture(tmp_path, name) for name in ("a.png", "b.png"))
    assert (large.width, large.height, large.small) == (200, 3, False)
    assert (small.width, small.height, small.small) == (7, 127, True)
    assert large.uri.startswith("data:image/png;base64,iVBORw0KGgo")


def test_a_picture_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (5000, 5000)).save(tmp_path / "a.png")
    with pytest.raises(ImprintError, match=r"a\.png is not a PNG picture"):
        read_picture(tmp_path, "a.png")


@pytest.mark.parametrize("name", ["../a.png", "a.jpg", "", "x/../a.png"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImprintError, match="must be the name of a PNG"):
        read_picture(tmp_path, name)
