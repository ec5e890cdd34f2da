import pytest
import torch
from mmdet.registry import MODELS

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
    tiny.init_cfg = dict(type='DeformableDETRPretrained', checkpoint=str(tmp_path / 'detr.pth'))
    tiny.init_weights()  # the whole road: mmengine's order would let the backbone undo what was loaded
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


def test_a_detr_of_another_size_is_refused(specialist, tiny, tmp_path):
    from visionllm.models import DeformableDETRPretrained
    state = specialist.state_dict()
    state['query_embedding.weight'] = torch.zeros(7, 256)
    torch.save(state, tmp_path / 'detr.pth')
    with pytest.raises(RuntimeError, match='query_embedding.weight.*expected'):
        DeformableDETRPretrained(str(tmp_path / 'detr.pth'))(tiny)


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
    from visionllm.models import DeformableDETRPretrained
    path = 'work_dirs/deformable-detr_nano_scenes/iter_1.pth'
    with pytest.raises(FileNotFoundError, match='tools/train.py configs/deformable_detr/deformable-detr_nano_scenes.p'):
        DeformableDETRPretrained(path)(tiny)
