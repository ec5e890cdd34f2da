"""A class set that is asked for in groups."""

import pytest
import torch
from mmengine.structures import InstanceData

from visionllm.datasets import LVIS_NAMES
from visionllm.datasets.scenes import SHAPES
from visionllm.language import TASKS, InstructionError
from visionllm.models.heads.postprocess import merge_groups

from ..conftest import sample_batch

DETECTION = TASKS['detection']


def answer_of(logits):
    """An answer with all tokens' scores, ``logits[M, K + 1]``."""
    tokens, classes = logits.shape[0], logits.shape[1] - 1
    scores = logits.softmax(-1)[:, :-1].flatten()
    return InstanceData(scores=scores, labels=torch.arange(classes).repeat(tokens),
                        tuples=torch.arange(tokens).repeat_interleave(classes))


def test_scores_are_those_of_one_softmax_over_all_names():
    logits = 3 * torch.randn(6, 11)
    answers = [answer_of(torch.cat([group, logits[:, -1:]], 1)) for group in logits[:, :-1].split([4, 1, 5], 1)]
    together = merge_groups(answers, [4, 1, 5], None)
    expected = logits.softmax(-1)[:, :-1]
    assert torch.allclose(together.scores, expected[together.tuples, together.labels], atol=1e-3)
    assert len(together) == 60 and (together.scores.diff() <= 0).all()
    assert torch.equal(merge_groups(answers, [4, 1, 5], 7).scores, together.scores[:7])


def test_two_groups_that_are_both_sure_share_a_token():
    sure = InstanceData(scores=torch.ones(1), labels=torch.zeros(1, dtype=torch.long), tuples=torch.tensor([2]))
    assert merge_groups([sure, sure.clone()], [3, 3], None).scores.tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def asked(*instructions, names=SHAPES):
    """A batch with an instruction of one sentence or of several for each picture."""
    batch = sample_batch(DETECTION.write_instruction(SHAPES), len(instructions))
    for sample, instruction in zip(batch['data_samples'], instructions):
        sample.set_metainfo(dict(instruction=instruction, text=names))
    return batch


def test_a_thousand_names_are_one_answer_and_the_picture_is_seen_once(tiny, monkeypatch):
    seen = []
    monkeypatch.setattr(tiny, 'extract_feat', lambda pixels, run=tiny.extract_feat: seen.append(pixels) or run(pixels))
    orders = DETECTION.write_instructions(LVIS_NAMES)
    sample, other = tiny.test_step(asked(orders, orders, names=LVIS_NAMES))
    assert len(orders) == 16 and len(seen) == 1 and sample.instruction == orders
    result = sample.pred_instances
    assert len(result) == 100 == len(other.pred_instances) and (result.scores.diff() <= 0).all()
    assert len({label // 76 for label in result.labels.tolist()}) > 8
    assert (torch.zeros(20).index_add(0, result.tuples, result.scores) <= 1 + 1e-5).all()


def test_samples_with_one_sentence_and_with_several_share_a_batch(tiny):
    instructions = DETECTION.write_instructions(SHAPES, max_names=4), DETECTION.write_instruction(SHAPES)
    together = tiny.test_step(asked(*instructions))
    for index in range(2):
        batch = {key: value[index:index + 1] for key, value in asked(*instructions).items()}
        alone, shared = tiny.test_step(batch)[0].pred_instances, together[index].pred_instances
        assert torch.allclose(alone.scores, shared.scores, atol=1e-4) and torch.equal(alone.labels, shared.labels)


@pytest.mark.parametrize('sentences, reason', [
    ((DETECTION.write_instruction(['star']), DETECTION.write_instruction(['star', 'moon'])), 'names star twice'),
    ((DETECTION.write_instruction(['star']), TASKS['segmentation'].write_instruction(['moon'])),
     'must name one output tuple'),
])
def test_sentences_that_do_not_belong_together_are_refused(tiny, sentences, reason):
    with pytest.raises(InstructionError, match=reason):
        tiny.test_step(asked(sentences))


def test_several_sentences_are_not_learned_from(tiny):
    data = tiny.data_preprocessor(asked(DETECTION.write_instructions(SHAPES, max_names=4)), training=True)
    with pytest.raises(InstructionError, match='3 sentences.*instruction_collate'):
        tiny.loss(data['inputs'], data['data_samples'])


def test_what_nobody_looked_for_is_no_mistake(tiny):
    def class_loss(**meta):
        torch.manual_seed(0)
        batch = asked(DETECTION.write_instruction(SHAPES))
        batch['data_samples'][0].set_metainfo(meta)
        data = tiny.data_preprocessor(batch, training=True)
        losses = tiny.loss(data['inputs'], data['data_samples'])
        return float(losses['loss_cls']), float(losses['loss_name'])
    known, half, unknown = (class_loss(verified_names=names) for names in (SHAPES, SHAPES[:5], ()))
    assert known == class_loss()
    assert all(most > less > least > 0 for most, less, least in zip(known, half, unknown))
