import pytest

from visionllm.datasets.instruct import instruction_collate
from visionllm.language import parse_instruction

from ..conftest import sample_batch


def collated(**settings):
    """Instructions of ten batches."""
    texts = []
    for _ in range(10):
        batch = sample_batch('Find {"star": <c3>} as (c, x1, y1, ..., x5, y5). <image>')
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(task='segmentation'))
        items = [dict(inputs=i, data_samples=s) for i, s in zip(*batch.values())]
        texts.append(instruction_collate(items, **settings)['data_samples'][0].instruction)
    return texts


def test_without_vary_all_instructions_are_the_same():
    assert len(set(collated(vary=()))) == 1


@pytest.mark.parametrize(('vary', 'part'), [
    ('wording', lambda text: text.split('{')[0]), ('classes', lambda text: parse_instruction(text).class_tokens),
    ('format', lambda text: parse_instruction(text).output_format)])
def test_each_part_varies_by_itself(vary, part):
    assert len({part(text) for text in collated(vary=(vary, ))}) > 1
    others = tuple({'wording', 'classes', 'format'} - {vary})
    assert len({part(text) for text in collated(vary=others)}) == 1
