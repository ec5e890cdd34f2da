import copy

import pytest
import torch
from torch import nn

from visionllm.datasets.scenes import SHAPES
from visionllm.engine.lesson import Lesson, knows_objects, weighted
from visionllm.engine.words import TeachWords, detected_names
from visionllm.language import TASKS, write_instruction
from visionllm.models.averages import averages
from visionllm.models.connectors import TokenGuidance
from visionllm.models.matching import true_names
from visionllm.structures import ImageTokens, Mean

from ..conftest import lesson_runner, sample_batch

TASK = TASKS['detection']
INSTRUCTION = write_instruction(SHAPES, TASK.wordings[0], TASK.output_format)


def random_tokens(batch=2, count=20):
    return ImageTokens(torch.randn(batch, count, 128), torch.rand(batch, count, 4) * 0.4 + 0.2,
                       torch.randn(batch, count))


def test_a_detectors_opinion_is_a_distribution_that_ranks_as_it_did():
    tokens, detector = random_tokens(), nn.Linear(128, len(SHAPES))
    with torch.no_grad():
        logits = detector(tokens.embeddings)
    names = detected_names(detector, tokens, list(SHAPES))
    assert torch.allclose(names.sum(-1), torch.ones(2, 20))
    assert torch.equal(names[..., :-1].argsort(-1), logits.argsort(-1))
    alone = (logits > 0).sum(-1) == 0
    assert (names[..., -1] > names[..., :-1].amax(-1))[alone].all()


def test_a_detector_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='10 classes.*80 prototypes'):
        detected_names(nn.Linear(128, 80), random_tokens(), list(SHAPES))


def test_tokens_learn_to_say_what_the_detector_said(tiny):
    """On tokens they were not taught on: nearness to the names takes over the class branches' order."""
    torch.manual_seed(0)
    head, names = copy.deepcopy(tiny.heads['tuples']), list(SHAPES)
    detector = nn.Linear(128, len(names))
    nn.init.normal_(detector.weight, std=0.3)
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3)
    seen = []
    for _ in range(120):
        tokens = random_tokens(8)
        losses = averages(head.name_loss(tiny.llm, names, tokens, detected_names(detector, tokens, names)))
        optimizer.zero_grad()
        losses['loss_name'].backward()
        optimizer.step()
        seen.append(losses['acc_name'])
    assert sum(seen[:5]) / 5 < 40 and sum(seen[-5:]) / 5 > 60, seen


def test_true_names_are_those_of_paired_objects():
    pairs = [(torch.tensor([3]), torch.tensor([1])), (torch.tensor([], dtype=torch.long),) * 2]
    target = true_names(pairs, [torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)], 20, 10)
    assert target.shape == (2, 20, 11) and target[0, 3, 2] == 1 and target[..., -1].sum() == 39


def lesson_of(model, expression=None, precision='OptimWrapper', **settings):
    batch = sample_batch(INSTRUCTION, names=SHAPES)
    if expression:
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(expression=expression))
    TeachWords(steps=2, **settings).before_train(lesson_runner(model, [batch, batch], precision))


def test_a_detector_has_no_opinion_of_the_second_look(tiny):
    with pytest.raises(ValueError, match='from_detector=False'):
        lesson_of(tiny, from_detector=True)


@pytest.mark.parametrize('from_detector', [False, True])
def test_the_lesson_trains_words_and_looking_alone(tiny, from_detector):
    model = copy.deepcopy(tiny)
    if from_detector:
        model.second_look = None
    before = {name: value.clone() for name, value in model.named_parameters()}
    lesson_of(model, from_detector=from_detector)
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith('heads.tuples.token_projector') for name in changed)
    looks = () if from_detector else ('connector.objectness_branches.', 'second_look.')  # the detector's stay
    assert all(name.startswith(('heads.', *looks)) for name in changed)
    assert from_detector or any(name.startswith(looks) for name in changed)
    then = dict(tiny.named_parameters())
    for name, now in model.named_parameters():
        assert now.requires_grad == then[name].requires_grad and now.grad is None, name


def test_a_lesson_is_taught_once(tiny, tmp_path, monkeypatch):
    cache = tmp_path / 'kept' / 'words.pth'
    taught, again = copy.deepcopy(tiny), copy.deepcopy(tiny)
    lesson_of(taught, cache=str(cache))
    with torch.no_grad():
        again.heads['tuples'].class_scale.fill_(0.7)  # what answering moves is this run's own
    monkeypatch.setattr(Lesson, '_teach', None)
    lesson_of(again, cache=str(cache))
    assert again.heads['tuples'].class_scale == torch.tensor(0.7)
    for name, value in taught.state_dict().items():
        if not name.endswith('tuples.class_scale'):
            assert torch.equal(again.state_dict()[name], value), name
    with pytest.raises(ValueError, match="taught with .*'lr': 0.002.* asks for .*'lr': 0.5"):
        lesson_of(again, cache=str(cache), lr=0.5)


def test_batches_whose_objects_are_not_known_are_passed_over():
    words, caption = (sample_batch(INSTRUCTION) for _ in range(2))
    del caption['data_samples'][0].gt_instances.bboxes
    assert [knows_objects(batch) for batch in (words, caption)] == [True, False]


def test_a_lesson_may_weigh_the_datasets_otherwise():
    loader = dict(batch_size=4, sampler=dict(type='MixtureSampler', weights=[1, 1]))
    assert weighted(loader, [0, 3], None)['sampler'] == dict(type='MixtureSampler', weights=[0, 3])
    larger = weighted(loader, None, 8)
    assert larger['batch_size'] == larger['sampler']['batch_size'] == 8 and larger['sampler']['weights'] == [1, 1]
    assert weighted(loader, None, None) is loader and loader['sampler']['weights'] == [1, 1]


def test_a_phrase_moves_no_word_and_not_what_is_meant(tiny):
    model = copy.deepcopy(tiny)
    model.token_guidance = TokenGuidance(model.connector.embed_dims, model.text_encoder.width, num_layers=1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    lesson_of(model, expression='the star')
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert not any(name.startswith('token_guidance.') for name in changed), 'it has its own lesson'
    assert not any(name.startswith('heads.') for name in changed)


def test_a_lesson_has_the_precision_of_the_training_after_it(tiny, monkeypatch):
    seen = []
    monkeypatch.setattr(TeachWords, 'losses', lambda self, model, batch: seen.append(
        torch.is_autocast_enabled('cpu')) or dict(loss=Mean(model.heads['tuples'].prior.sum(), 1)))
    lesson_of(copy.deepcopy(tiny))
    lesson_of(copy.deepcopy(tiny), precision='BFloat16OptimWrapper')
    assert seen == [False, False, True, True]
