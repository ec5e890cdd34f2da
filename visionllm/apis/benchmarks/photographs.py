"""A photograph to boxes by a model on a published detector, the detector alone, a folder in batches and one by one, the
command's first answer, and open-vocabulary detectors of transformers with random weights.

Dimensions: B images, H x W of each.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from mmdet.structures import DetDataSample
from PIL import Image
from torch import nn

from visionllm import VisionLLM
from visionllm.assets import IMAGES
from visionllm.language import TASKS
from visionllm.models.detectors.label_sets import COCO

from .timing import Suite

SIZE = (480, 640)
CAMERA_SIZE = (3024, 4032)
WORDS_PER_NAME = 16  # of OWLv2's text encoder
WORDS_IN_PROMPT = 240  # of Grounding DINO's prompt with 80 names
FLORENCE_IMAGE_TOKENS = 577  # of an image of 768 x 768
WORDS_OF_QUESTION, WORDS_OF_ANSWER = 10, 60  # of Florence-2: a dozen objects of a name and four locations


class PhotographBenchmark:
    """A batch of random images, 80 names, and the prompt read before.

    Args:
        model: A VisionLLM with a ``DetectorTokenizer``.
        batch: B.
    """

    def __init__(self, model: nn.Module, batch: int = 1):
        self.model, self.batch = model.eval(), batch
        self.images = [np.random.default_rng(b).integers(0, 256, (*SIZE, 3), np.uint8) for b in range(batch)]
        self.instruction = TASKS['detection'].write_instruction(COCO)
        model.connector.cache.size = 0

    @torch.no_grad()
    def detect(self) -> None:
        """The detector alone."""
        self.model.connector.detector(self.images)

    @torch.no_grad()
    def predict(self) -> list[DetDataSample]:
        """The whole model."""
        samples = [DetDataSample(metainfo=dict(ori_shape=SIZE, img_shape=SIZE, scale_factor=(1.0, 1.0), text=COCO,
                                               instruction=self.instruction)) for _ in self.images]
        inputs = [torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()) for image in self.images]
        return self.model.test_step(dict(inputs=inputs, data_samples=samples))

    def rows(self, name: str) -> dict[str, Callable]:
        """Both, by name."""
        return {f'{name}, detector, batch {self.batch}': self.detect, f'{name}, batch {self.batch}': self.predict}


class FolderBenchmark:
    """A folder of JPEG files, with two names.

    Args:
        model: On a ``DetectorTokenizer``.
        count: How many files.
        batch: Files that are computed together.
        size: H, W.
    """

    def __init__(self, model: VisionLLM, count: int = 100, batch: int = 8, size: tuple[int, int] = SIZE):
        self.model, self.count, self.batch, self.size = model, count, batch, size
        self.folder = tempfile.TemporaryDirectory(prefix='visionllm-')  # lives as long as this object
        model.inferencer.model.connector.cache.size = 0
        photographs = [Image.open(path).convert('RGB').resize(size[::-1]) for path in sorted(IMAGES.glob('*.jpg'))]
        for index in range(count):  # no two alike, so that none is answered from memory
            shifted = np.roll(np.asarray(photographs[index % len(photographs)]), 4 * index, axis=1)
            Image.fromarray(shifted).save(Path(self.folder.name) / f'{index:03}.jpg')

    def predict(self, batch_size: int) -> None:
        """All files."""
        self.model.predict(self.folder.name, classes=['cat', 'cup'], batch_size=batch_size, progress=False)

    def rows(self) -> dict[str, Callable]:
        """One by one, and in batches, by name."""
        name = f'{self.count} files of {self.size[1]} x {self.size[0]}'
        return {f'{name}, one by one': partial(self.predict, 1),
                f'{name}, in batches of {self.batch}': partial(self.predict, self.batch)}


def first_answer(model: str = 'photo') -> None:
    """From the command to its answer for one file, weights in the cache."""
    subprocess.run([sys.executable, '-m', 'visionllm', 'predict', str(IMAGES / 'cat.jpg'), '--classes', 'dog', 'cat',
                    '--model', model], check=True, stdout=subprocess.DEVNULL)


def owlv2(device: str) -> Callable[[], object]:
    """OWLv2 base at 960 x 960 with 80 names."""
    from transformers import Owlv2Config, Owlv2ForObjectDetection
    config = Owlv2Config(vision_config=dict(image_size=960))
    model = Owlv2ForObjectDetection(config).eval().to(device)
    inputs = dict(input_ids=torch.randint(1, 400, (len(COCO), WORDS_PER_NAME), device=device),
                  pixel_values=torch.rand(1, 3, 960, 960, device=device))
    return torch.no_grad()(partial(model, **inputs))


def grounding_dino(device: str) -> Callable[[], object]:
    """Grounding DINO tiny at 800 x 1066 with 80 names in its prompt."""
    from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection
    model = GroundingDinoForObjectDetection(GroundingDinoConfig()).eval().to(device)
    inputs = dict(input_ids=torch.randint(1, 20000, (1, WORDS_IN_PROMPT), device=device),
                  pixel_values=torch.rand(1, 3, 800, 1066, device=device))
    return torch.no_grad()(partial(model, **inputs))


def florence2(device: str) -> Callable[[], object]:
    """Florence-2 base at 768 x 768: one answer of a dozen objects, greedily. It takes no list of names in one pass."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration
    config = Florence2Config(
        image_token_id=51288,  # the last of the vocabulary
        vision_config=dict(embed_dim=(128, 256, 512, 1024), num_heads=(4, 8, 16, 32), num_groups=(4, 8, 16, 32),
                           depths=(1, 1, 9, 1), projection_dim=768),
        text_config=dict(model_type='bart', vocab_size=51289, d_model=768, encoder_layers=6, decoder_layers=6,
                         encoder_ffn_dim=3072, decoder_ffn_dim=3072, encoder_attention_heads=12,
                         decoder_attention_heads=12))
    model = Florence2ForConditionalGeneration(config).eval().to(device)
    prompt = torch.randint(10, 5000, (1, WORDS_OF_QUESTION), device=device)
    image_tokens = torch.full((1, FLORENCE_IMAGE_TOKENS), config.image_token_id, device=device)
    inputs = dict(input_ids=torch.cat([image_tokens, prompt], 1),
                  pixel_values=torch.rand(1, 3, 768, 768, device=device))
    return torch.no_grad()(partial(model.generate, **inputs, max_new_tokens=WORDS_OF_ANSWER,
                                   min_new_tokens=WORDS_OF_ANSWER, num_beams=1, do_sample=False))


PEERS = {'OWLv2 base': owlv2, 'Grounding DINO tiny': grounding_dino, 'Florence-2 base': florence2}


def photographs_suite(benchmarks: dict[str, PhotographBenchmark], folders: list[FolderBenchmark], device: str) -> Suite:
    """Rows of all models by name, of folders, and of the command's first answer; and their ratios."""
    rows, ratios = {}, {}
    for folder in folders:
        one_by_one, together = own = folder.rows()
        rows |= own
        ratios[f'{one_by_one} / in batches'] = (one_by_one, together, 1)
    rows['command to first answer'] = first_answer
    for name, benchmark in benchmarks.items():
        rows |= benchmark.rows(name)
        alone, whole = benchmark.rows(name)
        ratios[f'{whole} / detector'] = (whole, alone, 1)
    rows |= {name: build(device) for name, build in PEERS.items()}
    first = next(row for row in rows if row.startswith(f'{next(iter(benchmarks))}, batch'))
    ratios |= {f'{peer} / {first}': (peer, first, 1) for peer in PEERS}
    return Suite(rows, ratios)
