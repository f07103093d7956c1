import json

import pytest

from imprint.commands.annotate import CropCounts, WriteCrops
from imprint.core.bounds import OptionError
from imprint.study.finding import read_finding


def test_crops_are_counted_by_class_and_written(tmp_path, capsys):
    counts = WriteCrops(out=tmp_path, composite_count=20, size=8, min_crop_px=2).run()
    assert counts.crops + sum(counts.without.values()) == 20
    assert sum(counts.classes.values()) == counts.crops
    files = list((tmp_path / "crops").rglob("*.png"))
    assert len(files) == counts.crops
    assert read_finding(CropCounts, tmp_path / "crops.json") == counts
    assert list(json.loads((tmp_path / "crops.json").read_text())) == [
        "crops",
        "without",
        "classes",
    ]
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'crops'}: {counts.crops} crops")


def test_crops_of_no_size_are_refused(tmp_path):
    with pytest.raises(OptionError, match="size must be at least 1, got 0"):
        WriteCrops(out=tmp_path, size=0)
