import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from visionllm.language import InstructionError, parse_instruction
from visionllm.language.conversation import CONVERSATIONS
from visionllm.models.heads.next_token import tokenize_turns
from visionllm.models.llms import causal_mask, left_pad
from visionllm.models.loss_reduction import reduce_losses
from visionllm.models.prompts.symbolic import order_by_mention, order_by_similarity, phrase_word_indices
from visionllm.structures import Target

from ..conftest import sample_batch
from .test_head import random_tokens

CAPTION = parse_instruction('Describe the picture as (text). <image>')
QUESTION = parse_instruction('How many long-eared donkeys do you see? <image> Answer with (text).')


def target(*turns):
    nothing = torch.zeros(0, 4)
    return Target(nothing, nothing[:, 0].long(), nothing[:, None, :2], nothing[:, None, :2], (), turns=turns)


def test_the_loss_is_that_of_the_answers_words_alone(tiny):
    """Against the plain way: one sample, no padding, the whole text, cross-entropy on the assistant's words."""
    head, llm, tokens = tiny.heads['text'], tiny.llm, random_tokens(2)
    turns = (('a star', 'what else?', 'no more'), ('two red circles and a very large heart', ))
    instructions = [CAPTION, QUESTION]
    with torch.no_grad():
        loss = head.loss(llm, instructions, tokens, [target(*t) for t in turns])['loss_text'].value
        entropies = []
        for b in range(2):
            alone = instructions[b:b + 1]
            prompt = head.embed_prompts(llm, alone, head.image_prompt(llm, alone, tokens[b:b + 1]))[0]
            ids, learned = tokenize_turns(llm, turns[b], CONVERSATIONS['lines'])
            states, _ = llm(torch.cat([prompt, llm.embed(ids)])[None])
            logits = llm.lm_logits(states[0, len(prompt) - 1:-1])
            entropies.append(F.cross_entropy(logits, ids, reduction='none')[learned])
    assert torch.allclose(loss, torch.cat(entropies).mean(), atol=1e-4)


def test_all_captions_of_an_image_cost_what_each_costs_alone(tiny):
    head, llm, tokens = tiny.heads['text'], tiny.llm, random_tokens(2)
    captions = (('a star', 'two red circles and a very large heart', 'nothing'), ('a ring', ))
    with torch.no_grad():
        images = head.image_prompt(llm, [CAPTION, QUESTION], tokens)
        together = head.text_loss(llm, [CAPTION, QUESTION], images,
                                  [replace(target(), captions=each) for each in captions])['loss_text']
        alone = [head.text_loss(llm, [instruction], [image], [target(caption)])['loss_text']
                 for instruction, image, each in zip((CAPTION, QUESTION), images, captions) for caption in each]
    assert together.count == sum(each.count for each in alone)
    assert torch.allclose(together.total, sum(each.total for each in alone), rtol=1e-4)


def test_what_is_asked_is_not_learned(tiny):
    vocabulary = tiny.llm.vocabulary
    ids, learned = tokenize_turns(tiny.llm, ('a star', 'what else?', 'no more'), CONVERSATIONS['lines'])
    said = [vocabulary.decode(part) for part in (ids[:learned.int().argmin()].tolist(), )]
    assert said == ['a star'] and (ids[learned] == vocabulary.end).sum() == 2
    assert vocabulary.tokenizer.decode(ids[~learned].tolist()).strip() == 'what else?'


def test_saying_goes_word_by_word_as_if_each_text_were_alone(tiny, monkeypatch):
    head, llm, tokens = tiny.heads['text'], tiny.llm, random_tokens(2)
    monkeypatch.setattr(head, 'max_new_tokens', 6)
    other = nn.Linear(64, 49152)  # rows of the input would repeat the last word
    monkeypatch.setitem(llm._modules, 'output', other)
    monkeypatch.setitem(llm.causal_lm._modules, 'lm_head', other)
    instructions = [CAPTION, QUESTION]
    together = head.predict(llm, instructions, tokens)
    for b in range(2):
        with torch.no_grad():
            alone = instructions[b:b + 1]
            text = head.embed_prompts(llm, alone, head.image_prompt(llm, alone, tokens[b:b + 1]))[0]
            ids, log_probs = [], []
            while len(ids) < 6 and llm.vocabulary.end not in ids:
                states, _ = llm(text[None])
                log_prob, best = llm.lm_logits(states[0, -1]).log_softmax(-1).max(-1)
                ids.append(int(best))
                log_probs.append(log_prob)
                text = torch.cat([text, llm.embed(torch.tensor(ids[-1:]))])
        answer, score = together[b]
        assert answer == llm.vocabulary.decode(ids) and answer
        assert score == pytest.approx(torch.stack(log_probs).mean().exp().item(), rel=1e-3)


