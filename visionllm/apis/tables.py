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
SCRATCH = 'configs/visionllm/visionllm_nano_scenes-from-scratch.py'
PLAIN = 'configs/visionllm/visionllm_nano_scenes_plain.py'
FIVE = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
ALL_TASKS = tuple(TASKS)
SAME_WORDS = {'TeachWords': dict(cache='work_dirs/studies/words.pth')}


@dataclass(frozen=True)
class Row:
    """A config, what is changed in it (``--cfg-options``) and in its hooks, by their type, and the tasks that it is
    measured on."""
    options: Mapping[str, object] = field(default_factory=dict)
    hooks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
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
    return Row({f'model.heads.tuples.{name}': value}, SAME_WORDS)


def only(tasks: tuple[str, ...], options: Mapping[str, object], hooks: Mapping[str, Mapping[str, object]]) -> Row:
    """The five tasks' config, trained on pictures for some of them."""
    weights = [int(task in tasks) for task in ALL_TASKS]
    return Row({'train_dataloader.sampler.weights': weights, **options}, hooks, FIVE, tasks)


AS_IT_IS = Row(hooks=SAME_WORDS)
NO_RESIDUAL = {'model.heads.tuples.name_residual': False, 'model.heads.tuples.reading_weight': 1.0}
UNTAUGHT = {'TeachWords': dict(steps=0)}
ADDITIONS = {
    'all of them': AS_IT_IS,
    'hard bins': without('soft_bin_sigma', 0.0),
    'no box loss': without('box_loss_weight', 0.0),
    'no objectness in the score': without('objectness_prior'),
    'no corners from the tokenizer': without('corner_prior'),
    'no residual around the language model': Row(NO_RESIDUAL, SAME_WORDS),
    'all image tokens in the context': without('image_context', True),
    'no words taught first': Row(hooks=UNTAUGHT),
    'no name alignment': Row({'model.heads.tuples.name_loss_weight': 0.0, **NO_RESIDUAL}, UNTAUGHT),
    'no second look': Row({'model.second_look': None}),
    'no second look, words taught by the detector': Row({'model.second_look': None},
                                                        {'TeachWords': dict(from_detector=True, steps=200)}),
    "the paper's plain recipe": Row(config=PLAIN),
}
TASKS_TOGETHER = {'together': Row(config=FIVE, tasks=ALL_TASKS)} | {
    f'{task} alone': only((task, ), {}, {}) for task in ALL_TASKS}


def adapted(rank: int) -> Row:
    """The nano config with adapters of another rank."""
    return Row({'model.llm.lora_rank': rank, 'model.llm.lora_alpha': 2 * rank},
               {'TeachReading': dict(cache=f'work_dirs/studies/reading_r{rank}.pth'), **SAME_WORDS})


LORA = {'rank 0': adapted(0), 'rank 4': adapted(4), 'rank 16': AS_IT_IS, 'rank 64': adapted(64)}
SAME_EVERY_TIME = {'none': [], 'wording': ['wording'], 'wording and classes': ['wording', 'classes']}
RANDOMNESS = {'wording, classes and format': AS_IT_IS} | {
    name: Row({'train_dataloader.collate_fn.vary': vary}, SAME_WORDS) for name, vary in SAME_EVERY_TIME.items()}
FOUND = ('detection', 'grounding')
TEXT_ENCODER = {
    'none': only(FOUND, {'model.text_encoder': dict(type='NoText', _delete_=True),
                         'model.init_cfg.1.checkpoint': 'work_dirs/deformable-detr_nano_scenes/iter_9000.pth'},
                 {'TeachPointing': dict(cache=None, steps=0), 'TeachWords': dict(cache=None)}),
    # after the lessons: at their learning rate it unlearns what words mean, and nothing is pointed out any more
    'trained': only(FOUND, {'model.text_encoder.frozen': False,
                            'optim_wrapper.paramwise_cfg.custom_keys.text_encoder': dict(lr_mult=0.1)}, {}),
    'frozen': only(FOUND, {}, {}),
}
IMAGE_TOKENS = {
    '10 queries': Row({'model.connector.num_queries': 10}, config=SCRATCH),
    '20 queries': Row(config=SCRATCH),
    '40 queries': Row({'model.connector.num_queries': 40}, config=SCRATCH),
    'average pooling': Row({'model.connector.decoder': None}, config=SCRATCH),
}
DECODING = {
    'in parallel': AS_IT_IS,
    'token by token': Row({'model.heads.tuples.type': 'TokenByTokenHead'}, SAME_WORDS),
}
TABLES = dict(additions=Table(ADDITIONS, steps=100, num_images=200),
              tasks=Table(TASKS_TOGETHER, steps=50, num_images=200),
              lora=Table(LORA, steps=100, num_images=200),
              randomness=Table(RANDOMNESS, steps=100, num_images=200),
              decoding=Table(DECODING, steps=100, num_images=200),
              image_tokens=Table(IMAGE_TOKENS, steps=400, num_images=200),
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
            row = table.rows[name]
            done['rows'][name] = (measured_before(table, row, out.parent)
                                  or train_and_measure(table, row, work_dir / name.replace(' ', '_')))
            done['rows'] = {key: done['rows'][key] for key in table.rows if key in done['rows']}  # in their order
            out.write_text(json.dumps(done, indent=1))
    return done


def measured_before(table: Table, row: Row, folder: Path) -> dict | None:
    """Figures of the same row from the file of another table that trains as long."""
    for name, other in TABLES.items():
        path = folder / f'{name}.json'
        if path.exists() and (other.steps, other.num_images) == (table.steps, table.num_images):
            done = json.loads(path.read_text())['rows']
            same = (done[key] for key, known in other.rows.items() if known == row and key in done)
            if figures := next(same, None):
                return figures
    return None


def train_and_measure(table: Table, row: Row, work_dir: Path) -> dict:
    """Figures of one row, the minutes of its training and the seconds of testing."""
    cfg = Config.fromfile(row.config)
    if cfg.max_iters != table.steps:
        cfg.merge_from_dict({'train_cfg.max_iters': table.steps, 'param_scheduler.1.end': table.steps,
                             'param_scheduler.1.T_max': table.steps - cfg.param_scheduler[1].begin})
    measured_below = dict(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.merge_from_dict({**measured_below, **row.options, 'work_dir': str(work_dir)})
    for hook in cfg.custom_hooks:
        hook.update(row.hooks.get(hook.type, {}))
    start = time.time()
    StrictRunner.from_cfg(cfg).train()
    minutes = (time.time() - start) / 60
    config, checkpoint = str(work_dir / Path(row.config).name), str(work_dir / f'iter_{table.steps}.pth')
    model = Inferencer.from_files(config, checkpoint).model
    figures, start = {}, time.time()
    for task in row.tasks:
        figures |= figures_of(Study.of(model, config, table.num_images, task))
    seconds = (time.time() - start) / len(row.tasks) / table.num_images
    return figures | dict(minutes=round(minutes, 1), seconds_a_picture=round(seconds, 3))
