import numpy as np

from tests.lenses.leave_one_out.study.query_refits import ask, at, kl, law


def test_records_at_one_another_are_what_refits_say(data, tmp_path):
    root, arrays = data
    x, y = arrays["x"], arrays["y"]
    told = ask(root, tmp_path / "out", "--among-records")["among_records"]
    folder = tmp_path / "out" / "leave_one_out" / "among_records"
    found, influence = (np.load(folder / f"{name}.npy") for name in ("kl_out_in", "influence"))
    within, own = law(x, y, x), (y == 3).astype(int)
    for gone in range(14):
        rest = np.delete(np.arange(14), gone)
        out = law(x[rest], y[rest], x)
        expected = [kl(at(out, q), at(within, q)) for q in range(14)]
        np.testing.assert_allclose(found[gone], expected, rtol=1e-7, atol=1e-12)
        shift = (within[0] - out[0])[np.arange(14), own]
        np.testing.assert_allclose(influence[gone], shift, atol=1e-12)
    beside = np.where(np.eye(14, dtype=bool), -1, found)
    first = told["most"][0]
    # Records 8 and 9 are copies of one another, in either order.
    assert {first["removed"], first["asked"]} == {8, 9}
    assert first["kl_out_in"] == beside.max() == beside[first["removed"], first["asked"]]
    assert len(told["most"]) == 20