def test_beams_find_likelier_answers_and_sampling_gives_others(tiny, monkeypatch):
    head, llm, tokens = tiny.heads['text'], tiny.llm, random_tokens(2)
    monkeypatch.setattr(head, 'max_new_tokens', 5)
    other = nn.Linear(64, 49152)
    torch.nn.init.normal_(other.weight)
    monkeypatch.setitem(llm.causal_lm._modules, 'lm_head', other)

    def answers(**options):
        for name, value in options.items():
            monkeypatch.setattr(head, name, value)
        return head.predict(llm, [CAPTION, QUESTION], tokens)
    greedy, beams = answers(), answers(num_beams=4)
    assert greedy == answers(num_beams=1) and all(b[1] >= g[1] * 0.999 for g, b in zip(greedy, beams))
    sampled = [answers(temperature=3.0)[0] for _ in range(3)]
    assert len(set(sampled)) > 1


def test_other_pictures_other_words(tiny):
    head, llm = tiny.heads['text'], tiny.llm
    tokens = random_tokens(2)
    with torch.no_grad():
        losses = [head.loss(llm, [CAPTION], tokens[b:b + 1], [target('a star')])['loss_text'].value
                  for b in range(2)]
    assert not torch.isclose(*losses)


def test_padding_is_not_seen():
    embeddings, real, positions = left_pad([torch.ones(2, 3), torch.ones(4, 3)])
    assert real.tolist() == [[False, False, True, True], [True] * 4]
    assert positions.tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]] and embeddings[0, :2].sum() == 0
    seen = causal_mask(real)
    assert not seen[0, 2:, :2].any() and seen[0, 3, 2] and not seen[:, 0, 1:].any()


def test_one_batch_may_ask_for_boxes_and_for_words(tiny):
    batch = sample_batch('Find {"star": <c3>} as (c, x1, y1, x2, y2). <image>', 2)
    batch['data_samples'][1].set_metainfo(dict(instruction=CAPTION.text))
    boxes, words = tiny.test_step(batch)
    assert 'pred_instances' in boxes and 'pred_text' not in boxes
    assert isinstance(words.pred_text, str) and 'pred_instances' not in words


def test_names_are_read_from_their_end():
    known, index = phrase_word_indices(['dog', 'small red star', 'very large red dining table'], 3)
    phrases = [[known[i].strip() for i in row] for row in index.tolist()]
    assert all(word.startswith(' ') for word in known)
    assert phrases == [['a', 'a', 'dog'], ['small', 'red', 'star'], ['red', 'dining', 'table']]


def test_only_what_is_trusted_is_told(tiny, monkeypatch):
    head, tokens = tiny.heads['text'].image_prompt, random_tokens(2)
    confidence = torch.full_like(tokens.objectness, -9.0)
    confidence[0, [3, 5]] = 9.0
    confidence[1, 7] = -8.0  # the likeliest, whatever it is worth
    monkeypatch.setattr(head, 'confidence_logits', lambda _: confidence)
    with torch.no_grad():
        first, second = head(tiny.llm, [CAPTION, CAPTION], tokens)
        each = head.append_locations(tiny.llm, head.phrases(tokens), tokens.boxes)
    assert any(torch.equal(first, each[0, told].flatten(0, 1)) for told in ([3, 5], [5, 3]))
    assert torch.equal(second, each[1, 7])


def test_the_instruction_says_how_sure_words_must_be(tiny, monkeypatch):
    head, tokens = tiny.heads['text'].image_prompt, random_tokens(3)
    confidence = torch.full_like(tokens.objectness, -9.0)
    confidence[:, :4] = torch.tensor([0.3, 0.6, 0.8, 0.99]).logit()
    monkeypatch.setattr(head, 'confidence_logits', lambda _: confidence)
    formats = '(text)', '(text, 70% sure)', '(text, 0% sure)'
    asked = [parse_instruction(f'Describe <image> as {each}.') for each in formats]
    told = head.select_objects(asked, tokens, ())
    assert [row.nonzero().flatten().tolist() for row in told[:2]] == [[1, 2, 3], [2, 3]] and told[2, :4].all()


