import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from visionllm.errors import ConfigError
from visionllm.language.conversation import CONVERSATIONS, find_conversation
from visionllm.language.vocabulary import Vocabulary

INSTRUCTION = '<image>\nIs there a star? Answer: (text, 92% sure)'


@pytest.mark.parametrize('name, opening, question', [
    ('lines', f'{INSTRUCTION}\n', '\nand a moon?\n'),
    ('plain', '<image>\n', '\nand a moon?\n'),
    ('v1', 'USER: <image>\nIs there a star? Answer: ASSISTANT:', 'USER: and a moon? ASSISTANT:'),
])
def test_each_template_has_the_image_once(name, opening, question):
    conversation = CONVERSATIONS[name]
    assert conversation.open(INSTRUCTION) == opening and opening.count('<image>') == 1
    assert conversation.ask('and a moon?') == question


def test_braces_in_what_is_said_stay():
    assert CONVERSATIONS['v1'].ask('{} and {0}') == 'USER: {} and {0} ASSISTANT:'


def test_a_text_starts_as_its_tokenizer_says():
    def vocabulary(*before):
        tokenizer = Tokenizer(WordLevel({'<s>': 0, '?': 1}, unk_token='?'))
        if before:
            tokenizer.post_processor = TemplateProcessing(single='<s> $A', special_tokens=[('<s>', 0)])
        return Vocabulary(PreTrainedTokenizerFast(tokenizer_object=tokenizer), 2)
    assert vocabulary('<s>').start == [0] and vocabulary().start == []
    assert vocabulary('<s>').encode('?') == [1]


def test_an_unknown_template_is_one_sentence():
    assert find_conversation('v1') is CONVERSATIONS['v1']
    with pytest.raises(ConfigError, match="no conversation 'v2'; the templates are lines, plain, v1"):
        find_conversation('v2')
