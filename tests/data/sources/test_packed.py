"""A packed store is recognised, and holds one part."""

import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images, layout_of
from imprint.data.packed.write import write_pack
from tests.data.packed.packs import folder_of, pack_folder


@pytest.mark.parametrize("keep", ["pixels", "files"])
def test_a_store_is_recognised(tmp_path, keep):
    pack_folder(folder_of(tmp_path / "set"), tmp_path / "a.pack", keep)
    assert layout_of(tmp_path / "a.pack") == "packed"
    (tmp_path / "a.pack" / "header.json").unlink()
    with pytest.raises(ImprintError, match="cannot tell how"):
        layout_of(tmp_path / "a.pack")


def test_a_store_holds_the_part_that_was_packed(tmp_path):
    source = inspect_images(folder_of(tmp_path / "set" / "val"), part=None).images
    write_pack(source, tmp_path / "a.pack", part="val")
    assert len(inspect_images(tmp_path / "a.pack").images) == 7
    assert len(inspect_images(tmp_path / "a.pack", part="val").images) == 7
    with pytest.raises(ImprintError, match="holds 'val', not 'train'"):
        inspect_images(tmp_path / "a.pack", part="train")
