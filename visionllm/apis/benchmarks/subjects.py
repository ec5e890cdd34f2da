"""What is timed: models that any machine can build, tokens that mean nothing, a few scenes."""

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from visionllm.structures import ImageTokens

LLAMA_7B = dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32,
                num_key_value_heads=32, tie_word_embeddings=False)


def built(config: str, llm: str, text_encoder: str, random_config: dict | None = None):
    """The model of a config, with other sources of its readers; its language model of another size, with random
    weights, where one is given."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({'model.llm.source': llm, 'model.text_encoder.source': text_encoder})
    if random_config:
        cfg.model.llm.random_config = random_config
    return MODELS.build(cfg.model)


def random_tokens(model, pictures: int) -> ImageTokens:
    """As many image tokens as a model gives some pictures."""
    size = (pictures, model.connector.query_embedding.num_embeddings)
    places = torch.rand(*size, 4) * 0.5 + 0.25
    values = torch.randn(*size, model.connector.embed_dims), places, torch.randn(size)
    return ImageTokens(*(each.to(model.llm.new_rows.weight.device) for each in values))


def few_scenes(config: str, data_root: str) -> dict[str, BaseDataset]:
    """Training samples of detection and of segmentation, from 32 scenes.

    Args:
        config: Of a model for several tasks, on scenes.
        data_root: Where the scenes are, or are written to.
    """
    parts = Config.fromfile(config).train_dataloader.dataset.datasets[:2]
    for part in parts:
        part.update(data_root=data_root, num_images=32)
    return {part.pipeline[-1].task: DATASETS.build(part) for part in parts}
