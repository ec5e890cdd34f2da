"""What the language model knows of words by itself."""

import pytest
import torch

from visionllm.errors import ConfigError
from visionllm.models import CausalLM
from visionllm.models.heads.name_pmi import PROMPTS, NamePMI


@pytest.fixture(scope='module')
def llm():
    return CausalLM('wheel:smollm2-135m-instruct', lora_rank=2, dtype='float32').eval()


def pmi_of(llm, reference=('spoon', 'teacher', 'river', 'truck')):
    pmi = NamePMI(llm.output.weight.shape[0])
    pmi.fit_prior(llm, reference)
    return pmi


def test_it_is_the_log_ratio_of_probabilities(llm):
    pmi = pmi_of(llm)
    with torch.no_grad():
        pmi.weight.fill_(0.5)
        found = pmi(llm, ['zebra', 'bus'], [['animal', 'white house cat'], ['vehicle']])
        rows = torch.cat([llm.next_token_log_probs([prompt.format(word) for prompt in PROMPTS]).mean(0, keepdim=True)
                          for word in ('zebra', 'bus')]) - pmi.prior
    assert found.shape == (2, 2, 2)
    animal, white, cat, vehicle = (llm.vocabulary.encode(f' {name}')[0]
                                   for name in ('animal', 'white', 'cat', 'vehicle'))
    assert torch.allclose(found[0, :, 0], 0.5 * (rows[:, animal] - pmi.offset), atol=1e-2)
    assert torch.allclose(found[0, :, 1], 0.5 * (rows[:, [white, cat]].amax(1) - pmi.offset), atol=1e-2)
    assert torch.allclose(found[1, :, 0], 0.5 * (rows[:, vehicle] - pmi.offset), atol=1e-2)


def test_it_knows_kinds_that_nobody_taught(llm):
    with torch.no_grad():
        found = pmi_of(llm)(llm, ['zebra', 'bus', 'pizza'], [['animal', 'vehicle', 'food']])[0]
    assert found.argmax(-1).tolist() == [0, 1, 2]


def test_it_asks_the_base_model_and_leaves_lora_as_it_was(llm):
    text = ['A zebra is a kind of']
    embeddings = llm.embed_text(text[0])
    lora = {name: p for name, p in llm.named_parameters() if 'lora_B' in name}
    with torch.no_grad():
        before, adapted = llm.next_token_log_probs(text), llm(embeddings)[0]
        for parameter in lora.values():
            parameter.normal_()
        assert torch.equal(llm.next_token_log_probs(text), before)
        assert not torch.allclose(llm(embeddings)[0], adapted)
        for parameter in lora.values():
            parameter.zero_()
    assert all(parameter.requires_grad for parameter in lora.values())


def test_another_vocabulary_is_a_sentence(llm):
    with pytest.raises(ConfigError, match='class_reader.vocab_size is 7'):
        NamePMI(7)(llm, ['zebra'], [['animal']])
