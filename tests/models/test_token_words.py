import pytest
import torch

from visionllm.errors import ConfigError
from visionllm.models.box_position_embedding import BOX_EMBEDDING_CHANNELS
from visionllm.models.heads.token_words import UNUSED_LOGIT, TokenWords
from visionllm.structures import ImageTokens

NAMES = ('cat', 'dog', 'fire hydrant')
SENTENCE_ENCODER = dict(type='SentenceEncoder', source='wheel:all-minilm-l6-v2')


def detector_tokens(batch=2, count=5, classes=3, channels=8):
    class_logits = 4 * torch.randn(batch, count, classes)
    return ImageTokens(torch.randn(batch, count, channels), torch.rand(batch, count, 4), class_logits.logsumexp(-1),
                       class_logits=class_logits, class_names=NAMES[:classes])


def token_words(llm_width=16, learned_words=2):
    torch.manual_seed(0)
    return TokenWords(8 + BOX_EMBEDDING_CHANNELS, llm_width, num_classes=3, learned_words=learned_words)


def test_before_training_the_words_say_what_the_detector_says():
    tokens = detector_tokens()
    words = token_words()(tokens)
    assert words.shape == (2, 5, 5) and torch.equal(words[..., :3], tokens.class_logits)
    assert (words[..., 3:] == UNUSED_LOGIT).all()


def test_a_token_can_change_its_words_and_all_of_it_is_trained():
    words, tokens = token_words(), detector_tokens()
    torch.nn.init.normal_(words.mlp[-1].weight)
    changed = words(tokens)
    assert (changed[..., :3] != tokens.class_logits).all() and changed[..., 3:].std() > 0.1
    changed.square().sum().backward()
    without = {name for name, parameter in words.named_parameters() if parameter.grad is None}
    assert without == {'learned'}  # embeddings of words, which the language model reads


def test_without_learned_words_there_are_the_classes_alone():
    tokens = detector_tokens()
    assert torch.equal(token_words(learned_words=0)(tokens), tokens.class_logits)


def test_the_words_are_the_class_names_then_the_learned_ones(tiny):
    words = token_words(tiny.llm.width)
    embeddings = words.embed(tiny.llm, NAMES)
    assert torch.equal(embeddings[:3], tiny.llm.embed_names(list(NAMES)))
    assert torch.equal(embeddings[3:], words.learned)
    embeddings.sum().backward()
    assert words.learned.grad is not None


@pytest.mark.parametrize('classes', [0, 2])
def test_tokens_of_another_detector_are_explained(classes):
    tokens = detector_tokens(classes=max(classes, 1))
    tokens.class_logits = tokens.class_logits if classes else None
    with pytest.raises(ConfigError, match=f'scores for {classes} classes, and class_reader.num_classes is 3: set it'):
        token_words()(tokens)
