"""Golden values are from pycocoevalcap 1.2: its BLEU and CIDEr scorers, and its PTBTokenizer (Java)."""

import hashlib
import json
import random
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.evaluator import Evaluator

from visionllm.evaluation import CaptionMetric, bleu, cider, tokenize_caption

AS_PTB = {
    "A dog's T-shirt, isn't it?": "a dog 's t-shirt is n't it",
    "I can't and won't; they're here, we've gone.": "i ca n't and wo n't they 're here we 've gone",
    "The boys' bats are by the '50s diner at 5 o'clock.": "the boys bats are by the '50s diner at 5 o'clock",
    'A man cannot surf. He is gonna fall!': 'a man can not surf he is gon na fall',
    'A red, white & blue half-eaten hot dog -- with mustard...': 'a red white & blue half-eaten hot dog with mustard',
    'A (small) bird in a [wire] cage': 'a -lrb- small -rrb- bird in a -lsb- wire -rsb- cage',
    'a skating/skiing man w/ 2 poles at 2:30 p.m. on St. James Ave.':
    'a skating/skiing man w / 2 poles at 2:30 p.m. on st. james ave.',
    'A "STOP" sign says \'no\' to cars.A man waits': 'a stop sign says no to cars.a man waits',
    '“Don’t walk,” says the sign – again…': "do n't walk says the sign again",
    'Plate no. 5, the no. of dogs.': 'plate no. 5 the no of dogs',
    'Look at seat B. The man is on it.': 'look at seat b the man is on it',
    'Two cats etc. on a double-decker bus, wow!!': 'two cats etc. on a double-decker bus wow !!',
    '#1 and #dog: 50% off $5.00 pizza': '# 1 and #dog 50 % off $ 5.00 pizza',
    "rock 'n' roll for y'all, ma'am; hors d'oeuvres too": "rock 'n' roll for y' all ma'am hors d'oeuvres too",
    '1,000 birds + 1/2 of a 3-D kite': '1,000 birds + 1/2 of a 3-d kite',
    'the U.S. flag; a T.V. set': 'the u.s. flag a t.v. set',
    ' .. \n ': '',
}
WORDS = 'a the dog cat red ball on grass runs two'.split()
captions = st.lists(st.sampled_from(WORDS), max_size=9)
worlds = st.lists(st.tuples(captions, st.lists(captions, min_size=1, max_size=4)), min_size=2, max_size=6)


@pytest.mark.parametrize('caption', AS_PTB)
def test_tokens_are_those_of_ptb_tokenizer(caption):
    assert ' '.join(tokenize_caption(caption)) == AS_PTB[caption]


@pytest.mark.parametrize('split, words', [
    ('train', '47b1c8d7c6ae1747c95f8c0012a3139db77f32d4c7813e63858914c73236c486'),
    ('val', 'fa4fa880b58d684cbc3f6d7d20731128c25a5a011f3c6432062c70a169f52aba'),
])
def test_tokens_of_real_captions_are_those_of_ptb_tokenizer(data, split, words):
    lines = [' '.join(tokenize_caption(text)) for texts in coco_captions(data, split) for text in texts]
    assert hashlib.sha256('\n'.join(lines).encode()).hexdigest() == words


@given(st.text(alphabet=st.sampled_from('aT.,\'’-!/&"(1 \n'), max_size=30))
def test_no_letter_is_lost_and_no_word_holds_a_space(text):
    words = tokenize_caption(text)
    assert all(word == word.lower() and not word.isspace() and ' ' not in word for word in words)
    kept = [c for word in words if not word.endswith('rb-') for c in word if c.isalnum()]
    assert kept == [c for c in text.lower() if c.isalnum()]


@pytest.mark.parametrize('piece', ["a'", 'a-', '1.', 'a.', 'a/', "n't", '!', "it's ", 'cannot '])
def test_a_long_caption_takes_linear_time(piece):
    begin = time.process_time()
    tokenize_caption(piece * 20_000)
    assert time.process_time() - begin < 3  # 0.1 s; were it quadratic, minutes


def coco_captions(data, split: str) -> list[list[str]]:
    """Captions of ``coco-mini`` by image."""
    by_image: dict[int, list[str]] = {}
    for record in json.loads((data / f'coco-mini/annotations/captions_{split}2017.json').read_text())['annotations']:
        by_image.setdefault(record['image_id'], []).append(record['caption'])
    return list(by_image.values())


