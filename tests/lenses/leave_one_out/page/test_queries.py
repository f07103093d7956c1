from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import (
    AddedRecord,
    AdditionFindings,
    GroupFindings,
    GroupRow,
    InfluentialRecords,
    QueryFindings,
    QueryStudyFindings,
    RecordPair,
    RecordPairFindings,
    StrongestRecords,
)
from imprint.lenses.leave_one_out.page.queries import (
    MAX_QUERIES,
    build,
    query_blocks,
    query_table,
    show_queries,
)
from imprint.report.blocks import draw_blocks

GROUPS = GroupFindings(1, (GroupRow("7", 3, 1.5, 1.0, 0.9, 0.1, 0.2, 0.5),))
ADDED = AdditionFindings(1, (AddedRecord(0, "cat", "dog", 0.25, 0.7, 0.1),))
PAIRS = RecordPairFindings(2, ("kl_out_in",), (RecordPair(8, 9, 0.5),))


def queries(count, **more):
    most = StrongestRecords(tuple(range(count)), (0.5,) * count)
    return QueryFindings(count, ("kl_out_in",), most, **more)


def test_influential_records_stand_with_their_influence():
    ends = {"raise": InfluentialRecords((4,), (0.5,)), "lower": InfluentialRecords((), ())}
    table = query_table(queries(1, labels=("cat",), influential=(ends,)))
    assert table.rows == [[0, 0, 0.5, "cat", "4 (0.5)", "–"]]


def test_of_many_queries_the_first_are_shown():
    many = queries(MAX_QUERIES + 5)
    assert len(query_table(many).rows) == MAX_QUERIES
    page = draw_blocks(query_blocks(QueryStudyFindings(queries=many)))
    assert "25 queries of every model with one record less, the first 20 of them" in page


def test_every_kind_of_query_has_a_part_and_a_table():
    findings = QueryStudyFindings(groups=GROUPS, additions=ADDED, among_records=PAIRS)
    page = draw_blocks(query_blocks(findings))
    for part in ("groups", "additions", "among"):
        assert f'id="leave-one-out-{part}"' in page
    tables = [table.records()[0] for table in show_queries(findings)]
    assert [table["kl_out_in"] for table in tables] == [1.5, 0.25, 0.5]


def test_missing_queries_say_why():
    findings = QueryStudyFindings(queries=Missing("queries need the whole inverse"))
    page = draw_blocks(query_blocks(findings))
    assert "No queries: queries need the whole inverse." in page


def test_a_fit_shows_its_queries_itself(tmp_path):
    lens = {"kernel": {"name": "fc"}, "queries": {}}
    assert build(tmp_path, {"lenses": {"leave_one_out": lens}}) is None
    assert build(tmp_path, {"lenses": {}}) is None
