"""Mean features of pictures by a model's frozen encoder, with which RICES finds near shots.

Dimensions: P pictures, C channels of the image tokens.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torch.utils.data import Dataset

from visionllm.models.samples import batch_pixel_mask


@torch.no_grad()
def picture_features(model: nn.Module, dataset: Dataset, batch_size: int = 16) -> dict[str, Tensor]:
    """Mean ``float[C]`` of the connector's tokens by the id of each picture; pictures of several samples are encoded
    once.

    Args:
        model: A VisionLLM in evaluation mode.
        dataset: Of packed samples with ``img_id``, as ``BaseDetDataset``.
        batch_size: Pictures of a forward pass.
    """
    first = {str(dataset.get_data_info(index)['img_id']): index for index in range(len(dataset))}
    found = {}
    for start in range(0, len(first), batch_size):
        batch = dict(list(first.items())[start:start + batch_size])
        data = model.data_preprocessor(pseudo_collate([dataset[index] for index in batch.values()]), False)
        pixel_mask = batch_pixel_mask(data['inputs'], data['data_samples'])
        tokens = model.connector(model.extract_feat(data['inputs']), pixel_mask, model.encode_text([''] * len(batch)))
        found |= zip(batch, tokens[-1].embeddings.mean(1).cpu())
    return found


def write_picture_features(config: str, out: Path, datasets: Iterable[dict]) -> int:
    """Write the features of the pictures of several data sets; their number.

    Args:
        config: Path of the config of a model whose connector is frozen: it needs no checkpoint.
        out: ``.npz`` file to write.
        datasets: Configs of data sets.
    """
    cfg = Config.fromfile(config)
    encoder_alone = dict(llm=None, heads={}, refiners=None)
    model = MODELS.build({**cfg.model, **encoder_alone}).eval()
    features: dict[str, Tensor] = {}
    for dataset in datasets:
        features |= picture_features(model, DATASETS.build(dataset))
    np.savez(out, ids=np.array(list(features)), features=torch.stack(list(features.values())).float().numpy())
    return len(features)
