"""The classes of a detector's tokens, by way of words."""

import pytest
import torch
import torch.nn.functional as F

from visionllm.language import parse_instruction
from visionllm.models.box_position_embedding import BOX_EMBEDDING_CHANNELS
from visionllm.models.heads.class_pass import ClassPassOutput
from visionllm.models.heads.vocabulary_reader import VocabularyReader

from .test_token_words import NAMES, SENTENCE_ENCODER, detector_tokens

TWO = parse_instruction('Find {"star": <c3>, "ring": <c100>} as (c, x1, y1, x2, y2). <image>')
FOUR = parse_instruction('Find {"cat": <c3>, "car": <c9>, "dog": <c1>, "heart": <c4>} as (c, x1, y1, x2, y2). <image>')


@pytest.fixture
def reader(tiny):
    torch.manual_seed(0)
    return VocabularyReader(8 + BOX_EMBEDDING_CHANNELS, tiny.llm.width, num_classes=3,
                            vocab_size=tiny.llm.output.weight.shape[0],
                            sentence_encoder=SENTENCE_ENCODER, learned_words=2).eval()


def reading(monkeypatch, reader, table):
    """Let what the language model says of the words be ``float[B, V, K + 1]`` probabilities."""
    monkeypatch.setattr(reader, 'read_words', lambda *_: (table.log(), None))


def classify(reader, llm, instructions, tokens):
    return reader.classify(llm, instructions, tokens, None, llm.new_token_embeddings(['<cls>']))


def test_who_reads_perfectly_gives_the_detectors_own_scores(reader, monkeypatch):
    tokens = detector_tokens()
    identity = torch.eye(4)[[0, 1, 2, 3, 3]].expand(2, -1, -1)  # the three names, and learned words of no class
    reading(monkeypatch, reader, identity)
    logits, _ = reader.classify(None, [], tokens, None, None)
    assert logits.shape == (2, 5, 4) and (logits[..., 3] == 0).all()
    assert torch.allclose(reader.scores(logits), tokens.class_logits.sigmoid(), atol=1e-6)


def test_the_order_of_classes_and_what_is_not_asked(reader, monkeypatch):
    tokens = detector_tokens()
    reading(monkeypatch, reader, torch.tensor([[0., 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1]]).expand(2, 5, 3))
    scores = reader.scores(reader.classify(None, [], tokens, None, None)[0])
    assert torch.allclose(scores, tokens.class_logits[..., [2, 0]].sigmoid(), atol=1e-6)


def test_the_law_of_total_probability(reader, monkeypatch):
    tokens = detector_tokens()
    torch.nn.init.normal_(reader.words.mlp[-1].weight, std=0.1)
    reader.calibration.data = torch.tensor([0.8, -0.3])
    table = torch.rand(2, 5, 4).softmax(-1)
    reading(monkeypatch, reader, table)
    logits, _ = reader.classify(None, [], tokens, None, None)
    words = reader.words(tokens)
    for b in range(2):
        for token in range(5):
            for name in range(3):
                score = sum(words[b, token, word].sigmoid() * table[b, word, name] for word in range(5))
                expected = 0.8 * score.clamp_max(1 - 1e-6).logit() - 0.3
                assert logits[b, token, name].item() == pytest.approx(expected.item(), abs=1e-3)


def test_a_class_that_no_word_belongs_to_has_no_score(reader, monkeypatch):
    table = torch.tensor([0.0, 0.0, 1.0]).expand(2, 5, 3)
    reading(monkeypatch, reader, table)
    logits, _ = reader.classify(None, [], detector_tokens(), None, None)
    assert logits.isfinite().all() and reader.scores(logits).max() < 1e-20


def test_class_sets_of_different_lengths_are_read_in_one_batch(tiny, reader):
    tokens = detector_tokens()
    with torch.no_grad():
        together, output = classify(reader, tiny.llm, [TWO, FOUR], tokens)
        alone = [classify(reader, tiny.llm, [each], tokens[b:b + 1])[0] for b, each in enumerate((TWO, FOUR))]
    assert together.shape == (2, 5, 5) and isinstance(output, ClassPassOutput)
    assert torch.allclose(together[0, :, :2], alone[0][0, :, :2], atol=1e-3)
    assert torch.allclose(together[1], alone[1][0], atol=1e-3)
    assert reader.scores(together)[0, :, 2:].max() < 1e-20


def test_a_words_classes_and_none_sum_to_one(tiny, reader):
    with torch.no_grad():
        classes, output = reader.read_words(tiny.llm, [FOUR, TWO, FOUR], NAMES,
                                            tiny.llm.new_token_embeddings(['<cls>']))
    assert classes.shape == (3, 5, 5) and torch.equal(classes[0], classes[2])
    assert torch.allclose(classes.exp().sum(-1), torch.ones(3, 5), atol=1e-5)
    assert classes[1, :, 2:4].exp().max() < 1e-20 and len(output.shared_mask) == 3


def test_words_are_read_once_until_the_weights_may_change(tiny, reader):
    passes, tokens = [], detector_tokens()
    hook = tiny.llm.decoder.register_forward_hook(lambda *_: passes.append(1))
    try:
        with torch.no_grad():
            first, again = (classify(reader, tiny.llm, [TWO, TWO], tokens)[0] for _ in range(2))
            read = len(passes)
            assert read > 0 and torch.equal(first, again)
            other = classify(reader, tiny.llm, [TWO, TWO], detector_tokens())[0]  # other tokens, the same words
            assert len(passes) == read and not torch.equal(first, other)
            reader.train().eval()
            classify(reader, tiny.llm, [TWO, TWO], tokens)
        assert len(passes) > read
        read = len(passes)
        for _ in range(2):  # with gradients
            logits, _ = classify(reader, tiny.llm, [TWO, TWO], tokens)
        assert len(passes) >= read + 2 and logits.requires_grad
    finally:
        hook.remove()


def test_the_loss_is_the_binary_cross_entropy_of_each_class():
    logits, target = torch.randn(3, 5), torch.tensor([0, 3, 4])  # 4 is no object
    loss = VocabularyReader.token_loss(logits, target)
    probability = logits[:, :4].sigmoid()
    for row, label in enumerate(target):
        right = F.one_hot(label, 5)[:4].bool()
        by_hand = -torch.where(right, probability[row], 1 - probability[row]).log().sum()
        assert loss[row].item() == pytest.approx(by_hand.item(), abs=1e-5)
