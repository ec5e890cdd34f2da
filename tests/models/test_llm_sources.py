"""Language models and text encoders from files as others publish them, and what is said where that cannot be."""

import json
import shutil

import gguf
import numpy as np
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.utils import hub

from visionllm.models import CausalLM, TextEncoder
from visionllm.models.huggingface import PretrainedError

SENTENCE = 'Find the star, left of it'


@pytest.fixture(scope='module')
def base():
    """A small LLaMA and a small tokenizer of SmolLM2's kind."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    bpe.train_from_iterator([f'{SENTENCE} and the red circle'] * 9, trainers.BpeTrainer(
        vocab_size=300, special_tokens=['<|start|>', '<|end|>'], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token='<|start|>', eos_token='<|end|>')
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=128, rope_theta=5e4)).eval(), tokenizer


@pytest.fixture
def folder(base, tmp_path):
    """As transformers saves it, in shards."""
    base[0].save_pretrained(tmp_path / 'sharded', max_shard_size='100KB')
    base[1].save_pretrained(tmp_path / 'sharded')
    return tmp_path / 'sharded'


def write_gguf(path, model, tokenizer, architecture='llama'):
    """As llama.cpp's converter writes a LLaMA with a byte-level tokenizer."""
    config, vocabulary = model.config, tokenizer.get_vocab()
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name('small')
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters['rope_theta'])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tokenizer_model('gpt2')
    writer.add_token_list(sorted(vocabulary, key=vocabulary.get))
    writer.add_token_merges([' '.join(pair) for pair in json.loads(
        tokenizer.backend_tokenizer.to_str())['model']['merges']])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        heads = dict(q_proj=config.num_attention_heads, k_proj=config.num_key_value_heads).get(name.split('.')[-2])
        if heads:  # the two channels that a rotation turns stand side by side
            tensor = tensor.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
        writer.add_tensor(names.get_name(name, try_suffixes=('.weight', )), np.ascontiguousarray(tensor.numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def assert_same(source, base):
    """A language model from a source reads as the one that it was saved from, and knows the new words."""
    model, tokenizer = base
    llm = CausalLM(str(source), lora_rank=4, lora_alpha=8, dtype='float32').eval()
    ids = tokenizer(SENTENCE, add_special_tokens=False, return_tensors='pt')['input_ids']
    assert llm.vocabulary.encode(SENTENCE) == ids[0].tolist() and llm.vocabulary.end == tokenizer.eos_token_id
    assert llm.vocabulary.encode('<c7>') == [len(tokenizer) + llm.vocabulary.new_index('<c7>')]
    with torch.no_grad():
        said = llm.lm_logits(llm(llm.embed_text(SENTENCE))[0])
        assert torch.allclose(said, model(ids).logits, atol=1e-5)


def load(source):
    return CausalLM(str(source), lora_rank=0, dtype='float32')


def test_a_folder_in_shards(folder, base):
    assert len(list(folder.glob('model-*.safetensors'))) > 2 and (folder / 'model.safetensors.index.json').exists()
    assert_same(folder, base)


def test_a_gguf_file_and_a_folder_with_one(base, tmp_path):
    write_gguf(tmp_path / 'small.gguf', *base)
    assert_same(tmp_path / 'small.gguf', base)
    assert_same(tmp_path, base)
    shutil.copy(tmp_path / 'small.gguf', tmp_path / 'smaller.gguf')
    with pytest.raises(PretrainedError, match='no config.json, and these .gguf files: small.gguf, smaller.gguf. Ex'):
        load(tmp_path)


def test_a_folder_whose_tokenizer_is_sentencepieces(folder, tmp_path):
    """As Vicuna's: tokenizer.model alone."""
    sentencepiece = pytest.importorskip('sentencepiece')
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f'{SENTENCE} and the red circle'] * 9), model_prefix=str(folder / 'tokenizer'),
        vocab_size=280, model_type='bpe', byte_fallback=True, hard_vocab_limit=False, minloglevel=2)
    (folder / 'tokenizer.json').unlink()
    (folder / 'tokenizer_config.json').write_text(json.dumps(dict(tokenizer_class='LlamaTokenizer')))
    llm = load(folder)
    assert llm.vocabulary.decode(llm.vocabulary.encode(SENTENCE)) == SENTENCE
    assert llm.vocabulary.encode('<c7>')[-1] == llm.vocabulary.base_size + llm.vocabulary.new_index('<c7>')


