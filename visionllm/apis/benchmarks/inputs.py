"""Models, random image tokens and samples of scenes for the benchmarks."""

import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from torch import nn

from visionllm.structures import ImageTokens

LLAMA_7B = dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32,
                num_key_value_heads=32, tie_word_embeddings=False)


def build_model(config: str, llm: str, text_encoder: str, random_config: dict | None = None) -> nn.Module:
    """Build the model of a config.

    Args:
        config: Path of the config.
        llm, text_encoder: Sources of the language model and the text encoder, in place of the config's.
        random_config: Changes to the language model's own config; its weights are random then. None loads them.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({'model.llm.source': llm, 'model.text_encoder.source': text_encoder})
    if random_config:
        cfg.model.llm.random_config = random_config
    return MODELS.build(cfg.model)


def random_tokens(model: nn.Module, batch_size: int) -> ImageTokens:
    """Random image tokens, as many as a model's connector gives for ``batch_size`` images."""
    size = (batch_size, model.connector.query_embedding.num_embeddings)
    boxes = torch.rand(*size, 4) * 0.5 + 0.25
    values = torch.randn(*size, model.connector.embed_dims), boxes, torch.randn(size)
    return ImageTokens(*(each.to(model.llm.new_rows.weight.device) for each in values))


def scene_datasets(config: str, data_root: str) -> dict[str, BaseDataset]:
    """Training datasets of detection and segmentation with 32 scenes, by task.

    Args:
        config: Of a model for several tasks on scenes.
        data_root: Folder of the scenes, which are generated if it does not have them.
    """
    parts = Config.fromfile(config).train_dataloader.dataset.datasets[:2]
    for part in parts:
        part.update(data_root=data_root, num_images=32)
    return {part.pipeline[-1].task: DATASETS.build(part) for part in parts}
