from visionllm.apis.report import chart, drawn, table

ROWS = {'one': dict(AP=1.0, AP50=2.0), 'another': dict(AP=3.0, minutes=4.0)}


def test_what_a_row_lacks_is_left_open():
    text = table(ROWS, {'one': dict(AP=44.6, other=1.0)})
    heading, one, another, label, paper = (line.split() for line in text.splitlines())
    assert heading == ['AP', 'AP50', 'minutes']
    assert (one, another) == (['one', '1.0', '2.0', '-'], ['another', '3.0', '-', '4.0'])
    assert (label, paper) == (['the', 'paper'], ['one', '44.6', '-', '-'])


def test_a_chart_is_a_picture(tmp_path):
    chart(ROWS, None, tmp_path / 'rows.png')
    assert (tmp_path / 'rows.png').read_bytes()[1:4] == b'PNG'


def test_what_rows_share_is_drawn_and_first_what_the_paper_has():
    rows = dict(box=dict(AP=1.0), few=dict(mask_AP=2.0, mask_AP75=2.0, minutes=3.0),
                many=dict(mask_AP=3.0, mask_AP75=3.0, minutes=3.0))
    assert drawn(rows, dict(few=dict(mask_AP75=1.0))) == ['mask_AP75', 'mask_AP']
    assert drawn(dict(one=dict(AP=1.0)), {}) == ['AP']
