import torch

from imprint.lenses.leave_one_out.search.landscape import line_queries
from imprint.lenses.leave_one_out.study.lines import RecordLines, coordinates


def test_coordinates_keep_every_inner_product_and_line_points_are_on_their_lines():
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(6, 40, generator=random).double()
    directions = torch.randn(2, 3, 40, generator=random).double()
    lines = RecordLines(("random",) * 3, directions, torch.tensor([-1.0, 0.0, 1.0]).double())
    own, points = coordinates(inputs, lines)
    assert own.shape == (6, 12)
    assert points.shape == (2, 9, 12)
    plain = torch.cat([inputs, line_queries(inputs[:2], directions, lines.steps).flatten(0, 2)])
    mapped = torch.cat([own, points.flatten(0, 1)])
    torch.testing.assert_close(mapped @ mapped.T, plain @ plain.T)
