"""Points that have names: asked for in the tuple, answered in its order."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, OutputFormat, keypoint_format, parse_instruction
from visionllm.language.quantizer import probability_within
from visionllm.models.box_position_embedding import BOX_EMBEDDING_CHANNELS
from visionllm.models.heads import ProposalHead
from visionllm.models.heads.keypoint_branch import KeypointBranch
from visionllm.models.heads.location_losses import location_losses
from visionllm.models.loss_reduction import reduce_losses
from visionllm.visualization import Prediction, draw

from ..conftest import sample_batch
from .test_head import random_tokens
from .test_visionllm import losses_of

NAMES = ('top', 'left eye', 'tail')


def asking(names=NAMES):
    return parse_instruction(TASKS['keypoints'].write_instruction(SHAPES, points=names))


@pytest.fixture
def placing(tiny):
    """The tiny model, with places for named points that mean something."""
    model = copy.deepcopy(tiny)
    branch = KeypointBranch((8, 16), model.connector.embed_dims + BOX_EMBEDDING_CHANNELS, model.llm.width)
    torch.nn.init.normal_(branch.out_proj.weight, std=0.5)
    model.heads['tuples'].coordinates.location_prior.keypoint_branch = branch
    return model


def answer(model, names=NAMES, tokens=None):
    torch.manual_seed(0)
    with torch.no_grad():
        return model.heads['tuples'].predict(model.llm, [asking(names)] * 2, tokens or random_tokens())


def test_before_training_a_point_is_at_the_centre_of_its_box_and_never_on_an_outline(tiny, monkeypatch):
    monkeypatch.setattr(tiny.heads['tuples'].coordinates.scale, 'data', torch.zeros(2))
    tokens = random_tokens()
    tokens.contours = torch.rand(2, 20, 64, 2)
    for b, result in enumerate(answer(tiny, tokens=tokens)):
        centers = tokens.centers[b, result.tuples][:, None]
        assert torch.allclose(result.points, centers.expand(-1, 3, -1), atol=1e-3)
        assert torch.allclose(result.bboxes, bbox_cxcywh_to_xyxy(tokens.boxes[b, result.tuples]).clamp(0, 1))


def test_a_name_means_the_same_point_wherever_it_stands_and_whatever_stands_beside_it(placing):
    head, tokens = placing.heads['tuples'], random_tokens()

    def places(names):
        with torch.no_grad():
            _, done = head.decode_classes(placing.llm, [asking(names)] * 2, tokens)
            selected = torch.arange(20).expand(2, -1)
            points = head._points(placing.llm, keypoint_format(names), done, tokens, selected)['points']
            return dict(zip(names, points.unbind(2)))
    together = places(NAMES)
    for names in (NAMES[::-1], NAMES[1:], ('tail', 'something else')):
        for name, points in places(names).items():
            assert name not in NAMES or torch.allclose(points, together[name], atol=1e-4), name
    assert (together['top'] - together['tail']).abs().max() > 0.02, 'names tell points apart'


def test_a_samples_answer_has_keypoints_in_pixels_with_scores_and_no_masks(tiny):
    result = tiny.test_step(sample_batch(asking().text, 1))[0].pred_instances
    assert result.keypoints.shape == (len(result), 3, 2) and result.keypoints.max() > 2
    assert result.keypoint_scores.shape == (len(result), 3)
    assert (result.keypoint_scores >= 0).all() and (result.keypoint_scores <= 1 + 1e-6).all()
    assert 'masks' not in result


def test_a_sure_point_has_a_high_score():
    grid = torch.arange(1025.)
    sharp, wide = (-0.5 * ((grid - 500) / sigma)**2 for sigma in (3, 60))
    scores = probability_within(torch.stack([sharp, wide]), torch.full((2, ), 500.))
    assert scores[0] > 0.95 and scores[1] < 0.2


def test_what_nobody_labelled_teaches_nothing():
    logits = torch.randn(2, 6, 1025, requires_grad=True)
    points = torch.rand(2, 3, 2)
    points[0, 1] = points[1, 0] = points[1, 2] = torch.nan
    losses = reduce_losses(location_losses(logits, torch.rand(2, 2), points, keypoint_format(NAMES), 4.0, 1.0))
    (losses['loss_loc'] + losses['loss_box']).backward()
    taught = logits.grad.abs().sum(-1).unflatten(1, (3, 2)).sum(-1) > 0
    assert logits.grad.isfinite().all() and taught.tolist() == [[True, False, True], [False, True, False]]


def test_named_points_are_not_turned_as_outlines_are():
    centers, contour = torch.full((1, 2), 0.5), torch.rand(1, 5, 2) * 0.4 + 0.3
    bins = ((contour.roll(2, 1) - 0.5) * 512 + 512).flatten(1)
    logits = -0.5 * ((torch.arange(1025) - bins[..., None]) / 4)**2
    turned, named = (location_losses(logits, centers, contour, asked, 4.0, 1.0)['loss_loc'].value
                     for asked in (OutputFormat(5), keypoint_format('abcde')))
    assert named > turned + 1


def test_objects_without_a_known_point_learn_their_class_alone(tiny):
    batch = sample_batch(asking().text)
    for sample in batch['data_samples']:
        sample.gt_instances.points[:] = torch.nan
    losses = losses_of(tiny, batch)
    assert losses['loss_cls'] > 0 and losses['loss_loc'] == losses['loss_box'] == 0


def test_a_point_is_where_the_close_up_looks_like_its_name(placing, monkeypatch):
    """Whatever question the name becomes: one pixel answers it."""
    places, tokens = placing.heads['tuples'].coordinates.location_prior.keypoint_branch, random_tokens(1, 2)
    answering = torch.zeros(2, 64, 8, 8)
    answering[0, :, 1, 6] = answering[1, :, 7, 0] = 99.0
    monkeypatch.setattr(places.roi_features, 'forward', lambda maps: answering)
    monkeypatch.setattr(places.out_proj, 'forward', lambda asked: asked.new_ones(*asked.shape[:-1], 64))
    found = places(tokens, torch.randn(3, placing.llm.width))
    corner, sides = bbox_cxcywh_to_xyxy(tokens.boxes)[..., :2], tokens.boxes[..., 2:]
    pixel = torch.tensor([[6.5, 1.5], [0.5, 7.5]]) / 8
    assert torch.allclose(found, (corner + sides * pixel)[:, :, None].expand(-1, -1, 3, -1), atol=1e-5)


def test_without_a_second_look_there_are_no_close_ups(placing):
    with pytest.raises(ValueError, match='reads RoI crops, and this model takes none: add roi='):
        tokens = replace(random_tokens(), roi_crops=None)
        placing.heads['tuples'].coordinates.location_prior.keypoint_branch(tokens, torch.randn(3, placing.llm.width))


def test_losses_reach_the_named_places(placing):
    losses = losses_of(placing, sample_batch(asking().text))
    places = dict(placing.heads['tuples'].coordinates.location_prior.keypoint_branch.named_parameters())
    del places['log_spread']  # in boxes as small as an untrained tokenizer's it is a bin
    grads = torch.autograd.grad(losses['loss_loc'] + losses['loss_box'], list(places.values()))
    for name, grad in zip(places, grads):
        assert grad.isfinite().all() and grad.abs().max() > 0, name


def test_without_a_language_model_nobody_knows_a_name():
    head = ProposalHead(128, 0)
    assert head.supports(OutputFormat(2)) and head.supports(OutputFormat(17))
    assert not head.supports(keypoint_format(NAMES))


def test_named_points_are_drawn_as_dots():
    image = np.zeros((384, 384, 3), np.uint8)
    drawn = draw(Prediction('a.png', asking().text, image, ['star'], [0.9], [[100, 100, 300, 300]],
                        [[[120, 200], [200, 200], [280, 260]]]))
    assert all(drawn[y, x].any() for x, y in ((120, 200), (200, 200), (280, 260)))
    assert not drawn[200, 160].any(), 'no line joins them'
