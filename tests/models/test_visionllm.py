import pytest
import torch
from mmdet.registry import MODELS

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, InstructionError, render_instruction
from visionllm.models.connectors import TokenGuidance

from ..conftest import load_config, sample_batch

TASK = TASKS['detection']


def instruction(names=SHAPES, tokens=None):
    return render_instruction(names, TASK.wordings[0], TASK.output_format, tokens)


def losses_of(model, batch):
    data = model.data_preprocessor(batch, training=True)
    return model.loss(data['inputs'], data['data_samples'])


OUTLINES = instruction().replace('(c, x1, y1, x2, y2)', '(c, x1, y1, ..., x8, y8)')
CAPTION = 'Describe the picture as (text). <image>'


def test_losses_reach_every_trained_parameter(tiny):
    tiny.zero_grad()
    for text in (instruction(), OUTLINES, CAPTION):
        sum(v for k, v in losses_of(tiny, sample_batch(text)).items() if 'loss' in k).backward()
    without = [n for n, p in tiny.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    tiny.zero_grad()


@pytest.mark.parametrize('names', [SHAPES, ('heart',), ('nothing that is there',)])
def test_loss_is_finite_for_any_class_set(tiny, names):
    losses = losses_of(tiny, sample_batch(instruction(names)))
    assert all(torch.isfinite(v).all() for v in losses.values())


@pytest.mark.parametrize('points', [4, 7, 64])
def test_outlines_of_any_number_of_points_are_trained(tiny, points):
    text = instruction().replace('(c, x1, y1, x2, y2)', f'(c, x1, y1, ..., x{points}, y{points})')
    losses = losses_of(tiny, sample_batch(text))
    assert all(torch.isfinite(v).all() for v in losses.values()) and losses['loss_loc'] > 0


def test_pictures_without_objects_train_too(tiny):
    losses = losses_of(tiny, sample_batch(instruction(), num_objects=0))
    assert losses['loss_cls'] > 0 and losses['loss_loc'] == 0


def test_more_objects_than_image_tokens_are_told_once(tiny, monkeypatch):
    lines = []
    monkeypatch.setattr('visionllm.models.visionllm.print_log', lambda text, *_, **__: lines.append(text))
    monkeypatch.setattr(tiny, '_told_of_too_many_objects', False)
    losses_of(tiny, sample_batch(instruction(), num_objects=3))
    assert not lines
    count = tiny.connector.query_embedding.num_embeddings
    for _ in range(2):
        losses_of(tiny, sample_batch(instruction(), num_objects=count + 1))
    assert len(lines) == 1 and f'{count} image tokens' in lines[0]


def test_a_batch_answers_like_its_pictures_alone(tiny):
    batch = tiny.test_step(sample_batch(instruction(), 3))
    for index in range(3):
        one = sample_batch(instruction(), 3)
        alone = tiny.test_step({k: v[index:index + 1] for k, v in one.items()})[0].pred_instances
        assert torch.allclose(alone.bboxes, batch[index].pred_instances.bboxes, atol=1e-2)
        assert torch.allclose(alone.scores, batch[index].pred_instances.scores, atol=1e-4)


def test_different_instructions_in_one_batch(tiny):
    batch = sample_batch(instruction(), 2)
    batch['data_samples'][1].set_metainfo(dict(instruction=instruction(('moon', 'star'), [9, 300])))
    first, second = (s.pred_instances for s in tiny.test_step(batch))
    assert set(second.labels.tolist()) <= {SHAPES.index('moon'), SHAPES.index('star')}
    assert len(set(first.labels.tolist())) > 2


def test_the_tuple_decides_how_many_points(tiny):
    result = tiny.test_step(sample_batch(OUTLINES, 1))[0].pred_instances
    assert result.points.shape[1:] == (8, 2)
    masks = result.masks.to_ndarray()
    assert masks.shape == (len(result), 128, 128) and masks.any()
    assert (result.bboxes[:, :2] <= result.bboxes[:, 2:]).all()


def test_pictures_without_objects_teach_outlines_nothing(tiny):
    losses = losses_of(tiny, sample_batch(OUTLINES, num_objects=0))
    assert losses['loss_mask'] == losses['loss_loc'] == 0 and torch.isfinite(losses['loss_cls'])


def test_a_sample_without_instruction_says_so(tiny):
    batch = sample_batch(instruction())
    batch['data_samples'][0].pop('instruction')
    with pytest.raises((InstructionError, AttributeError), match='instruction'):
        tiny.test_step(batch)


def test_checkpoints_hold_what_is_trained_and_nothing_else(tiny):
    names = set(tiny.state_dict())
    frozen = {n for n, p in tiny.llm.named_parameters(prefix='llm') if not p.requires_grad}
    assert frozen and not names & frozen
    trained = {n for n, p in tiny.named_parameters() if p.requires_grad}
    assert trained <= names
    assert not tiny.load_state_dict(tiny.state_dict(), strict=True).missing_keys


def test_remembered_instruction_is_forgotten_when_weights_change(tiny):
    batch = sample_batch(instruction(), 1)
    before = tiny.test_step(batch)[0].pred_instances.scores
    state = {k: v.clone() for k, v in tiny.state_dict().items()}
    changed = {k: v + 0.3 * torch.randn_like(v) if 'new_rows' in k else v for k, v in state.items()}
    tiny.load_state_dict(changed, strict=True)
    after = tiny.test_step(sample_batch(instruction(), 1))[0].pred_instances.scores
    assert before.shape != after.shape or not torch.allclose(before, after)
    tiny.load_state_dict(state, strict=True)
    again = tiny.test_step(sample_batch(instruction(), 1))[0].pred_instances.scores
    assert torch.allclose(before, again)


def test_tokens_are_guided_by_the_names_alone(tiny, monkeypatch):
    encoded = []
    guidance = TokenGuidance(tiny.connector.embed_dims, tiny.text_encoder.width, num_layers=1).eval()
    monkeypatch.setitem(tiny._modules, 'refiners', torch.nn.ModuleDict(dict(tiny.refiners, guidance=guidance)))
    encode = tiny.encode_text
    monkeypatch.setattr(tiny, 'encode_text', lambda texts: encoded.append(texts) or encode(texts))
    both = instruction(('star', 'heart'))
    for text in (both, CAPTION):
        tiny.test_step(sample_batch(text, 1))
    assert encoded == [[both], ['star, heart'], [CAPTION], [CAPTION]]


def test_without_a_text_encoder_the_sentence_moves_no_token():
    cfg = load_config('configs/visionllm/visionllm_tiny_scenes.py').model
    cfg.text_encoder = dict(type='NoTextEncoder')
    model = MODELS.build(cfg).eval()
    batches = [model.data_preprocessor(sample_batch(text, 1)) for text in (instruction(), instruction(('star', )))]
    with torch.no_grad():
        first, second = (model.extract_tokens(data['inputs'], data['data_samples'])[-1] for data in batches)
    assert torch.equal(first.embeddings, second.embeddings) and torch.equal(first.objectness, second.objectness)