def test_a_thing_found_twice_is_told_once(tiny, monkeypatch):
    head, tokens = tiny.heads['text'].image_prompt, random_tokens(1)
    tokens.boxes[0, :3] = torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.51, 0.5, 0.4, 0.4], [0.2, 0.2, 0.1, 0.1]])
    confidence = torch.full_like(tokens.objectness, -9.0)
    confidence[0, :3] = torch.tensor([2.0, 3.0, 2.0])
    monkeypatch.setattr(head, 'confidence_logits', lambda _: confidence)
    assert head.select_objects([CAPTION], tokens, ()).nonzero()[:, 1].tolist() == [1, 2]


def test_in_training_all_that_is_there_is_told(tiny, monkeypatch):
    head, tokens = tiny.heads['text'].image_prompt, random_tokens(1)
    monkeypatch.setattr(head, 'confidence_logits', lambda _: torch.full_like(tokens.objectness, -9.0))
    there = target('a star and a ring')
    there.matches = (torch.tensor([2, 9]), torch.tensor([0, 1]))
    there.labels, there.names = torch.tensor([0, 1]), ('star', 'ring')
    with torch.no_grad():
        told = head(tiny.llm, [CAPTION], tokens, [there])[0]
        each = head.append_locations(tiny.llm, head.phrases(tokens), tokens.boxes)[0]
    likeliest = [0] if len(told) > each[:2].flatten(0, 1).shape[0] else []
    assert torch.equal(told, each[[2, 9, *likeliest]].flatten(0, 1))


def test_tokens_learn_the_words_of_their_objects_names(tiny):
    head, tokens = copy.deepcopy(tiny.heads['text'].image_prompt), random_tokens(2)
    names = ('small red star', 'large blue ring')
    boxes, labels = tokens.boxes[:, [9, 4]], torch.tensor([0, 1])
    some = [Target(own, labels, own[:, None, :2], own[:, None, :2], names,
                   matches=(torch.tensor([4, 9]), torch.tensor([1, 0]))) for own in boxes]
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3)
    for _ in range(60):
        losses = reduce_losses(head.alignment_loss(tiny.llm, tokens, some))
        optimizer.zero_grad()
        (losses['loss_word'] + losses['loss_confidence']).backward()
        optimizer.step()
    assert losses['acc_word'] == 100
    trusted = head.confidence_logits(tokens) > 0
    assert trusted[:, [4, 9]].all() and trusted.sum() == 4, 'all other tokens are on nothing'
    assert head.alignment_loss(tiny.llm, tokens, [target('a star')] * 2) == {}


def test_a_sample_with_nothing_to_say_and_a_model_that_cannot_speak_say_so(tiny, monkeypatch):
    with pytest.raises(ValueError, match='no text to learn from'):
        tiny.heads['text'].loss(tiny.llm, [CAPTION], random_tokens(1), [target()])
    monkeypatch.delitem(tiny.heads._modules, 'text')
    with pytest.raises(InstructionError, match=r'asks for \(text\), which none of this model'):
        tiny.test_step(sample_batch(CAPTION.text, 1))


def test_like_stands_after_like():
    red, blue = torch.randn(2, 1, 8)
    nearly = lambda word: word + 0.1 * torch.randn(1, 8)  # noqa: E731
    order = order_by_similarity(torch.stack([red, blue, nearly(red), nearly(blue), nearly(red)])).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4] and set(order[:3]) == {0, 2, 4}


def test_in_training_things_stand_as_the_caption_mentions_them():
    said = target('a green dog, two red stars and a cat')
    said.names, said.labels = ('small red star', 'dog', 'tree'), torch.tensor([2, 0, 1, 0])
    said.matches = (torch.tensor([5, 4, 2, 0]), torch.tensor([0, 1, 2, 3]))  # tree, star, dog, star
    order = order_by_mention(torch.arange(6), said).tolist()
    assert order[:3] == [2, 0, 4] and order[3] == 5  # the tree is not mentioned; the other two show nothing
