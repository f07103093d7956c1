import torch

from imprint.train.cohort.resident import load_resident, map_resident, write_resident
from tests.train.cohort.small_cohort import CPU


def test_a_resident_set_comes_back_from_its_files(images, tmp_path):
    data = load_resident(images, 6, CPU)
    write_resident(tmp_path, data)
    mapped = map_resident(tmp_path)
    assert mapped.pixels.shape == (48, 3, 6, 6)
    assert torch.equal(mapped.pixels, data.pixels)
    assert torch.equal(mapped.labels, data.labels)
