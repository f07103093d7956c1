import numpy as np

from imprint.cli import main


def test_the_page_and_its_plots_as_files(swept):
    out, _ = swept
    page = (out / "report.html").read_text()
    for text in ("Déjà vu, varied", "attk_epochs_acc_top1", "lp_params_layer", "invariance=5"):
        assert text in page
    main(["report", "--out", str(out), "--plots"])
    assert (out / "report.html").read_text() == page
    stems = {path.stem for path in (out / "plots").glob("*.svg")}
    assert stems == {path.stem for path in (out / "plots").glob("*.png")}
    assert {"attk_epochs_partition_top5", "attk_params_crop_acc_top1", "lp_epochs"} <= stems
    drawing = (out / "plots" / "lp_epochs.svg").read_text()
    assert "#1d1f21" in drawing
    assert "#00000" not in drawing
    from matplotlib.image import imread

    pixels = imread(out / "plots" / "attk_epochs_acc_top1.png")[..., :3]
    target = np.array([0x0B, 0x68, 0xA8]) / 255
    assert (np.abs(pixels - target).max(axis=-1) < 0.01).sum() > 200
