import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from visionllm.engine.pretraining import ProjectorAlignment
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.projector_alignment import names_of_tokens, place_embeddings
from visionllm.errors import ConfigError
from visionllm.models.samples import build_target

from ...conftest import load_config, sample_batch, stage_runner

TEXT = 'Describe the picture. <image> (text)'


@pytest.fixture(scope='module')
def llava():
    """The tiny LLaVA with a grid of 8 x 8 cells. Do not train it."""
    init_default_scope('mmdet')
    torch.manual_seed(0)
    cfg = load_config('configs/llava/llava_tiny_scenes.py').model
    cfg.connector.update(grid_size=8, image_size=128)
    return MODELS.build(cfg)


def test_cells_learn_the_names_of_what_lies_there(llava):
    model, batch = copy.deepcopy(llava), sample_batch(TEXT)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stage = ProjectorAlignment('words', steps=30, lr=3e-3, background='none')
    stage.run(stage_runner(model, [batch] * 30), StageProgress())
    losses = stage.losses(model, batch)
    assert losses['acc_word'].total / losses['acc_word'].count > 90
    assert losses['loss_distance'].total / losses['loss_distance'].count < 1
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if 'projector' in name}


def test_a_cell_has_the_smallest_object_around_its_center(llava):
    target = build_target(sample_batch(TEXT, 1)['data_samples'][0])
    target.boxes = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.2, 0.2], [0.9, 0.9, 0.01, 0.01]])
    boxes = torch.tensor([[[0.25, 0.25, 0.5, 0.5], [0.75, 0.25, 0.5, 0.5], [1.5, 0.5, 0, 0]]])
    layer = type('Tokens', (), dict(boxes=boxes, centers=boxes[..., :2]))
    _, (target.matches, ) = llava.connector.loss([layer], [target.boxes], [])
    assert [each.tolist() for each in target.matches] == [[0, 1], [1, 0]]
    names, labels = names_of_tokens([target], 3)
    found = [names[label] if label >= 0 else None for label in labels[0].tolist()]
    assert found == [target.names[target.labels[1]], target.names[target.labels[0]], None]
    empty = build_target(sample_batch(TEXT, 1, num_objects=0)['data_samples'][0])
    _, (empty.matches, ) = llava.connector.loss([layer], [empty.boxes], [])
    assert names_of_tokens([target, empty], 3)[1][1].tolist() == [-1, -1, -1]


def test_places_are_mixed_of_words(llava):
    boxes = torch.tensor([[0.5, 0.5, 0.1, 0.1], [0.0, 0.5, 0.1, 0.1], [1.0, 0.5, 0.1, 0.1]])
    middle, left, right = place_embeddings(llava.llm, boxes)
    words = llava.llm.embed_names([' left', ' right'])
    assert middle.abs().max() < 1e-6
    torch.testing.assert_close(right - left, words[1] - words[0])


def test_a_model_without_projector_is_one_sentence(tiny):
    with pytest.raises(ConfigError, match='ProjectedPrompt'):
        ProjectorAlignment('words', 1).check(tiny)
