from contextlib import contextmanager

import pytest
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, OutputFormat, parse_instruction, render_instruction
from visionllm.models.fusion import block_layout
from visionllm.models.heads import AutoregressiveCoordinates, ParallelCoordinates
from visionllm.models.heads.name_alignment import sharpen
from visionllm.models.heads.sampling import pad_indices, sample_tuples
from visionllm.models.loss_reduction import reduce_losses
from visionllm.models.matching import matched_one_hot
from visionllm.structures import ImageTokens, RoICrops, Target
from visionllm.structures.contours import align_start

from ..conftest import sample_batch

TASK = TASKS['detection']
INSTRUCTION = parse_instruction(render_instruction(SHAPES, TASK.wordings[0], TASK.output_format))


def random_tokens(batch=2, count=20):
    boxes = torch.cat([torch.rand(batch, count, 2) * 0.5 + 0.25, torch.rand(batch, count, 2) * 0.3 + 0.05], -1)
    maps = [torch.randn(batch, count, channels, side, side) for channels, side in ((8, 8), (16, 4))]
    roi_crops = RoICrops(maps, boxes, torch.randn(batch, count, 3, 16, 16))
    return ImageTokens(torch.randn(batch, count, 128), boxes, torch.randn(batch, count), roi_crops=roi_crops)


def test_before_training_a_box_is_the_tokenizers_own(tiny):
    tokens = random_tokens()
    with torch.no_grad():
        results = tiny.heads['tuples'].predict(tiny.llm, [INSTRUCTION] * 2, tokens)
    for b, result in enumerate(results):
        own = bbox_cxcywh_to_xyxy(tokens.boxes[b]).clamp(0, 1)[result.tuples]
        assert len(result) > 0 and torch.allclose(result.bboxes, own, atol=2e-3)


def test_tokens_that_are_points_alone_are_scored(tiny):
    """A tokenizer without box refinement, as in the paper, gives tokens without extent."""
    tokens = random_tokens()
    tokens.boxes[..., 2:] = 0
    with torch.no_grad():
        results = tiny.heads['tuples'].predict(tiny.llm, [INSTRUCTION] * 2, tokens)
    assert all(result.scores.min() > 0 and len(result) == 100 for result in results)


def test_sampled_tuples_stand_for_all():
    tokens = random_tokens()
    on_objects = [torch.tensor([3, 7, 11]), torch.tensor([], dtype=torch.long)]
    sampled, weight = sample_tuples(tokens, on_objects, 8)
    assert sampled.objectness.shape == (2, 8)
    assert torch.allclose(weight.sum(1), torch.tensor([20., 20.]))
    for index in on_objects[0]:
        assert (sampled.embeddings[0] == tokens.embeddings[0, index]).all(-1).any()


def test_a_token_should_be_near_the_name_of_its_object(tiny, monkeypatch):
    tokens, names = random_tokens(1, 3), list(SHAPES)
    with torch.no_grad():
        words = tiny.llm.embed_names([names[2], names[0], names[5]])[None]

    def loss(labels):
        monkeypatch.setattr(tiny.heads['tuples'].class_reader, 'embed', lambda _: words)
        with torch.no_grad():
            pairs = [(torch.tensor([0, 2]), torch.tensor([0, 1]))]
            wanted = matched_one_hot(pairs, [torch.tensor(labels)], 3, len(names))
            return reduce_losses(tiny.heads['tuples'].name_loss(tiny.llm, names, tokens, wanted))
    right, wrong = loss([2, 5]), loss([5, 2])
    assert right['acc_name'] == 100 and wrong['acc_name'] == 0
    assert right['loss_name'] < wrong['loss_name']
    near = tiny.heads['tuples'].alignment(words, tiny.llm.embed_names(names))
    assert torch.allclose(near[0, [0, 2], [2, 5]], torch.zeros(2), atol=1e-5) and (near <= 1e-5).all()


