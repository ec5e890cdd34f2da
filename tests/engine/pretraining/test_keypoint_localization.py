import copy
from dataclasses import replace

import pytest
import torch

from visionllm.engine.pretraining import keypoint_localization
from visionllm.engine.pretraining.keypoint_localization import KeypointLocalization
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.roi_branch import matched_tokens
from visionllm.errors import ConfigError
from visionllm.models.box_position_embedding import BOX_EMBEDDING_CHANNELS
from visionllm.models.heads import KeypointBranch

from ...conftest import sample_batch, stage_runner

MARK = 'Mark all {"star": <c3>, "heart": <c5>} as (c, "top left", "middle", "bottom right"). <image>'


@pytest.fixture
def model(tiny):
    model = copy.deepcopy(tiny)
    channels = model.connector.embed_dims + BOX_EMBEDDING_CHANNELS
    prior = model.heads['tuples'].coordinates.location_prior
    prior.keypoint_branch = KeypointBranch((8, 16), channels, model.llm.width)
    return model


def test_the_keypoint_branch_alone_is_trained(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    KeypointLocalization('keypoints', steps=2).run(stage_runner(model, [sample_batch(MARK)] * 2), StageProgress())
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all('.keypoint_branch.' in name for name in changed)


def test_points_approach_the_target(model, monkeypatch):
    refiner = model.refiners['roi']
    refine = refiner.forward

    def at_objects(model, data, targets):
        def refine_at_objects(tokens, images, pixel_mask):  # where an untrained tokenizer has no boxes
            boxes = torch.stack([target.boxes[target.matches[1]] for target in targets])
            return refine(replace(tokens, boxes=boxes), images, pixel_mask)

        monkeypatch.setattr(refiner, 'forward', refine_at_objects)
        return matched_tokens(model, data, targets)

    monkeypatch.setattr(keypoint_localization, 'matched_tokens', at_objects)
    stage, batch = KeypointLocalization('keypoints', steps=24, lr=3e-3), sample_batch(MARK)

    def loss():
        return float(stage.losses(model.train(), copy.deepcopy(batch))['loss_box'].value)

    before = loss()
    stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(24)]), StageProgress())
    assert loss() < 0.9 * before


def test_images_may_hold_different_numbers_of_objects(model):
    batch = sample_batch(MARK)
    batch['data_samples'][0].gt_instances = batch['data_samples'][0].gt_instances[:0]
    losses = KeypointLocalization('keypoints', steps=1).losses(model, batch)
    assert torch.isfinite(losses['loss_box'].value)


def test_a_model_without_a_keypoint_branch_is_told_how_to_get_one(tiny):
    with pytest.raises(ConfigError, match='set keypoint_branch in model.heads.tuples.coordinates.location_prior'):
        runner = stage_runner(copy.deepcopy(tiny), [sample_batch(MARK)])
        KeypointLocalization('keypoints', steps=1).run(runner, StageProgress())
