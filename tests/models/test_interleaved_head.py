"""Flamingo's head: a frozen language model that attends to pictures; each claim with real layers and random weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from mmdet.registry import MODELS

from visionllm.errors import ConfigError
from visionllm.language import parse_instruction
from visionllm.models.fusion.gated_cross_attention import cross_attend, media_bias
from visionllm.models.heads.interleaved import split_documents
from visionllm.models.llms import generate
from visionllm.structures import ImageTokens

from .test_next_token import target

LATENTS, CHANNELS, WIDTH = 3, 32, 64
SHOTS = ('Names: dax, wug. <image>This is a (text)dax.<|endofchunk|>', '<image>This is a (text)wug.<|endofchunk|>',
         '<image>This is a (text)')
INSTRUCTIONS = [parse_instruction(text) for text in SHOTS]
OTHER = [parse_instruction(text) for text in ('<image>(text)a very long shot indeed<|endofchunk|>', '<image>(text)')]


@pytest.fixture(scope='module')
def llm():
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='CausalLM', source='wheel:smollm2-135m-instruct', lora_rank=0, dtype='float32',
        random_config=dict(hidden_size=WIDTH, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4,
                           num_key_value_heads=2, head_dim=16))).eval()


def build_head(gate: float, **options):
    torch.manual_seed(1)
    head = MODELS.build(dict(type='InterleavedTextHead', token_channels=CHANNELS, llm_width=WIDTH, num_layers=4,
                             every=2, max_new_tokens=6, **options)).eval()
    for layer in head.fusion.layers.values():
        torch.nn.init.constant_(layer.alpha_cross_attn, gate)
        torch.nn.init.constant_(layer.alpha_dense, gate)
    return head


def pictures(count: int, seed: int = 2) -> ImageTokens:
    generator = torch.Generator().manual_seed(seed)
    return ImageTokens(torch.randn(count, LATENTS, CHANNELS, generator=generator), torch.rand(count, LATENTS, 4),
                       torch.zeros(count, LATENTS))


def states(head, llm, tokens):
    """Hidden states of a document, and the picture that each token belongs to."""
    chunks, _ = split_documents(INSTRUCTIONS)
    document = head._embed(llm, chunks, [None] * len(chunks))
    with torch.no_grad(), head.fusion.bind(llm.decoder, tokens.embeddings[None], document.time[None]):
        return llm(document.embeddings[None])[0][0], document


def test_with_gates_at_zero_it_is_the_bare_language_model_bit_for_bit(llm):
    head = build_head(0.0)
    bound, document = states(head, llm, pictures(3))
    with torch.no_grad():
        assert torch.equal(bound, llm(document.embeddings[None])[0][0])
        said = head.predict(llm, INSTRUCTIONS, pictures(3))[-1]
        (expected, ), = generate(llm, [document.embeddings], 6)
    assert said == expected and said[0]


def test_gates_start_at_zero():
    head = MODELS.build(dict(type='InterleavedTextHead', token_channels=CHANNELS, llm_width=WIDTH, num_layers=5,
                             every=2))
    assert [*head.fusion.layers] == ['0', '2', '4']
    assert not any(layer.alpha_cross_attn.any() or layer.alpha_dense.any() for layer in head.fusion.layers.values())


def test_a_picture_is_seen_by_the_text_up_to_the_next_one_alone(llm):
    """By cross-attention. Through the language model's own attention, later text reads what earlier text has seen."""
    head, tokens, other = build_head(0.5), pictures(3), pictures(3)
    other.embeddings[0] = pictures(1, seed=3).embeddings[0]
    _, document = states(head, llm, tokens)
    with torch.no_grad():
        one, two = (cross_attend(head.fusion.layers['0'], document.embeddings[None], each.embeddings[None],
                                 document.time[None])[0] for each in (tokens, other))
    changed = (one != two).any(-1)
    assert document.time.unique().tolist() == [0, 1, 2, 3]
    assert torch.equal(changed, document.time == 1)
    before, after = (states(head, llm, each)[0] for each in (tokens, other))
    differs = (before != after).any(-1)
    assert not differs[document.time == 0].any() and differs[document.time > 0].all()


@given(st.lists(st.integers(0, 1), min_size=1, max_size=12), st.integers(1, 3), st.integers(0, 3))
def test_attention_is_that_of_a_loop_over_pictures(is_image, num_latents, extra):
    """Masked attention to all pictures against attention of each token to its own picture's latents alone."""
    time = np.cumsum(is_image)
    count = int(time[-1]) + extra or 1
    generator = torch.Generator().manual_seed(len(is_image))
    query = torch.randn(len(is_image), 8, generator=generator)
    media = torch.randn(count, num_latents, 8, generator=generator)
    bias = media_bias(torch.from_numpy(time)[None], count, num_latents)[0]
    flat = media.flatten(0, 1)
    output = F.scaled_dot_product_attention(query[None], flat[None], flat[None], bias[None])[0]
    for position, number in enumerate(time):
        if number > 0:
            own = media[number - 1]
            weights = (query[position] @ own.T / 8**0.5).softmax(-1)
            assert torch.allclose(output[position], weights @ own, atol=1e-5)


