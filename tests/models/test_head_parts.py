"""The parts of the tuples' head, each without the others."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from visionllm.language import OutputFormat, keypoint_format, parse_instruction
from visionllm.language.quantizer import bins_to_offsets, expected_bin
from visionllm.models.heads import (
    ClassMapReader,
    LocationPrior,
    NameAlignment,
    ObjectnessPrior,
    ParallelCoordinates,
)
from visionllm.models.heads.query_embedding import QueryEmbedding
from visionllm.structures import ImageTokens

from .test_head import random_tokens

FIND = parse_instruction('Find {"star": <c3>, "ring": <c100>} as (c, x1, y1, x2, y2). <image>')
BOX, POLYGON = OutputFormat(2), OutputFormat(6)


def test_a_class_reader_reads_any_embeddings(tiny):
    reader = ClassMapReader(channels=16, llm_width=tiny.llm.width)
    embeddings = reader.embed(torch.randn(2, 5, 16))
    queries = tiny.llm.new_token_embeddings(['<cls>']).expand(2, 5, 1, -1)
    with torch.no_grad():
        logits, output = reader(tiny.llm, [FIND] * 2, embeddings, queries)
    assert logits.shape == (2, 5, 3) and output.coordinate_states.shape[2] == 0


def test_without_image_context_a_tuple_sees_its_own_token_alone(tiny):
    reader = ClassMapReader(channels=16, llm_width=tiny.llm.width, image_context=False)
    queries = tiny.llm.new_token_embeddings(['<cls>']).expand(1, 5, 1, -1)
    embeddings = torch.randn(1, 5, tiny.llm.width)
    changed = embeddings.clone()
    changed[:, 1:] += 1
    for context in (False, True):
        reader.image_context = context
        with torch.no_grad():
            one, other = (reader(tiny.llm, [FIND], each, queries)[0][0, 0] for each in (embeddings, changed))
        assert torch.allclose(one, other, atol=1e-5) is not context


def test_alignment_scores_a_name_above_all_others():
    alignment, names = NameAlignment(), torch.randn(4, 32)
    logits = alignment(names[None], names)
    assert logits.shape == (1, 4, 4) and torch.equal(logits[0].argmax(-1), torch.arange(4))
    assert torch.allclose(logits[0].diagonal(), torch.zeros(4), atol=1e-5) and (logits <= 1e-5).all()


def test_objectness_is_an_affine_function_of_the_tokenizers():
    prior, tokens = ObjectnessPrior(), random_tokens()
    assert torch.equal(prior(tokens)[..., 0], tokens.objectness)
    prior.affine.data = torch.tensor([2.0, 1.0])
    assert torch.equal(prior(tokens)[..., 0], 2 * tokens.objectness + 1)


@pytest.mark.parametrize('output_format', [BOX, POLYGON, keypoint_format(['top', 'tail'])], ids=str)
def test_a_location_prior_is_centered_on_the_tokenizers_own_points(tiny, output_format):
    tokens = random_tokens()
    prior = LocationPrior(channels=16, token_channels=128, llm_width=tiny.llm.width)
    logits, mask_scores = prior(tiny.llm, tokens, output_format)
    assert mask_scores is None and logits.shape == (2, 20, 2 * output_format.num_points, 1025)
    points = bins_to_offsets(expected_bin(logits)).unflatten(-1, (-1, 2)) + tokens.centers[:, :, None]
    if output_format.is_box:
        assert torch.allclose(points.flatten(2), bbox_cxcywh_to_xyxy(tokens.boxes), atol=2e-3)
    elif output_format.has_point_names:
        assert torch.allclose(points, tokens.centers[:, :, None].expand_as(points), atol=2e-3)
    else:
        assert ((points - tokens.centers[:, :, None]).abs() <= tokens.boxes[:, :, None, 2:] / 2 + 2e-3).all()


def test_a_prior_without_a_mask_branch_has_no_mask_parameters():
    sizes = dict(channels=188, token_channels=128, llm_width=64)
    assert not any('mask' in name for name in LocationPrior(**sizes).state_dict())
    branch = dict(type='MaskBranch', in_channels=(8, 16))
    assert any('mask' in name for name in LocationPrior(**sizes, mask_branch=branch).state_dict())


@pytest.mark.parametrize('prior', [None, dict(type='LocationPrior')], ids=['plain', 'prior'])
def test_coordinates_are_decoded_from_the_class_pass_of_any_head(tiny, prior):
    head, tokens = tiny.heads['tuples'], random_tokens()
    sizes = dict(channels=188, token_channels=128, llm_width=tiny.llm.width)
    coordinates = ParallelCoordinates(**sizes, location_prior=prior)
    assert coordinates.scale.tolist() == pytest.approx([0.0 if prior else 0.1, 0.1])
    with torch.no_grad():
        _, output = head.decode_classes(tiny.llm, [FIND] * 2, tokens)
        queries = QueryEmbedding(188, tiny.llm.width)
        logits, mask_scores = coordinates(tiny.llm, queries, BOX, output, torch.tensor([[3, 1], [0, 7]]))
    assert mask_scores is None and logits.shape == (2, 2, 4, 1025) and logits.isfinite().all()


def test_coordinate_losses_vanish_where_the_prior_is_right(tiny):
    tokens, index = random_tokens(), torch.arange(3)
    coordinates = ParallelCoordinates(188, 128, tiny.llm.width, location_prior=dict(type='LocationPrior'))
    corners = bbox_cxcywh_to_xyxy(tokens.boxes).unflatten(-1, (2, 2))
    matches = [(index, index)] * 2
    right = coordinates.prior_loss(tiny.llm, BOX, tokens, list(corners[:, :3]), matches)
    wrong = coordinates.prior_loss(tiny.llm, BOX, tokens, list(corners[:, :3].roll(1, 1)), matches)
    assert right['loss_box'].value < 0.1 < wrong['loss_box'].value
    assert right['loss_loc'].value < wrong['loss_loc'].value


def test_a_head_of_the_papers_parts_alone_has_their_parameters_alone(tiny):
    head = MODELS.build(dict(type='FormatQueryHead', token_channels=128, llm_width=tiny.llm.width,
                             class_reader=dict(type='ClassMapReader'), coordinates=dict(type='ParallelCoordinates')))
    assert {name.split('.')[0] for name in head.state_dict()} == {'class_reader', 'query_embedding', 'coordinates'}
    with torch.no_grad():
        results = head.predict(tiny.llm, [FIND] * 2, random_tokens())
    assert all(len(result) > 0 and result.bboxes.shape[1] == 4 for result in results)


def test_tokens_without_crops_are_refused_by_name(tiny):
    tokens = ImageTokens(torch.zeros(1, 2, 128), torch.rand(1, 2, 4), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="mask_branch reads RoI crops, and this model takes none: add roi=dict"):
        tiny.heads['tuples'].coordinates.location_prior(tiny.llm, tokens, POLYGON)
