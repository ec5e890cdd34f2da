"""How near the meanings of names and words are."""

import pytest
import torch
from mmdet.registry import MODELS

from visionllm.models.detectors.label_sets import COCO
from visionllm.models.heads import word_rows
from visionllm.models.heads.name_similarity import NameSimilarity
from visionllm.models.heads.word_rows import WordRows

WORDS = ('cat', 'dog', 'hot dog', 'sports ball', 'car', 'cup', 'tv')


@pytest.fixture(scope='module')
def similarity():
    return NameSimilarity(MODELS.build(dict(type='SentenceEncoder', source='wheel:all-minilm-l6-v2')))


@pytest.mark.parametrize(('name', 'word'), [('kitten', 'cat'), ('puppy', 'dog'), ('sports car', 'car'), ('mug', 'cup'),
                                            ('television', 'tv'), ('basketball', 'sports ball')])
def test_the_nearest_word_is_what_is_meant(similarity, name, word):
    with torch.no_grad():
        found = similarity(WORDS, [[name]])[0, :, 0]
    assert WORDS[found.argmax()] == word


def test_it_is_the_weighted_cosine_of_each_pair(similarity):
    with torch.no_grad():
        found = similarity(['cat', 'dog'], [['kitten', 'car', 'bus'], ['dog']])
        cosines = 10 * similarity.embed(['cat', 'dog']) @ similarity.embed(['kitten', 'car', 'bus']).T
        behind = cosines.amax(0) - cosines
        expected = similarity.weight * (cosines - similarity.offset) - similarity.competition * behind
    assert found.shape == (2, 2, 3)
    assert torch.allclose(found[0], expected, atol=1e-4)
    assert found[1, 1, 0].item() == pytest.approx((similarity.weight * (10 - similarity.offset)).item(), abs=1e-4)


@pytest.mark.parametrize('spell', [str, str.title, str.upper])
def test_a_name_that_is_a_word_itself_means_no_other_word(similarity, spell):
    with torch.no_grad():
        found = similarity(COCO, [[spell(name) for name in COCO]])[0]
    assert (found.diag() > 0).all()  # of a name and the word that it is
    others = found[~torch.eye(len(COCO), dtype=torch.bool)]
    assert others.max() < -3  # a probability of 0.05, if the language model is undecided


def test_embeddings_do_not_depend_on_what_they_are_computed_with(similarity):
    encoder = similarity.encoder
    together = encoder(['cat', 'a very long name of a thing that nobody has seen'])
    assert torch.allclose(together[:1], encoder(['cat']), atol=1e-5)
    assert torch.allclose(together.norm(dim=-1), torch.ones(2), atol=1e-5)


def test_checkpoints_hold_its_three_numbers_alone(similarity):
    similarity.embed(['cat'])
    assert similarity.state_dict().keys() == {'weight', 'offset', 'competition'}
    assert not similarity.load_state_dict(similarity.state_dict()).missing_keys
    assert not any(parameter.requires_grad for parameter in similarity.encoder.bert.parameters())


def test_the_words_that_were_used_last_are_remembered(monkeypatch):
    monkeypatch.setattr(word_rows, 'MAX_CACHED_WORDS', 2)
    rows, new = WordRows(), []

    def asked(*words):
        new.clear()
        found = rows.get_or_compute(words, lambda some: new.extend(some) or torch.tensor([[len(w)] for w in some]))
        assert found.tolist() == [[len(word)] for word in words]
        return list(new)
    assert asked('cat', 'mouse') == ['cat', 'mouse'] and asked('cat', 'bus') == ['bus']
    assert asked('cat', 'bus') == [] and asked('mouse') == ['mouse'] and asked('bus', 'car', 'cat') == ['car', 'cat']
