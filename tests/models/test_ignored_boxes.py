"""Crowds and difficult objects are neither objects nor background."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, parse_instruction, render_instruction
from visionllm.models.heads.ignored_boxes import unmatched_on_ignored
from visionllm.models.samples import build_target
from visionllm.structures import ImageTokens, Target

TASK = TASKS['detection']
INSTRUCTION = parse_instruction(render_instruction(SHAPES, TASK.wordings[0], TASK.output_format))
OBJECT, DIFFICULT = [0.25, 0.25, 0.2, 0.2], [0.7, 0.7, 0.3, 0.3]


def sample_with(**metainfo):
    sample = DetDataSample(metainfo=dict(img_shape=(100, 200), text=('cat', 'dog'), **metainfo))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[0.0, 0, 20, 20]]), labels=torch.tensor([1]))
    sample.ignored_instances = InstanceData(bboxes=torch.tensor([[100.0, 50, 200, 100]]), labels=torch.tensor([0]))
    return sample


def test_a_target_has_the_ignored_boxes():
    target = build_target(sample_with())
    assert torch.allclose(target.ignored_boxes, torch.tensor([[0.75, 0.75, 0.5, 0.5]])) and len(target.boxes) == 1


def test_what_an_expression_does_not_refer_to_is_background():
    assert build_target(sample_with(expression='the dog')).ignored_boxes.shape == (0, 4)


def test_samples_without_ignored_objects():
    sample = sample_with()
    for empty in (InstanceData(), sample.ignored_instances[:0]):
        sample.ignored_instances = empty
        assert build_target(sample).ignored_boxes.shape == (0, 4)
    del sample.ignored_instances
    assert build_target(sample).ignored_boxes.shape == (0, 4)


unit = st.floats(0.05, 0.95)


@given(st.lists(st.tuples(unit, unit, unit, unit), min_size=1, max_size=8), st.tuples(unit, unit, unit, unit))
def test_a_token_on_an_ignored_object_has_at_least_half_of_its_box_there(tokens, ignored):
    boxes, place = torch.tensor([tokens]), torch.tensor([ignored])
    found = unmatched_on_ignored(boxes, [torch.zeros(0, dtype=torch.long)], [place])[0]
    for (x, y, w, h), on in zip(tokens, found.tolist()):
        sides = [min(a + s / 2, b + t / 2) - max(a - s / 2, b - t / 2)
                 for a, s, b, t in ((x, w, ignored[0], ignored[2]), (y, h, ignored[1], ignored[3]))]
        share = max(sides[0], 0) * max(sides[1], 0) / (w * h)
        assert on == (share >= 0.5) or abs(share - 0.5) < 1e-3
    matched = torch.arange(len(tokens))
    assert not unmatched_on_ignored(boxes, [matched], [place]).any()


def test_a_token_without_extent_lies_on_the_object_around_it():
    boxes = torch.tensor([[[0.7, 0.7, 0.0, 0.0], [0.1, 0.1, 0.0, 0.0]]])
    nothing = torch.zeros(0, dtype=torch.long)
    assert unmatched_on_ignored(boxes, [nothing], [torch.tensor([DIFFICULT])]).tolist() == [[True, False]]


def losses_and_gradients(tiny, ignored):
    """Losses of three tokens: on the object, on a difficult object, on nothing; and their gradients by token."""
    torch.manual_seed(0)
    embeddings = torch.randn(1, 3, 128, requires_grad=True)
    boxes = torch.tensor([[OBJECT, DIFFICULT, [0.75, 0.2, 0.1, 0.1]]])
    tokens = ImageTokens(embeddings, boxes, torch.zeros(1, 3))
    box = torch.tensor([OBJECT])
    corners = torch.tensor([[[0.15, 0.15], [0.35, 0.35]]])
    match = torch.tensor([0])
    target = Target(box, torch.tensor([2]), corners, torch.zeros(1, 0, 2), SHAPES,
                    ignored_boxes=torch.tensor(ignored).reshape(-1, 4), matches=(match, match))
    head = tiny.heads['tuples']
    gradients = {}
    losses = head.alignment_loss(tiny.llm, tokens, [target])
    losses |= head._tuple_loss(tiny.llm, [INSTRUCTION], tokens, [target])
    for name in ('loss_name', 'loss_cls'):
        gradients[name], = torch.autograd.grad(losses[name].total, embeddings, retain_graph=True)
    return losses, {name: gradient[0].abs().sum(-1) for name, gradient in gradients.items()}


def test_a_difficult_object_teaches_nothing(tiny, monkeypatch):
    monkeypatch.setattr(tiny.heads['tuples'], '_match', lambda *_: [(torch.tensor([0]), torch.tensor([0]))])
    losses, gradients = losses_and_gradients(tiny, [DIFFICULT])
    before, taught = losses_and_gradients(tiny, [])
    for name in ('loss_name', 'loss_cls'):
        assert gradients[name][1] == 0 and taught[name][1] > 0
        assert (gradients[name][[0, 2]] > 0).all()
        assert losses[name].total < before[name].total and losses[name].count == before[name].count
    assert losses['acc_name'].count == before['acc_name'].count == 1


def test_an_object_on_an_ignored_one_is_taught(tiny, monkeypatch):
    monkeypatch.setattr(tiny.heads['tuples'], '_match', lambda *_: [(torch.tensor([0]), torch.tensor([0]))])
    losses, gradients = losses_and_gradients(tiny, [OBJECT])
    before, _ = losses_and_gradients(tiny, [])
    assert torch.equal(losses['loss_cls'].total, before['loss_cls'].total) and gradients['loss_name'][0] > 0
