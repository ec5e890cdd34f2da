import copy

import pytest
import torch
from torch import nn

from visionllm.datasets.scenes import SHAPES
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.stage import has_objects, stage_dataloader
from visionllm.engine.pretraining.token_word_alignment import TokenWordAlignment, detector_probabilities
from visionllm.errors import ConfigError
from visionllm.language import TASKS, render_instruction
from visionllm.models.connectors import TokenGuidance
from visionllm.models.loss_reduction import reduce_losses
from visionllm.models.matching import matched_one_hot
from visionllm.structures import ImageTokens, LossTerm

from ...conftest import sample_batch, stage_runner

TASK = TASKS['detection']
INSTRUCTION = render_instruction(SHAPES, TASK.wordings[0], TASK.output_format)


def random_tokens(batch=2, count=20):
    return ImageTokens(torch.randn(batch, count, 128), torch.rand(batch, count, 4) * 0.4 + 0.2,
                       torch.randn(batch, count))


def test_a_detectors_opinion_is_a_distribution_that_ranks_as_it_did():
    tokens, detector = random_tokens(), nn.Linear(128, len(SHAPES))
    with torch.no_grad():
        logits = detector(tokens.embeddings)
    names = detector_probabilities(detector, tokens, list(SHAPES))
    assert torch.allclose(names.sum(-1), torch.ones(2, 20))
    assert torch.equal(names[..., :-1].argsort(-1), logits.argsort(-1))
    alone = (logits > 0).sum(-1) == 0
    assert (names[..., -1] > names[..., :-1].amax(-1))[alone].all()


def test_a_detector_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='10 classes.*80 prototypes'):
        detector_probabilities(nn.Linear(128, 80), random_tokens(), list(SHAPES))


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
        losses = reduce_losses(head.name_loss(tiny.llm, names, tokens, detector_probabilities(detector, tokens, names)))
        optimizer.zero_grad()
        losses['loss_name'].backward()
        optimizer.step()
        seen.append(losses['acc_name'])
    assert sum(seen[:5]) / 5 < 40 and sum(seen[-5:]) / 5 > 60, seen


def test_true_names_are_those_of_paired_objects():
    pairs = [(torch.tensor([3]), torch.tensor([1])), (torch.tensor([], dtype=torch.long),) * 2]
    target = matched_one_hot(pairs, [torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)], 20, 10)
    assert target.shape == (2, 20, 11) and target[0, 3, 2] == 1 and target[..., -1].sum() == 39


def run_stage(model, expression=None, precision='OptimWrapper', **settings):
    batch = sample_batch(INSTRUCTION, names=SHAPES)
    if expression:
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(expression=expression))
    runner = stage_runner(model, [batch, batch], precision)
    TokenWordAlignment('words', steps=2, **settings).run(runner, StageProgress())


def test_a_detector_has_no_scores_for_roi_crops(tiny):
    with pytest.raises(ConfigError, match='from_detector=False'):
        run_stage(tiny, from_detector=True)


@pytest.mark.parametrize('from_detector', [False, True])
def test_only_what_is_between_tokenizer_and_language_model_is_trained(tiny, from_detector):
    model = copy.deepcopy(tiny)
    if from_detector:
        del model.refiners['roi']
    before = {name: value.clone() for name, value in model.named_parameters()}
    run_stage(model, from_detector=from_detector)
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert any(name.startswith('heads.tuples.class_reader.token_projector') for name in changed)
    others = () if from_detector else ('connector.objectness_branches.', 'refiners.roi.')  # the detector's are kept
    assert all(name.startswith(('heads.', *others)) for name in changed)
    assert from_detector or any(name.startswith(others) for name in changed)
    initial = dict(tiny.named_parameters())
    for name, now in model.named_parameters():
        assert now.requires_grad == initial[name].requires_grad and now.grad is None, name


def test_batches_without_annotated_objects_are_skipped():
    words, caption = (sample_batch(INSTRUCTION) for _ in range(2))
    del caption['data_samples'][0].gt_instances.bboxes
    assert [has_objects(batch) for batch in (words, caption)] == [True, False]


def test_a_stage_may_weight_the_datasets_and_size_its_batches_otherwise():
    loader = dict(batch_size=4, sampler=dict(type='MixtureSampler', weights=[1, 1]))

    def changed(**settings):
        return stage_dataloader(loader, TokenWordAlignment('words', steps=1, **settings))
    assert changed(dataset_weights=[0, 3])['sampler'] == dict(type='MixtureSampler', weights=[0, 3])
    larger = changed(batch_size=8)
    assert larger['batch_size'] == larger['sampler']['batch_size'] == 8 and larger['sampler']['weights'] == [1, 1]
    assert changed() is loader and loader['sampler']['weights'] == [1, 1]


def test_a_phrase_aligns_no_token_and_does_not_change_the_guidance(tiny):
    model = copy.deepcopy(tiny)
    model.refiners['guidance'] = TokenGuidance(model.connector.embed_dims, model.text_encoder.width, num_layers=1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    run_stage(model, expression='the star')
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert not any(name.startswith('refiners.guidance.') for name in changed), 'it has its own stage'
    assert not any(name.startswith('heads.') for name in changed)


def test_a_stage_has_the_precision_of_the_training_after_it(tiny, monkeypatch):
    autocast = []
    monkeypatch.setattr(TokenWordAlignment, 'losses', lambda self, model, batch: autocast.append(
        torch.is_autocast_enabled('cpu')) or dict(loss=LossTerm(model.heads['tuples'].objectness.affine.sum(), 1)))
    run_stage(copy.deepcopy(tiny))
    run_stage(copy.deepcopy(tiny), precision='BFloat16OptimWrapper')
    assert autocast == [False, False, True, True]
