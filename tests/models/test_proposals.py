import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from visionllm.language import TASKS, render_instruction

from ..conftest import load_config, sample_batch


@pytest.fixture(scope='module')
def tokenizer():
    """The tokenizer of the nano size without a language model, random weights."""
    torch.manual_seed(0)
    cfg = load_config('configs/guided_detr/guided-detr_nano_scenes.py').model
    cfg.text_encoder.random_config = dict(num_hidden_layers=1, hidden_size=32, num_attention_heads=2,
                                          intermediate_size=64)
    return MODELS.build(cfg).eval()


def phrase(points: str = '(c, x1, y1, x2, y2)') -> str:
    return render_instruction(['the star'], TASKS['grounding'].wordings[0], TASKS['grounding'].output_format).replace(
        '(c, x1, y1, x2, y2)', points)


def test_without_a_language_model_the_tokenizer_answers_with_its_own_boxes(tokenizer):
    assert tokenizer.llm is None
    batch = sample_batch(phrase(), 2, names=('the star', ))
    data = tokenizer.data_preprocessor(sample_batch(phrase(), 2, names=('the star', )), training=False)
    with torch.no_grad():
        tokens = tokenizer.extract_tokens(data['inputs'], data['data_samples'])[-1]
    result = tokenizer.test_step(batch)[0].pred_instances
    own = bbox_cxcywh_to_xyxy(tokens.boxes[0]).clamp(0, 1)[result.tuples] * 128
    assert len(result) == 20 and torch.allclose(result.bboxes, own, atol=1e-3)
    assert (result.scores.diff() <= 0).all()


def test_outlines_too(tokenizer):
    result = tokenizer.test_step(sample_batch(phrase('(c, x1, y1, ..., x9, y9)'), 1, names=('the star', )))
    assert result[0].pred_instances.points.shape == (20, 9, 2)


def test_it_trains_on_its_own_loss(tokenizer):
    data = tokenizer.data_preprocessor(sample_batch(phrase(), 2, names=('the star', )), training=True)
    losses = tokenizer.loss(data['inputs'], data['data_samples'])
    assert losses['loss_objectness'] > 0 and losses['loss_contour'] > 0 and 'loss_cls' not in losses
