"""What a caption says of things that the detector does not see."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from visionllm.models.heads.grounded_reranking import grounded_reranking
from visionllm.models.llms import Hypothesis
from visionllm.structures import ImageTokens

NAMES = ('cat', 'dog', 'hot dog', 'couch')


def tokens_that_see(*names: str) -> ImageTokens:
    logits = torch.full((1, 3, len(NAMES)), -9.0)
    for token, name in enumerate(names):
        logits[0, token, NAMES.index(name)] = 2.0
    return ImageTokens(torch.zeros(1, 3, 0), torch.full((1, 3, 4), 0.5), torch.zeros(1, 3), class_logits=logits,
                       class_names=NAMES)


def best(texts, tokens):
    (first, *_), = grounded_reranking([[Hypothesis(text, 0.5) for text in texts]], tokens)
    return first.text


def test_a_caption_that_names_what_nobody_detected_comes_last():
    texts = ['A dog on a couch.', 'Two dogs.', 'A cat on a sofa.']
    assert best(texts, tokens_that_see('cat', 'couch')) == 'A cat on a sofa.'  # a sofa is a couch
    assert best(texts, tokens_that_see('dog', 'couch')) == 'A dog on a couch.'
    assert best(texts, tokens_that_see()) == 'Two dogs.'  # one wrong name in place of two


def test_a_hot_dog_is_no_dog():
    assert best(['A dog.', 'A man with hot dogs.'], tokens_that_see('hot dog')) == 'A man with hot dogs.'


@given(st.lists(st.sampled_from(['A field.', 'Some grass.', 'A cat.', 'Nobody']), min_size=1))
def test_the_search_decides_among_those_that_are_borne_out(texts):
    tokens = tokens_that_see('cat')
    found = [Hypothesis(text, 1 / (1 + rank)) for rank, text in enumerate(texts)]
    assert grounded_reranking([found], tokens) == [found]
    tokens.class_logits = None  # not a published detector
    assert grounded_reranking([found], tokens) == [found]