def test_a_word_to_be_read_is_what_the_token_most_likely_is():
    opinion = torch.tensor([[0.3, 0.2, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    sharp = sharpen(opinion)
    assert torch.allclose(sharp.sum(-1), torch.tensor([1.0, 0.0, 1.0]))
    assert 0.8 < sharp[0, 0] < 0.9 and torch.equal(sharp[2], opinion[2])


def test_scores_are_probabilities_over_the_named_classes_and_none(tiny):
    with torch.no_grad():
        logits, _ = tiny.heads['tuples'].decode_classes(tiny.llm, [INSTRUCTION] * 2, random_tokens())
    assert logits.shape == (2, 20, len(SHAPES) + 1)
    assert (logits.softmax(-1)[..., :-1].sum(-1) <= 1).all()


def test_tuples_that_cannot_appear_are_not_decoded(tiny, monkeypatch):
    decoded = []
    original = ParallelCoordinates.forward

    def spy(self, llm, query_embedding, output_format, class_pass, selected):
        decoded.append(selected.shape[1])
        return original(self, llm, query_embedding, output_format, class_pass, selected)
    monkeypatch.setattr(ParallelCoordinates, 'forward', spy)
    monkeypatch.setattr(tiny.heads['tuples'], 'max_per_img', 3)
    with torch.no_grad():
        results = tiny.heads['tuples'].predict(tiny.llm, [INSTRUCTION] * 2, random_tokens())
    assert decoded and decoded[0] <= 3 and all(len(r) <= 3 for r in results)
    monkeypatch.setattr(tiny.heads['tuples'], 'score_thr', 2.0)
    with torch.no_grad():
        results = tiny.heads['tuples'].predict(tiny.llm, [INSTRUCTION] * 2, random_tokens())
    assert [len(r) for r in results] == [1, 1], 'the best guess'


@pytest.fixture
def mixed():
    """Instructions of other lengths and class sets; one begins with the picture, one asks for an outline."""
    return [parse_instruction(text) for text in (
        'Find {"star": <c3>, "ring": <c100>, "heart": <c9>} as (c, x1, y1, x2, y2). <image>',
        '<image> Is there {"large blue circle": <c511>}? Reply with (c, x1, y1, x2, y2), nothing else.',
        INSTRUCTION.text, 'Trace {"star": <c3>} as (c, x1, y1, x2, y2, x3, y3, x4, y4). <image>')]


@pytest.mark.parametrize('image_context', [False, True])
def test_instructions_answered_together_are_answered_as_if_each_were_alone(tiny, mixed, image_context, monkeypatch):
    head, tokens = tiny.heads['tuples'], random_tokens(4)
    monkeypatch.setattr(head.class_reader, 'image_context', image_context)
    with torch.no_grad():
        together = head.predict(tiny.llm, mixed, tokens)
        alone = [head.predict(tiny.llm, mixed[b:b + 1], tokens[b:b + 1])[0] for b in range(4)]
    for one, other, instruction in zip(together, alone, mixed):
        assert all(torch.equal(one[key], other[key]) for key in ('tuples', 'labels'))
        assert all(torch.allclose(one[key], other[key], atol=1e-5) for key in ('scores', 'points'))
        assert one.labels.max() < len(instruction.class_names)


def test_learning_from_instructions_together_is_learning_from_each(tiny, mixed, monkeypatch):
    head, tokens, mixed = tiny.heads['tuples'], random_tokens(3), mixed[:3]
    monkeypatch.setattr(head, 'train_tuples', None)
    on = torch.arange(1)
    names = ('star', 'large blue circle')
    targets = [Target(boxes[:1], torch.tensor([label]), torch.rand(1, 2, 2), torch.zeros(1, 0, 2), names,
                      names_are_classes=False, matches=(on, on)) for boxes, label in zip(tokens.boxes, (0, 1, 0))]

    def learned(groups):
        losses = [reduce_losses(head.loss(tiny.llm, [mixed[i] for i in group], tokens[group],
                                          [targets[i] for i in group])) for group in groups]
        total = sum(loss['loss_cls'] + loss['loss_loc'] + loss['loss_box'] for loss in losses) / len(groups)
        trained = [p for p in tiny.llm.parameters() if p.requires_grad]
        trained += [head.class_reader.scale, head.objectness.affine]
        return [total, *torch.autograd.grad(total, trained)]
    for one, other in zip(learned([[0, 1, 2]]), learned([[0], [1], [2]])):
        assert other.isfinite().all() and torch.allclose(one, other, atol=1e-4)


def test_what_is_answered_does_not_depend_on_how_many_tuples_are_read_at_once(tiny, monkeypatch):
    answers = []
    for at_once in (10**6, 20, 1):
        monkeypatch.setattr(block_layout, 'MAX_TOKENS_PER_PASS', at_once)
        torch.manual_seed(0)
        with torch.no_grad():
            answers.append(tiny.heads['tuples'].predict(tiny.llm, [INSTRUCTION] * 2, random_tokens()))
    for fewer in answers[1:]:
        assert all(torch.allclose(a.points, b.points, atol=1e-5) for a, b in zip(answers[0], fewer))


@contextmanager
def counted_passes(llm):
    """How often the language model is passed through, as a list that grows."""
    count = []
    hook = llm.decoder.register_forward_hook(lambda *_: count.append(1))
    yield count
    hook.remove()


@pytest.mark.parametrize('again', [False, True])
def test_what_is_answered_does_not_depend_on_how_many_passes_it_takes(tiny, mixed, monkeypatch, again):
    head, tokens = tiny.heads['tuples'], random_tokens(4)
    monkeypatch.setattr(head.coordinates.scale, 'data', torch.full((2, ), 0.1))  # at 0 there is no pass for boxes
    answers, passes = {}, {}
    for limit in (0, 10**6):
        monkeypatch.setitem(block_layout.MAX_COORDINATES_IN_CLASS_PASS, 'cpu', limit)
        tiny.eval()  # forget
        for _ in range(1 + again):
            with torch.no_grad(), counted_passes(tiny.llm) as count:
                answers[limit] = [head.predict(tiny.llm, some, tokens[:len(some)]) for some in (mixed[:2], mixed[2:3])]
            passes[limit] = len(count)
    for one, other in zip(sum(answers[0], []), sum(answers[10**6], [])):
        assert all(torch.equal(one[key], other[key]) for key in ('tuples', 'labels'))
        assert all(torch.allclose(one[key], other[key], atol=1e-5) for key in ('scores', 'points'))
    assert passes == {0: 4, 10**6: 2} if again else {0: 6, 10**6: 2}


def test_autoregressive_coordinates_are_conditioned_on_the_one_before(tiny, monkeypatch):
    head, tokens, selected = tiny.heads['tuples'], random_tokens(), torch.tensor([[3, 1], [0, 7]])
    monkeypatch.setattr(head.coordinates.scale, 'data', torch.ones(2))
    decoded = []
    for kind in (ParallelCoordinates, AutoregressiveCoordinates):
        with torch.no_grad():
            _, output = head.decode_classes(tiny.llm, [INSTRUCTION] * 2, tokens)
            decoded.append(kind.forward(head.coordinates, tiny.llm, head.query_embedding, INSTRUCTION.output_format,
                                        output, selected)[0])
    same = (decoded[0] - decoded[1]).abs().amax((0, 1, 3)) < 1e-3
    assert decoded[0].shape == decoded[1].shape and same.tolist() == [True, False, False, False]


def test_padding_a_selection():
    selected, real = pad_indices([torch.tensor([4, 2]), torch.tensor([], dtype=torch.long)])
    assert selected.tolist() == [[4, 2], [0, 0]] and real.tolist() == [[True, True], [False, False]]


def test_a_ring_may_start_anywhere():
    contour = torch.rand(3, 9, 2)
    decoded = torch.stack([contour[i].roll(shift, 0) for i, shift in enumerate((0, 4, 8))])
    assert torch.equal(align_start(contour, decoded), decoded)


def test_before_training_an_outline_is_the_ellipse_in_the_tokenizers_box(tiny):
    tokens = random_tokens()
    outline = parse_instruction(render_instruction(SHAPES, TASK.wordings[0], OutputFormat(32)))
    with torch.no_grad():
        result = tiny.heads['tuples'].predict(tiny.llm, [outline] * 2, tokens)[0]  # tokens without rings
    boxes = tokens.boxes[0][result.tuples]
    inside = ((boxes[:, :2] - boxes[:, 2:] / 2 > 0.06) & (boxes[:, :2] + boxes[:, 2:] / 2 < 0.94)).all(1)
    area = (result.bboxes[:, 2:] - result.bboxes[:, :2]).prod(1)
    assert inside.any() and torch.allclose(area[inside], boxes[inside, 2:].prod(1), rtol=0.1)


def test_before_training_an_outline_is_the_tokenizers_own(tiny):
    tokens = random_tokens()
    unit = torch.tensor([[0., -1.], [1., -1.], [1., 1.], [0., 1.], [-1., 1.], [-1., -1.]]).repeat_interleave(4, 0)
    unit[1::4, 0] += 0.5  # some points on the edges of a square
    tokens.contours = tokens.centers[:, :, None] + 0.05 * unit
    outline = parse_instruction(render_instruction(SHAPES, TASK.wordings[0], OutputFormat(6)))
    with torch.no_grad():
        result = tiny.heads['tuples'].predict(tiny.llm, [outline] * 2, tokens)[0]
    wide = torch.tensor([-0.05, -0.05, 0.05, 0.05])
    own = (tokens.centers[0].repeat(1, 2) + wide).clamp(0, 1)[result.tuples]
    assert torch.allclose(result.bboxes[:, [0, 1, 3]], own[:, [0, 1, 3]], atol=0.03)


def test_an_outline_scores_as_its_class_and_its_mask(tiny, monkeypatch):
    """The most likely class comes last where its mask is unsure; a box has the score of its class alone."""
    tokens, head = random_tokens(1, 4), tiny.heads['tuples']
    unsure = head.predict(tiny.llm, [INSTRUCTION], tokens)[0].tuples[0]
    probability = torch.full((1, 4, 8, 8), 0.9)
    probability[:, unsure] = 0.6
    branch = head.coordinates.location_prior.mask_branch
    monkeypatch.setattr(branch, 'forward', lambda own: probability.logit()[:, branch_order(tokens, own)])

    def answer(output_format):
        asked = parse_instruction(render_instruction(SHAPES, TASK.wordings[0], output_format))
        sample = sample_batch(asked.text)['data_samples'][0]
        head.add_pred_to_sample(sample, [asked], head.predict(tiny.llm, [asked], tokens), rescale=False)
        return sample.pred_instances

    boxes, outlines = answer(TASK.output_format), answer(OutputFormat(8))
    score = {(t, k): s for t, k, s in zip(boxes.tuples.tolist(), boxes.labels.tolist(), boxes.scores.tolist())}
    for t, k, s in zip(outlines.tuples.tolist(), outlines.labels.tolist(), outlines.scores.tolist()):
        assert s == pytest.approx(score[t, k] * (0.6 if t == unsure else 0.9), abs=1e-4)
    assert boxes.tuples[0] == unsure and len(boxes) == len(outlines)
    assert (outlines.scores.diff() <= 0).all() and (outlines.tuples != boxes.tuples).any()


def branch_order(tokens, selected):
    """Which of the tokens were selected: ``int[n]``, of tokens ``[1, M]`` and ``[1, n]``."""
    return (selected.boxes[0, :, None] == tokens.boxes[0]).all(-1).int().argmax(1)
