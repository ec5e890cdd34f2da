import pytest

from visionllm.language import parse_instruction
from visionllm.language.documents import fault_in_chunk_text, parse_chunk, render_document


def test_chunks_are_instructions_whose_tuple_is_not_read():
    shot, asked = render_document('<image>Question: how many? Answer: (text)', ['two'])
    assert shot == '<image>Question: how many? Answer: (text)two<|endofchunk|>'
    for text in (shot, asked):
        assert parse_instruction(text).output_format.is_text
    assert (parse_chunk(shot).text, parse_chunk(shot).is_open) == ('Question: how many? Answer: two', False)
    assert (parse_chunk(asked).text, parse_chunk(asked).is_open) == ('Question: how many? Answer: ', True)
    assert parse_chunk('Opening. ' + asked).before == 'Opening. '


@pytest.mark.parametrize('text, said', [('a <image> of', 'reserved'), ('the end<|endofchunk|>', 'reserved'),
                                        ('say (c, x1, y1, x2, y2)', 'tuple'), ('a dog (brown) <b>', None)])
def test_what_cannot_be_in_a_document(text, said):
    fault = fault_in_chunk_text(text)
    assert said in fault if said else fault is None