def random_captions(seed: int, num_images: int):
    rng = random.Random(seed)
    candidates = [rng.choices(WORDS, k=rng.randint(0, 12)) for _ in range(num_images)]
    references = [[rng.choices(WORDS, k=rng.randint(1, 12)) for _ in range(rng.randint(1, 5))]
                  for _ in range(num_images)]
    return candidates, references


@pytest.mark.parametrize('seed, num_images, scores', [
    (0, 1, [56.43211497, 43.7121283, 34.32315223, 0.00581185, 0.0]),
    (0, 3, [83.33333332, 43.03314828, 31.36786762, 0.00527046, 31.15736495]),
    (1, 40, [65.78947368, 33.89255222, 9.04952151, 0.00087574, 65.25144762]),
    (2, 40, [55.98432534, 22.84132076, 8.50300416, 0.0008175, 57.99602105]),
])
def test_scores_of_random_captions_are_the_references(seed, num_images, scores):
    world = random_captions(seed, num_images)
    assert [*bleu(*world), cider(*world)] == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize('split, shift, scores', [
    ('val', 0, [65.7598499, 46.8187462, 31.9622339, 21.4863751, 107.9680453]),
    ('val', 1, [28.8930582, 10.0843440, 2.2729635, 0.0001979, 3.3359551]),
    ('train', 0, [64.9963154, 43.1196916, 28.4595388, 18.7635544, 94.1856303]),
])
def test_scores_of_real_captions_are_the_references(data, split, shift, scores):
    """The first caption of each image (or of another image) against its other captions."""
    world = [[tokenize_caption(text) for text in texts] for texts in coco_captions(data, split)]
    first = [texts[0] for texts in world]
    others = [texts[1:] for texts in world]
    found = [*bleu(first[shift:] + first[:shift], others), cider(first[shift:] + first[:shift], others)]
    assert found == pytest.approx(scores, abs=1e-6)


def test_a_published_example_has_its_published_scores(data):
    gold = data / 'captions-gold'
    candidates, one, other = ([tokenize_caption(line) for line in (gold / f'{name}.txt').read_text().splitlines()]
                        for name in ('hyp', 'ref1', 'ref2'))
    published = json.loads((gold / 'expected.json').read_text())
    references = list(zip(one, other))
    assert bleu(candidates, references) == pytest.approx([100 * published[f'Bleu_{n}'] for n in (1, 2, 3, 4)], abs=1e-4)
    assert cider(candidates, references) == pytest.approx(100 * published['CIDEr'], abs=1e-4)


@given(worlds, st.randoms())
def test_order_does_not_matter(world, rng):
    shuffled = [(candidate, rng.sample(texts, len(texts))) for candidate, texts in rng.sample(world, len(world))]
    assert bleu(*zip(*shuffled)) == pytest.approx(bleu(*zip(*world)))
    assert cider(*zip(*shuffled)) == pytest.approx(cider(*zip(*world)))


@given(worlds)
def test_nothing_is_better_than_a_reference(world):
    best = [(max(texts, key=len), texts) for _, texts in world]  # a shorter one lacks the longer n-grams
    assert all(0 <= score <= top + 1e-6 for score, top in zip(bleu(*zip(*world)), bleu(*zip(*best))))
    alone = [(texts[0], texts[:1]) for _, texts in world]
    single = [(candidate, texts[:1]) for candidate, texts in world]
    assert 0 <= cider(*zip(*single)) <= cider(*zip(*alone)) + 1e-9 <= 1000 + 1e-6


def test_perfect_and_empty_captions():
    texts = ['a red ball on grass'.split(), 'two dog runs on the cat'.split()]
    references = [[text] for text in texts]
    assert bleu(texts, references) == pytest.approx([100] * 4) and cider(texts, references) == pytest.approx(1000)
    assert bleu([[], []], references) == [0] * 4 and cider([[], []], references) == 0
    half = [texts[0], []]
    assert cider(half, references) == pytest.approx(500)  # an empty caption counts in the mean
    assert bleu(half, references)[0] == pytest.approx(100 * 2.718281828**(1 - 11 / 5))  # and in the brevity penalty


