"""What a model is fed in training, drawn: the image after augmentation, the instruction, and the targets as bins."""

from pathlib import Path

import numpy as np
import torch
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, init_default_scope
from PIL import Image

from visionllm.language import parse_instruction
from visionllm.language.vocabulary import LOCATION_RANGE
from visionllm.visualization import Prediction, draw


def draw_training_data(cfg: Config, out: str | Path, num_images: int) -> str:
    """Write drawings of training samples into a folder, evenly over the data set.

    Args:
        cfg: Config with ``train_dataloader``.
        out: Folder to write.
        num_images: At most that many.

    Returns:
        How many were drawn, and where.
    """
    init_default_scope('mmdet')
    torch.manual_seed(0)
    np.random.seed(0)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    collate = dict(cfg.train_dataloader.collate_fn)
    write_instruction = FUNCTIONS.get(collate.pop('type'))
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    chosen = np.linspace(0, len(dataset) - 1, min(num_images, len(dataset))).round().astype(int).tolist()
    for number, index in enumerate(chosen):
        item = dataset[index]
        write_instruction([item], **collate)
        prediction = target_as_prediction(item['inputs'], item['data_samples'])
        Image.fromarray(draw(prediction)).save(out / f'{number:03d}_{Path(prediction.path).stem}.png')
    return f'{out}: {len(chosen)} drawings of {len(dataset)} samples'


def target_as_prediction(pixels: torch.Tensor, sample: DetDataSample) -> Prediction:
    """The targets of a sample with an instruction, in the form of a perfect answer.

    Args:
        pixels: ``uint8[3, H, W]``, BGR, as the pipeline gives it.
        sample: With ``instruction``, and ``points`` of its objects. Those of classes that the instruction does not name
            are left out, as in training.

    Returns:
        Scores are 1, and places are rounded to bins of 1/512 of the image's width and height.
    """
    image = np.ascontiguousarray(pixels.numpy().transpose(1, 2, 0)[..., ::-1])
    instruction = parse_instruction(sample.instruction)
    if instruction.output_format.is_text:
        texts = sample.get('turns') or sample.get('captions', ())
        return Prediction(sample.img_path, sample.instruction, image, text=' | '.join(texts), text_score=1.0)
    size = torch.tensor([image.shape[1], image.shape[0]])
    objects = sample.gt_instances
    points = (objects.points / size * LOCATION_RANGE).round() / LOCATION_RANGE * size
    names = [sample.text[label] for label in objects.labels.tolist()]
    named = [index for index, name in enumerate(names) if name in instruction.class_names]
    corners = torch.cat([points.nan_to_num(torch.inf).amin(1), points.nan_to_num(-torch.inf).amax(1)], 1)
    return Prediction(sample.img_path, sample.instruction, image, [names[index] for index in named],
                      [1.0] * len(named), corners[named].tolist(), points[named].tolist())
