"""Tables of small training runs: one thing changed a row, the same few steps, the same unseen scenes.

Rows start from the same tokenizer and from the same lessons, unless they are about these, so a row costs minutes. Rows
that the result file holds already are not trained again.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from visionllm.engine import StrictRunner
from visionllm.language import TASKS

from .inferencer import Inferencer
from .studies import Study, figures_of

NANO = 'configs/visionllm/visionllm_nano_scenes.py'
PLAIN = 'configs/visionllm/visionllm_nano_scenes_plain.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
ALL_TASKS = tuple(TASKS)
SAME_WORDS = {'custom_hooks.2.cache': 'work_dirs/studies/words.pth'}


@dataclass(frozen=True)
class Row:
    """A config, what is changed in it (``--cfg-options``), and the tasks that it is measured on."""
    options: Mapping[str, object] = field(default_factory=dict)
    config: str = NANO
    tasks: tuple[str, ...] = ('detection', )


@dataclass(frozen=True)
class Table:
    """Rows, and how long each is trained."""
    rows: Mapping[str, Row]
    steps: int
    num_images: int


def without(name: str, value: object = False) -> Row:
    """The nano config with one switch of its head turned."""
    return Row({f'model.heads.tuples.{name}': value, **SAME_WORDS})


def alone(task: str) -> Row:
    """The five tasks' config, trained on pictures for one of them."""
    weights = [int(task == other) for other in ALL_TASKS]
    return Row({'train_dataloader.sampler.weights': weights}, FIVE, (task, ))


ADDITIONS = {
    'all of them': Row(SAME_WORDS),
    'hard bins': without('soft_bin_sigma', 0.0),
    'no box loss': without('box_loss_weight', 0.0),
    'no objectness in the score': without('objectness_prior'),
    'no corners from the tokenizer': without('corner_prior'),
    'no residual around the language model': Row({'model.heads.tuples.name_residual': False,
                                                  'model.heads.tuples.reading_weight': 1.0, **SAME_WORDS}),
    'all image tokens in the context': without('image_context', True),
    'no words taught first': Row({'custom_hooks.2.steps': 0}),
    'no name alignment': Row({'custom_hooks.2.steps': 0, 'model.heads.tuples.name_loss_weight': 0.0,
                              'model.heads.tuples.name_residual': False,
                              'model.heads.tuples.reading_weight': 1.0}),
    'no second look': Row({'model.second_look': None}),
    'no second look, words taught by the detector': Row(
        {'model.second_look': None, 'custom_hooks.2.from_detector': True, 'custom_hooks.2.steps': 200}),
    "the paper's plain recipe": Row(config=PLAIN),
}
TASKS_TOGETHER = {'together': Row(config=FIVE, tasks=ALL_TASKS)} | {f'{task} alone': alone(task) for task in ALL_TASKS}
LORA = {f'rank {rank}': Row({'model.llm.lora_rank': rank, 'model.llm.lora_alpha': 2 * rank,
                             'custom_hooks.1.cache': f'work_dirs/studies/reading_r{rank}.pth', **SAME_WORDS})
        for rank in (0, 4, 16, 64)}
SAME_EVERY_TIME = {'none': [], 'wording': ['wording'], 'wording and classes': ['wording', 'classes']}
RANDOMNESS = {'wording, classes and format': Row(SAME_WORDS)} | {
    name: Row({'train_dataloader.collate_fn.vary': vary, **SAME_WORDS}) for name, vary in SAME_EVERY_TIME.items()}
ONE_OF_TWO = {'custom_hooks.5.cache': None, 'custom_hooks.6.cache': None, 'custom_hooks.7.cache': None,
              'train_dataloader.sampler.weights': [1, 0, 1, 0, 0]}
TEXT_ENCODER = {name: Row({**options, **ONE_OF_TWO}, FIVE, ('detection', 'grounding')) for name, options in {
    'none': {'model.text_encoder': dict(type='NoText', _delete_=True),
             'custom_hooks.5.steps': 0, 'custom_hooks.6.steps': 0,
             'model.init_cfg.1.checkpoint': 'work_dirs/deformable-detr_nano_scenes/iter_9000.pth'},
    'trained': {'model.text_encoder.frozen': False},
    'frozen': {},
}.items()}
TABLES = dict(additions=Table(ADDITIONS, steps=100, num_images=200),
              tasks=Table(TASKS_TOGETHER, steps=50, num_images=200),
              lora=Table(LORA, steps=100, num_images=200),
              randomness=Table(RANDOMNESS, steps=100, num_images=200),
              text_encoder=Table(TEXT_ENCODER, steps=100, num_images=200))


def fill(table: Table, out: Path, work_dir: Path, rows: list[str] | None = None) -> dict:
    """Train and measure what ``out`` does not hold yet.

    Args:
        out: JSON file of the results, read first and extended row by row.
        work_dir: Of the training runs.
        rows: Only these.

    Returns:
        Figures and minutes of each row.
    """
    made = dict(steps=table.steps, num_images=table.num_images)
    done = json.loads(out.read_text()) if out.exists() else made | dict(rows={})
    if {key: done[key] for key in made} != made:
        raise ValueError(f'{out} holds rows of {done["steps"]} steps and {done["num_images"]} pictures, and the table '
                         f'asks for {table.steps} and {table.num_images}; name another file.')
    for name in rows or table.rows:
        if name not in done['rows']:
            done['rows'][name] = train_and_measure(table, table.rows[name], work_dir / name.replace(' ', '_'))
            out.write_text(json.dumps(done, indent=1))
    return done


def train_and_measure(table: Table, row: Row, work_dir: Path) -> dict:
    """Figures of one row."""
    cfg = Config.fromfile(row.config)
    options = {'train_cfg.max_iters': table.steps, 'param_scheduler.1.end': table.steps,
               'param_scheduler.1.T_max': table.steps - cfg.param_scheduler[1].begin,
               'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None}  # measured below
    cfg.merge_from_dict({**options, **row.options, 'work_dir': str(work_dir)})
    start = time.time()
    StrictRunner.from_cfg(cfg).train()
    minutes = (time.time() - start) / 60
    config, checkpoint = str(work_dir / Path(row.config).name), str(work_dir / f'iter_{table.steps}.pth')
    model = Inferencer.from_files(config, checkpoint).model
    figures = {}
    for task in row.tasks:
        figures |= figures_of(Study.of(model, config, table.num_images, task))
    return figures | dict(minutes=round(minutes, 1))
