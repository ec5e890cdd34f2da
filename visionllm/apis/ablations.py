"""What each addition to the paper's recipe is worth: train the same few steps without it, measure on the same scenes.

Every row starts from the same tokenizer and the same reading lesson, and from the same words lesson unless the row is
about words, so a row costs minutes. Rows that the result file holds already are not trained again.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from visionllm.engine import StrictRunner
from visionllm.evaluation.detection import average_precision

from .studies import Study

NANO = 'configs/visionllm/visionllm_nano_scenes.py'


@dataclass(frozen=True)
class Variant:
    """A config, and what is changed in it (``--cfg-options``)."""
    options: dict[str, object] = field(default_factory=dict)
    config: str = NANO
    same_words: bool = True  # starts from the words lesson that the other rows start from


def without(name: str, value: object = False) -> Variant:
    """The nano config with one switch of its head turned."""
    return Variant({f'model.heads.tuples.{name}': value})


ADDITIONS = {
    'all of them': Variant(),
    'hard bins': without('soft_bin_sigma', 0.0),
    'no box loss': without('box_loss_weight', 0.0),
    'no objectness in the score': without('objectness_prior'),
    'no corners from the tokenizer': without('corner_prior'),
    'no residual around the language model': Variant({'model.heads.tuples.name_residual': False,
                                                      'model.heads.tuples.reading_weight': 1.0}),
    'all image tokens in the context': without('image_context', True),
    'no words taught first': Variant({'custom_hooks.2.steps': 0}, same_words=False),
    'no name alignment': Variant({'custom_hooks.2.steps': 0, 'model.heads.tuples.name_loss_weight': 0.0,
                                  'model.heads.tuples.name_residual': False,
                                  'model.heads.tuples.reading_weight': 1.0}, same_words=False),
    'no second look': Variant({'model.second_look': None}, same_words=False),
    'no second look, words taught by the detector': Variant(
        {'model.second_look': None, 'custom_hooks.2.from_detector': True, 'custom_hooks.2.steps': 200},
        same_words=False),
    "the paper's plain recipe": Variant(config='configs/visionllm/visionllm_nano_scenes_plain.py', same_words=False),
}


def ablate(steps: int, num_images: int, out: Path, work_dir: Path, rows: list[str] | None = None) -> dict:
    """Train and measure the variants of ``ADDITIONS``.

    Args:
        steps: Training steps on pictures, each row.
        num_images: Unseen scenes to measure on.
        out: JSON file of the results, read first and extended row by row.
        rows: Only these.

    Returns:
        AP, AP50 and minutes of each row.
    """
    done = json.loads(out.read_text()) if out.exists() else dict(steps=steps, num_images=num_images, rows={})
    if (done['steps'], done['num_images']) != (steps, num_images):
        raise ValueError(f'{out} holds rows of {done["steps"]} steps and {done["num_images"]} pictures; go on with '
                         'those, or name another file.')
    for name in rows or ADDITIONS:
        if name not in done['rows']:
            folder = work_dir / name.replace(' ', '_')
            words = work_dir / 'words.pth' if ADDITIONS[name].same_words else None
            done['rows'][name] = train_and_measure(ADDITIONS[name], steps, num_images, folder, words)
            out.write_text(json.dumps(done, indent=1))
    return done


def train_and_measure(variant: Variant, steps: int, num_images: int, work_dir: Path, words: Path | None) -> dict:
    """One row: AP and AP50 on the first unseen scenes after ``steps`` steps, from the words lesson kept in a file."""
    options = variant.options | {'train_cfg.max_iters': steps, 'param_scheduler.1.end': steps,
                                 'param_scheduler.1.T_max': steps - 20,
                                 'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None}  # measured below
    if words:
        options |= {'custom_hooks.2.cache': str(words)}
    cfg = Config.fromfile(variant.config)
    cfg.merge_from_dict(options | {'work_dir': str(work_dir)})
    start = time.time()
    StrictRunner.from_cfg(cfg).train()
    minutes = (time.time() - start) / 60
    study = Study.from_files(str(work_dir / Path(variant.config).name), str(work_dir / f'iter_{steps}.pth'), num_images)
    found = study.ask(study.instruction(study.names))
    metrics = average_precision(study.truth, found, study.category_ids(study.names))
    return dict(AP=metrics['AP'], AP50=metrics['AP50'], minutes=round(minutes, 1))