def test_what_is_not_like_a_llama_is_named(base, folder, tmp_path, monkeypatch):
    GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=32, n_head=2)).save_pretrained(tmp_path / 'gpt2')
    with pytest.raises(PretrainedError, match='gpt2 is a GPT2LMHeadModel, in whose model there is no embed_tokens, .*'
                                              'expected a causal language model like LlamaForCausalLM'):
        load(tmp_path / 'gpt2')
    T5ForConditionalGeneration(T5Config(num_layers=1, d_model=8, d_ff=8, num_heads=2)).save_pretrained(tmp_path / 't5')
    with pytest.raises(PretrainedError, match='t5 could not be loaded: .*T5Config.*expected a causal language model'):
        load(tmp_path / 't5')
    write_gguf(tmp_path / 'eyes.gguf', *base, architecture='clip')
    with pytest.raises(PretrainedError, match='eyes.gguf could not .* architecture clip is not .*expected a causal'):
        load(tmp_path / 'eyes.gguf')
    with pytest.raises(PretrainedError, match='sharded could not be loaded: .*LlamaModel.*; expected a BERT'):
        TextEncoder(str(folder))
    monkeypatch.setattr(LlamaForCausalLM, '_can_set_attn_implementation', classmethod(lambda cls: False))
    with pytest.raises(PretrainedError, match='LlamaForCausalLM, whose attention .* cannot be exchanged; expected'):
        load(folder)


def test_a_folder_that_is_not_whole_is_explained(folder):
    name = 'model.layers.1.mlp.up_proj.weight'
    first = folder / json.loads((folder / 'model.safetensors.index.json').read_text())['weight_map'][name]
    state = load_file(first)
    save_file(state | {name: torch.zeros(3, 3)}, first, metadata=dict(format='pt'))
    with pytest.raises(PretrainedError, match=rf'another model or size. model: {name[6:]} is \(3, 3\) and should be'):
        load(folder)
    save_file({other: tensor for other, tensor in state.items() if other != name}, first, metadata=dict(format='pt'))
    with pytest.raises(PretrainedError, match=f'another model or size. model: {name[6:]} is missing$'):
        load(folder)
    first.unlink()
    with pytest.raises(PretrainedError, match=f'could not be loaded: No such file.*{first.name}'):
        load(folder)


def test_a_tokenizer_that_is_not_the_models_is_refused(base, folder):
    (folder / 'tokenizer.json').unlink()
    with pytest.raises(PretrainedError, match='sharded could not be loaded: .*expected a tokenizer beside it'):
        load(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(base[1].backend_tokenizer.to_str()))
    tokenizer.add_tokens(['one more', 'and another'])
    tokenizer.save_pretrained(folder)
    size = len(base[1])
    with pytest.raises(ValueError, match=f'has {size + 2} tokens and the language model {size} rows; .*Put the file'):
        load(folder)


@pytest.mark.parametrize('cause, sentence', [
    (GatedRepoError, 'accept its terms: do so on https://huggingface.co/meta-llama/Llama-7b, then log in'),
    (RepositoryNotFoundError, 'neither a folder here nor a model that the Hugging Face hub shows you: check its name'),
    (LocalEntryNotFoundError, 'the Hugging Face hub did not give it .*give a folder with a copy'),
])
@pytest.mark.parametrize('part', [load, TextEncoder])
def test_what_the_hub_does_not_give_is_explained(monkeypatch, cause, sentence, part):
    def refuse(*_, **__):
        raise cause.__new__(cause)  # its arguments are an answer of the server's

    monkeypatch.setattr(hub, 'hf_hub_download', refuse)
    with pytest.raises(PretrainedError, match=f'^meta-llama/Llama-7b is .*{sentence}'):
        part('meta-llama/Llama-7b')


@pytest.mark.parametrize('source', ['/no/such/folder', 'no/such.gguf', 'a/b/c'])
def test_a_source_that_is_nowhere_is_named(source):
    with pytest.raises(PretrainedError, match=f'^There is no {source}; expected a folder, a .gguf file, or the id of'):
        load(source)
