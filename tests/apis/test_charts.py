from visionllm.apis.charts import chart, chart_columns, table

ROWS = {'one': dict(AP=1.0, AP50=2.0), 'another': dict(AP=3.0, minutes=4.0)}


def test_missing_metrics_are_dashes():
    text = table(ROWS, {'one': dict(AP=44.6, other=1.0)})
    heading, one, another, label, paper = (line.split() for line in text.splitlines())
    assert heading == ['AP', 'AP50', 'minutes']
    assert (one, another) == (['one', '1.0', '2.0', '-'], ['another', '3.0', '-', '4.0'])
    assert (label, paper) == (['the', 'paper'], ['one', '44.6', '-', '-'])


def test_a_chart_is_an_image(tmp_path):
    chart(ROWS, None, tmp_path / 'rows.png')
    assert (tmp_path / 'rows.png').read_bytes()[1:4] == b'PNG'


def test_shared_metrics_are_drawn_and_the_papers_first():
    rows = dict(box=dict(AP=1.0), few=dict(mask_AP=2.0, mask_AP75=2.0, minutes=3.0),
                many=dict(mask_AP=3.0, mask_AP75=3.0, minutes=3.0))
    assert chart_columns(rows, dict(few=dict(mask_AP75=1.0))) == ['mask_AP75', 'mask_AP']
    assert chart_columns(dict(one=dict(AP=1.0)), {}) == ['AP']