def test_before_the_first_picture_nothing_is_attended_to():
    layer = build_head(0.5).fusion.layers['0']
    torch.nn.init.zeros_(layer.alpha_dense)
    text, time = torch.randn(1, 4, WIDTH), torch.tensor([[0, 0, 1, 1]])
    with torch.no_grad():
        passed = cross_attend(layer, text, torch.randn(1, 1, LATENTS, CHANNELS), time)
    assert torch.equal(passed[:, :2], text[:, :2]) and not torch.isclose(passed[:, 2:], text[:, 2:]).all()


@pytest.mark.parametrize('num_beams', [1, 3])
def test_documents_of_a_batch_are_answered_as_if_each_were_alone(llm, num_beams):
    head, tokens = build_head(0.5, num_beams=num_beams), pictures(5)
    together = head.predict(llm, INSTRUCTIONS + OTHER, tokens)
    alone = head.predict(llm, INSTRUCTIONS, tokens[:3]) + head.predict(llm, OTHER, tokens[3:])
    assert [text for text, _ in together] == [text for text, _ in alone]
    assert [score for _, score in together] == pytest.approx([score for _, score in alone], rel=1e-3)
    assert together[0] == ('This is a dax.', 1.0)


def test_generation_with_the_cache_says_what_reading_it_all_again_says(llm):
    head, tokens = build_head(0.5), pictures(3)
    answer, _ = head.predict(llm, INSTRUCTIONS, tokens)[-1]
    _, document = states(head, llm, tokens)
    text, time, ids = document.embeddings, document.time, []
    for _ in range(6):
        with torch.no_grad(), head.fusion.bind(llm.decoder, tokens.embeddings[None], time[None]):
            ids.append(int(llm.lm_logits(llm(text[None])[0][0, -1]).argmax()))
        text = torch.cat([text, llm.embed(torch.tensor(ids[-1:]))])
        time = torch.cat([time, time[-1:]])
    assert answer == llm.vocabulary.decode(ids)


def test_other_pictures_give_another_answer_and_nothing_stays_bound(llm):
    head = build_head(0.5)
    loss = [head.loss(llm, OTHER, pictures(2, seed), [target(), target('dax')])['loss_text'].value
            for seed in (2, 3)]
    assert not torch.isclose(*loss)
    with pytest.raises(RuntimeError, match='in between'), head.fusion.bind(
            llm.decoder, pictures(1).embeddings[None], torch.ones(1, 2)):
        raise RuntimeError('in between')
    assert not any(layer._forward_pre_hooks for layer in llm.decoder.layers)


def test_learned_is_the_text_between_a_picture_and_the_end_of_its_chunk(llm):
    chunks, sizes = split_documents(INSTRUCTIONS)
    document = build_head(0.0)._embed(llm, chunks, [None, None, 'dax.'])
    said = [i for i in document.ids.tolist() if i >= 0]
    parts, end = [], llm.vocabulary.end
    while end in said:
        parts.append(llm.vocabulary.decode(said[:said.index(end)]))
        said = said[said.index(end) + 1:]
    assert sizes == [3] and not said and parts == ['This is a dax.', 'This is a wug.', 'This is a dax.']
    opening = len(llm.vocabulary.encode('Names: dax, wug. '))
    assert (document.ids[:opening + 1] == -1).all() and (document.ids == -1).sum() == opening + 3


def test_the_loss_of_a_batch_is_that_of_its_documents(llm):
    head, tokens, answers = build_head(0.5), pictures(5), [target(), target(), target('dax.'), target(), target('a')]
    with torch.no_grad():
        together = head.loss(llm, INSTRUCTIONS + OTHER, tokens, answers)['loss_text']
        alone = [head.loss(llm, INSTRUCTIONS, tokens[:3], answers[:3])['loss_text'],
                 head.loss(llm, OTHER, tokens[3:], answers[3:])['loss_text']]
    assert together.count == sum(each.count for each in alone)
    assert torch.allclose(together.total, alone[0].total + alone[1].total, rtol=1e-4)


def test_choices_have_the_log_probabilities_that_their_losses_say(llm):
    """Each choice read by itself behind its document, as in training, against all of them in one pass."""
    head, tokens, choices = build_head(0.5), pictures(5), [('dax.', 'wug.', 'a very long name'), ('dax.', 'fep.')]
    found = head.choice_log_probs(llm, INSTRUCTIONS + OTHER, tokens, choices)
    for instructions, own, answers, log_probs in ((INSTRUCTIONS, tokens[:3], choices[0], found[0]),
                                                  (OTHER, tokens[3:], choices[1], found[1])):
        losses = []
        for choice in answers:
            with torch.no_grad():
                targets = [target()] * (len(instructions) - 1) + [target(choice)]
                losses.append(head.loss(llm, instructions, own, targets)['loss_text'].total)
        differences = [float(loss - losses[0]) for loss in losses]  # of the answers: all else is the same text
        assert [log_probs[0] - each for each in log_probs] == pytest.approx(differences, rel=1e-3, abs=1e-3)


def test_what_does_not_fit_says_so(llm):
    head = build_head(0.0)
    with pytest.raises(ConfigError, match='nothing to answer'):
        head.predict(llm, INSTRUCTIONS[:2], pictures(2))
    with pytest.raises(ConfigError, match='0 texts to learn from'):
        head.loss(llm, INSTRUCTIONS, pictures(3), [target()] * 3)
    other = MODELS.build(dict(type='InterleavedTextHead', token_channels=CHANNELS, llm_width=WIDTH, num_layers=30))
    with pytest.raises(ConfigError, match='has 4 layers; set num_layers'):
        other.predict(llm, INSTRUCTIONS, pictures(3))
