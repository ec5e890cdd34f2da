"""Two ways of showing an image to the language model, composed by a config."""

import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from visionllm.language import parse_instruction
from visionllm.models.prompts import ProjectedPrompt
from visionllm.models.samples import build_target

from ..conftest import load_config, sample_batch
from .test_head import random_tokens
from .test_visionllm import losses_of

CAPTION = parse_instruction('Describe the picture as (text). <image>')
TINY = 'configs/visionllm/visionllm_tiny_scenes.py'


@pytest.fixture(scope='module')
def projected():
    """The tiny model with a projector in the place of symbols."""
    torch.manual_seed(0)
    init_default_scope('mmdet')
    cfg = load_config(TINY).model
    cfg.heads.text.image_prompt = dict(type='ProjectedPrompt')
    return MODELS.build(cfg).eval()


def test_a_token_is_one_position(projected):
    prompt, tokens = projected.heads['text'].image_prompt, random_tokens(2)
    images = prompt(projected.llm, [CAPTION] * 2, tokens)
    assert [image.shape for image in images] == [(20, projected.llm.width)] * 2
    assert not torch.allclose(images[0], images[1])
    assert isinstance(prompt, ProjectedPrompt) and prompt.alignment_loss(projected.llm, tokens, []) == {}


def test_a_config_with_a_projector_trains_and_answers(projected):
    model = copy.deepcopy(projected).train()
    losses = losses_of(model, sample_batch(CAPTION.text))
    assert 'loss_text' in losses and 'loss_word' not in losses
    losses['loss_text'].backward()
    projector = model.heads['text'].image_prompt.projector
    for parameter in projector.parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0
    answered = projected.test_step(sample_batch(CAPTION.text, 1))[0]
    assert isinstance(answered.pred_text, str)


def test_the_text_loss_teaches_a_projector_to_tell_images_apart(projected):
    model = copy.deepcopy(projected).train()
    head, tokens = model.heads['text'], random_tokens(2)
    targets = [build_target(sample) for sample in sample_batch(CAPTION.text)['data_samples']]
    targets[0].turns, targets[1].turns = ('star', ), ('ring', )
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-2)

    def loss(images):
        return head.loss(model.llm, [CAPTION] * 2, tokens[images], targets)['loss_text'].value
    for _ in range(30):
        optimizer.zero_grad()
        loss([0, 1]).backward()
        optimizer.step()
    with torch.no_grad():
        assert loss([0, 1]) < loss([1, 0]) - 0.1, 'the other image makes the answer less likely'


def test_the_two_prompts_have_no_parameter_in_common(projected, tiny):
    names = [{name for name in model.state_dict() if 'image_prompt' in name} for model in (projected, tiny)]
    assert names[0] and names[1] and not names[0] & names[1]
