import json

import numpy as np

from imprint.study.tables import read_table


def test_images_have_their_pictures_and_reasons_on_the_page(image_study):
    records = read_table(image_study / "leave_one_out" / "records.parquet")
    cards = json.loads((image_study / "gallery" / "leave_one_out" / "gallery.json").read_text())
    most = records["index"][np.argsort(-records["kl_out_in"])[:3]]
    first = [int(card["name"].rpartition(" ")[2]) for card in cards["cards"][:3]]
    assert first == most.tolist()
    page = (image_study / "report.html").read_text()
    assert page.count('<li class="card"') == 48
    reasons = {card["facets"]["Stands out by"] for card in cards["cards"]}
    assert reasons == {"unexpected label", "far from the rest"}
    assert "unexpected label" in page
    assert "far from the rest" in page
