"""What is timed: models that any machine can build, tokens that mean nothing, a few scenes."""

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import BaseDataset

from visionllm.structures import ImageTokens


def built(config: str, llm: str, text_encoder: str):
    """The model of a config, with other sources of its readers."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({'model.llm.source': llm, 'model.text_encoder.source': text_encoder})
    return MODELS.build(cfg.model)


def random_tokens(model, pictures: int) -> ImageTokens:
    """As many image tokens as a model gives some pictures."""
    size = (pictures, model.connector.query_embedding.num_embeddings)
    places = torch.rand(*size, 4) * 0.5 + 0.25
    return ImageTokens(torch.randn(*size, model.connector.embed_dims), places, torch.randn(size))


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
