import copy

import pytest
import torch
from mmdet.registry import MODELS

from visionllm.models import TokenizerPretrained
from visionllm.models.samples import build_target
from visionllm.structures import ImageTokens, TextFeatures

from ..conftest import load_config, sample_batch


@pytest.fixture(scope='module')
def specialist():
    torch.manual_seed(1)
    model = MODELS.build(load_config('configs/deformable_detr/deformable-detr_nano_scenes.py').model)
    model.init_weights()  # mmdet leaves some parameters as the memory had them until then
    return model.eval()


def test_a_trained_deformable_detr_fits_and_gives_the_same_boxes(specialist, tiny, tmp_path):
    torch.save(dict(state_dict=specialist.state_dict()), tmp_path / 'detr.pth')
    state = {k: v.clone() for k, v in tiny.state_dict().items()}
    tiny.init_cfg = dict(type='TokenizerPretrained', checkpoint=str(tmp_path / 'detr.pth'))
    tiny.init_weights()  # not the loading alone: mmengine's order would let the backbone undo what was loaded
    tiny.init_cfg = None
    batch = specialist.data_preprocessor(sample_batch('(c, x1, y1, x2, y2)'), training=False)
    with torch.no_grad():
        inside = specialist.forward_transformer(specialist.extract_feat(batch['inputs']), batch['data_samples'])
        _, boxes = specialist.bbox_head(inside['hidden_states'], inside['references'])
        features = tiny.extract_feat(batch['inputs'])
        nothing = TextFeatures(torch.zeros(2, 0, 32), torch.zeros(2, 0, dtype=torch.bool))
        layers = tiny.connector(features, torch.ones(2, 128, 128, dtype=torch.bool), nothing)
    tiny.load_state_dict(state)
    for ours, theirs in zip(layers, boxes):
        assert torch.allclose(ours.boxes, theirs, atol=1e-5)


def test_without_a_decoder_tokens_are_averages_of_a_grid():
    config = load_config('configs/visionllm/visionllm_tiny_scenes.py').model.connector
    config.update(decoder=None, num_queries=6)
    connector = MODELS.build({**config, 'text_width': 32})
    connector.init_weights()
    connector.encoder.forward = lambda query, **_: query
    maps = [torch.zeros(1, 128, side, side) for side in (16, 8, 4, 2)]
    maps[0][:, :, :8, 10:] = 1.0  # the upper right cell of two rows and three columns, but for its first columns
    nothing = TextFeatures(torch.zeros(1, 0, 32), torch.zeros(1, 0, dtype=torch.bool))
    pixel_mask = torch.ones(1, 128, 128, dtype=torch.bool)
    tokens = connector(maps, pixel_mask, nothing)[-1]
    assert tokens.embeddings.shape == (1, 6, 128) and tokens.boxes.shape == (1, 6, 4)
    assert tokens.embeddings[0, :, 0].tolist() == pytest.approx([0, 1 / 3, 1, 0, 0, 0], abs=0.2)
    pixel_mask[..., 64:] = False  # what is padding does not count
    assert connector(maps, pixel_mask, nothing)[-1].embeddings[0, 2].tolist() == [0] * 128


def test_a_detr_of_another_size_is_refused(specialist, tiny, tmp_path):
    state = specialist.state_dict()
    state['query_embedding.weight'] = torch.zeros(7, 256)
    torch.save(state, tmp_path / 'detr.pth')
    with pytest.raises(RuntimeError, match=r'connector: query_embedding.weight is \(7, 256\) and should be'):
        TokenizerPretrained(str(tmp_path / 'detr.pth'))(tiny)


def test_a_tokenizer_trained_alone_is_taken_with_its_guidance_and_outlines(tiny, tmp_path):
    state = {name: tensor + 1 for name, tensor in tiny.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'guided.pth')
    model = copy.deepcopy(tiny)
    TokenizerPretrained(str(tmp_path / 'guided.pth'))(model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name]) == name.startswith(('backbone.', 'neck.', 'connector.')), name


def test_guidance_starts_as_the_identity_and_then_matters(tiny):
    guidance = tiny.connector.guidance[0]
    pixels = torch.randn(2, 9, 128)
    text = TextFeatures(torch.randn(2, 5, 32), torch.ones(2, 5, dtype=torch.bool))
    assert torch.equal(guidance(pixels, text), pixels)
    torch.nn.init.ones_(guidance.attention.out_proj.bias)
    assert not torch.equal(guidance(pixels, text), pixels)
    torch.nn.init.zeros_(guidance.attention.out_proj.bias)


def test_tokens_check_themselves():
    with pytest.raises(ValueError, match='need boxes'):
        ImageTokens(torch.zeros(2, 5, 8), torch.zeros(2, 4, 4), torch.zeros(2, 5))


def test_a_tokenizer_not_trained_yet_names_the_command_that_trains_it(tiny):
    path = 'work_dirs/deformable-detr_nano_scenes/iter_1.pth'
    with pytest.raises(FileNotFoundError, match='tools/train.py configs/deformable_detr/deformable-detr_nano_scenes.p'):
        TokenizerPretrained(path)(tiny)


def test_outlines_start_as_ellipses_and_learn_the_objects(tiny):
    """A few steps of the ring branch alone: the outlines of two diamonds take shape."""
    model = copy.deepcopy(tiny)
    batch = sample_batch('Find {"star": <c3>} as (c, x1, y1, x2, y2). <image>', num_objects=1)
    data = model.data_preprocessor(batch, training=True)
    targets = [build_target(sample) for sample in data['data_samples']]
    boxes, contours = [t.boxes for t in targets], [t.contours for t in targets]
    with torch.no_grad():
        tokens = model.extract_tokens(data['inputs'], data['data_samples'])[-1]
    offsets = (tokens.contours - tokens.centers[:, :, None]) / tokens.boxes[:, :, None, 2:] * 2
    assert tokens.contours.shape[2:] == (64, 2) and torch.allclose(offsets.norm(dim=-1), torch.ones(1), atol=1e-3)
    optimizer = torch.optim.Adam(model.connector.contour_branch.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        tokens.contours = model.connector._contours(tokens.embeddings, tokens.boxes)
        losses.append(model.connector.loss([tokens], boxes, contours)[0]['loss_contour'].value)
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0], losses


def test_where_outlines_are_not_known_none_are_learned(tiny):
    data = tiny.data_preprocessor(sample_batch('Find {"star": <c3>} as (c, x1, y1, x2, y2). <image>'), training=True)
    for sample in data['data_samples']:
        del sample.gt_instances.contours
    losses = tiny.loss(data['inputs'], data['data_samples'])
    assert 'loss_contour' not in losses and losses['loss_objectness'] > 0