@pytest.mark.parametrize('score', [bleu, cider])
def test_bad_inputs_raise_an_error(score):
    with pytest.raises(ValueError, match='There is no caption to evaluate.'):
        score([], [])
    with pytest.raises(ValueError, match='2 captions cannot be compared with the references of 1 images'):
        score([['a'], ['b']], [[['a']]])
    with pytest.raises(ValueError, match='1 of 2 images have no reference caption, the first at index 1'):
        score([['a'], ['b']], [[['a']], []])


def sample_of(img_id, pred_text, captions) -> DetDataSample:
    sample = DetDataSample(metainfo=dict(img_id=img_id, captions=captions))
    sample.set_field(pred_text, 'pred_text', dtype=str)
    return sample


def evaluate(samples: list, batch: int = 2, object_names: tuple = ()) -> dict:
    evaluator = Evaluator([dict(type='CaptionMetric', object_names=object_names)])
    for start in range(0, len(samples), batch):
        evaluator.process(samples[start:start + batch])
    return evaluator.evaluate(len(samples))


def test_the_metric_reads_data_samples(data):
    texts = coco_captions(data, 'val')
    samples = [sample_of(i, text, references) for i, (text, *references) in enumerate(texts)]
    scores = evaluate(samples, batch=7)
    assert scores == evaluate(samples, batch=1)
    assert scores['caption/BLEU-4'] == pytest.approx(21.4863751, abs=1e-6)
    assert scores['caption/CIDEr'] == pytest.approx(107.9680453, abs=1e-6)
    assert scores['caption/empty'] == 0


def test_the_metric_counts_empty_captions():
    samples = [sample_of(5, 'A red ball on grass.', ['a red ball on grass']),
               sample_of(6, ' ... ', ['Two dogs run by.']),
               sample_of(7, '', ['the cat', '.'])]
    scores = evaluate(samples)
    assert scores['caption/empty'] == 2 and scores['caption/CIDEr'] == pytest.approx(1000 / 3)
    assert set(scores) == {f'caption/{name}' for name in ('BLEU-1', 'BLEU-2', 'BLEU-3', 'BLEU-4', 'CIDEr', 'empty')}


def test_the_metric_raises_errors_for_bad_samples():
    with pytest.raises(ValueError, match='There is no caption to evaluate.'):
        evaluate([])
    for captions in ([], ['.']):
        with pytest.raises(ValueError, match='Image 3 has no reference caption with a word in it'):
            evaluate([sample_of(3, 'a', captions)])
    with pytest.raises(ValueError, match='Image 3 was captioned 2 times; the data set must give each image once'):
        evaluate([sample_of(i, 'a', ['a']) for i in (3, 4, 3)])
    with pytest.raises(ValueError, match='Image 3 has None as its pred_text where a string is expected'):
        evaluate([DetDataSample(metainfo=dict(img_id=3, captions=['a']))])


def test_a_caption_is_faithful_if_the_references_mention_all_its_objects():
    references = ['a red star and two blue crosses', 'two blue crosses and a red star']
    candidates = ['A red star.', 'two blue crosses', 'a blue star', 'red things', 'a red star and a blue star']
    samples = [sample_of(i, text, references) for i, text in enumerate(candidates)]
    assert evaluate(samples, object_names=('red star', 'blue star', 'blue cross'))['caption/faithful'] == 60


def test_a_class_that_is_named_and_not_there_is_hallucinated():
    def sample(img_id, caption, *labels):
        return dict(img_id=img_id, pred_text=caption, captions=['a dog'], text=labels,
                    gt_instances=dict(labels=torch.arange(len(labels))))
    samples = [sample(1, 'a dog and two bikes', 'bicycle', 'dog'), sample(2, 'a man rides a bike', 'dog'),
               sample(3, 'a field of grass'), sample(4, 'two dogs', 'dog')]
    metric = CaptionMetric()
    metric.process({}, samples)
    assert metric.compute_metrics(metric.results)['hallucinated'] == 25
    metric = CaptionMetric()
    metric.process({}, [{**samples[0], 'gt_instances': {}}])
    assert 'hallucinated' not in metric.compute_metrics(metric.results)
