"""Ablations: short training runs that differ in one setting each, evaluated on the same unseen scenes.

All rows of a table are trained for the same number of steps. They share their tokenizer checkpoint, and pre-training
stages that their change does not affect come from the cache, so most rows take minutes. Rows that are already in the
result file are not trained again.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from visionllm.engine import StrictRunner
from visionllm.errors import ConfigError

from .inferencer import Inferencer
from .studies import evaluate_task
from .study import Study

NANO = 'configs/visionllm/visionllm_nano_scenes.py'
FROM_SCRATCH = 'configs/visionllm/visionllm_nano_scenes-from-scratch.py'
PLAIN = 'configs/visionllm/visionllm_nano_scenes_plain.py'
FIVE_TASKS = 'configs/visionllm/visionllm_nano_scenes-five-tasks.py'
LLAVA = 'configs/llava/llava_scene-tokens_smollm2-135m_scenes.py'
FLAMINGO = 'configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_scenes-episodes.py'
TUPLES = 'model.heads.tuples'
ALL_TASKS = ('detection', 'segmentation', 'grounding', 'captioning', 'questions')  # in the order of its datasets

Overrides = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Variant:
    """A training run.

    Args:
        options: Changes to the config, by dotted key as in ``--cfg-options``.
        stages: Changes to stages of its ``PretrainingHook``, by the stages' type or name.
        config: Path of the config.
        tasks: The tasks that it is evaluated on; none for the config's own test.
    """
    options: Mapping[str, object] = field(default_factory=dict)
    stages: Overrides = field(default_factory=dict)
    config: str = NANO
    tasks: tuple[str, ...] = ('detection', )


@dataclass(frozen=True)
class Ablation:
    """Variants by row name, their number of training steps, and the number of test images."""
    rows: Mapping[str, Variant]
    steps: int
    num_images: int


def head_variant(name: str, value: object) -> Variant:
    """The nano config with one option of its head changed."""
    return Variant({f'{TUPLES}.{name}': value})


def task_variant(tasks: tuple[str, ...], options: Mapping[str, object] | None = None,
                 stages: Overrides | None = None) -> Variant:
    """The five-task config, trained and evaluated on some of the tasks."""
    weights = [int(task in tasks) for task in ALL_TASKS]
    return Variant({'train_dataloader.sampler.weights': weights, **(options or {})}, stages or {}, FIVE_TASKS, tasks)


def lora_variant(rank: int) -> Variant:
    """The nano config with LoRA of another rank, at the same scale."""
    return Variant({'model.llm.lora_rank': rank, 'model.llm.lora_alpha': 2 * rank})


BASELINE = Variant()
READER_ALONE = {f'{TUPLES}.class_reader.initial_scale': 1.0}  # nothing is added to its logits
NO_ALIGNMENT_STAGE = {'TokenWordAlignment': dict(steps=0)}
ADDITIONS = {
    'all additions': BASELINE,
    'hard bins': head_variant('coordinates.soft_bin_sigma', 0.0),
    'no box loss': head_variant('coordinates.box_loss_weight', 0.0),
    'no objectness in the score': head_variant('objectness.in_score', False),
    'no location prior': head_variant('coordinates.location_prior', None),
    'no name alignment in the score': Variant({f'{TUPLES}.alignment.in_score': False, **READER_ALONE}),
    'all image tokens in the context': head_variant('class_reader.image_context', True),
    'no token-word alignment stage': Variant(stages=NO_ALIGNMENT_STAGE),
    'no name alignment': Variant({f'{TUPLES}.alignment': None, **READER_ALONE}, NO_ALIGNMENT_STAGE),
    'no RoI refiner': Variant({'model.refiners': None}),
    'no RoI refiner, distilled from the detector': Variant(
        {'model.refiners': None}, {'TokenWordAlignment': dict(from_detector=True, steps=200)}),
    "the paper's plain recipe": Variant(config=PLAIN),
}
JOINT_TRAINING = {'together': Variant(config=FIVE_TASKS, tasks=ALL_TASKS)} | {
    f'{task} alone': task_variant((task, )) for task in ALL_TASKS}
LORA = {'rank 0': lora_variant(0), 'rank 4': lora_variant(4), 'rank 16': BASELINE, 'rank 64': lora_variant(64)}
RANDOMNESS = {'wording, classes and format': BASELINE} | {
    name: Variant({'train_dataloader.collate_fn.vary': vary})
    for name, vary in {'none': [], 'wording': ['wording'], 'wording and classes': ['wording', 'classes']}.items()}
BOX_TASKS = ('detection', 'grounding')
TEXT_ENCODER = {
    'none': task_variant(BOX_TASKS, {
        'model.text_encoder': dict(type='NoTextEncoder', _delete_=True),
        'model.init_cfg.1.checkpoint': 'work_dirs/deformable-detr_nano_scenes/iter_9000.pth',
    }, {'PhraseGrounding': dict(steps=0)}),
    # trained after the pre-training stages: at their learning rate, phrase grounding is lost
    'trained': task_variant(BOX_TASKS, {
        'model.text_encoder.frozen': False,
        'optim_wrapper.paramwise_cfg.custom_keys.text_encoder': dict(lr_mult=0.1),
    }),
    'frozen': task_variant(BOX_TASKS),
}
IMAGE_TOKENS = {
    '10 queries': Variant({'model.connector.num_queries': 10}, config=FROM_SCRATCH),
    '20 queries': Variant(config=FROM_SCRATCH),
    '40 queries': Variant({'model.connector.num_queries': 40}, config=FROM_SCRATCH),
    'average pooling': Variant({'model.connector.decoder': None}, config=FROM_SCRATCH),
}
DECODING = {
    'parallel': BASELINE,
    'autoregressive': head_variant('coordinates.type', 'AutoregressiveCoordinates'),
}
TEXT_TASKS = ('captioning', 'questions')
CONVERSATIONS_ALONE = {'SceneQuestions': dict(steps=0)}


def llava_variant(options: Mapping[str, object] | None = None, stages: Overrides = CONVERSATIONS_ALONE) -> Variant:
    """LLaVA on scenes, trained on conversations alone unless the stages say otherwise."""
    return Variant(options or {}, stages, LLAVA, TEXT_TASKS)


LLAVA_ROWS = {
    'questions': llava_variant(),
    'captions': llava_variant({'train_dataloader.sampler.weights': [1, 0]}),
    'questions and captions': llava_variant({'train_dataloader.sampler.weights': [1, 1]}),
    'several questions behind one image': llava_variant(stages={}),
    'linear projector': llava_variant({'model.heads.text.image_prompt.projector': 'linear'}),
    'no projector alignment': llava_variant(stages={**CONVERSATIONS_ALONE, 'ProjectorAlignment': dict(steps=0)}),
}
FLAMINGO_PARTS = {name: Variant(options, config=FLAMINGO, tasks=()) for name, options in {
    'every 5th layer': {},
    'every layer': {'model.heads.text.every': 1},
    'every 2nd layer': {'model.heads.text.every': 2},
    'every 4th layer': {'model.heads.text.every': 4},
    'no gates': {'model.heads.text.initial_gate': 5.0},
    'an MLP for the resampler': {'model.refiners.resampler': dict(type='MLPRefiner', _delete_=True)},
    'trained language model (LoRA)': {'model.llm.lora_rank': 16, 'model.llm.lora_alpha': 32,
                                      'model.frozen': ('connector.*', 'llm.new_rows.*')},
}.items()}
ABLATIONS = dict(additions=Ablation(ADDITIONS, steps=100, num_images=200),
                 tasks=Ablation(JOINT_TRAINING, steps=50, num_images=200),
                 lora=Ablation(LORA, steps=100, num_images=200),
                 randomness=Ablation(RANDOMNESS, steps=100, num_images=200),
                 decoding=Ablation(DECODING, steps=100, num_images=200),
                 flamingo=Ablation(FLAMINGO_PARTS, steps=160, num_images=100),
                 image_tokens=Ablation(IMAGE_TOKENS, steps=400, num_images=200),
                 text_encoder=Ablation(TEXT_ENCODER, steps=100, num_images=200),
                 llava=Ablation(LLAVA_ROWS, steps=120, num_images=200))


def run_ablation(ablation: Ablation, out: Path, work_dir: Path, rows: list[str] | None = None) -> dict:
    """Train and evaluate the rows that ``out`` does not hold yet.

    Args:
        ablation: The table.
        out: JSON file of the results, extended row by row.
        work_dir: Folder for the training runs.
        rows: Names of the rows to run; None for all.

    Returns:
        The content of ``out``: ``steps``, ``num_images``, and the metrics of each of its ``rows``.

    Raises:
        ConfigError: ``out`` holds rows with other numbers of steps or images.
    """
    settings = dict(steps=ablation.steps, num_images=ablation.num_images)
    results = json.loads(out.read_text()) if out.exists() else settings | dict(rows={})
    if {key: results[key] for key in settings} != settings:
        raise ConfigError(f'{out} holds rows of {results["steps"]} steps and {results["num_images"]} images, but this '
                          f'table has {ablation.steps} and {ablation.num_images}; write to another file.')
    for name in rows or ablation.rows:
        if name not in results['rows']:
            variant = ablation.rows[name]
            results['rows'][name] = (find_result(ablation, variant, out.parent)
                                     or train_and_evaluate(ablation, variant, work_dir / name.replace(' ', '_')))
            results['rows'] = {key: results['rows'][key] for key in ablation.rows if key in results['rows']}
            out.write_text(json.dumps(results, indent=1))
    return results


def find_result(ablation: Ablation, variant: Variant, folder: Path) -> dict | None:
    """Metrics of the same variant in the result file of any table with equally long training; None if there are none.

    Args:
        ablation: The table to fill.
        variant: One of its rows.
        folder: Of the result files.
    """
    for name, other in ABLATIONS.items():
        path = folder / f'{name}.json'
        if path.exists() and (other.steps, other.num_images) == (ablation.steps, ablation.num_images):
            results = json.loads(path.read_text())['rows']
            same = (results[key] for key, known in other.rows.items() if known == variant and key in results)
            if metrics := next(same, None):
                return metrics
    return None


def build_config(ablation: Ablation, variant: Variant, work_dir: Path) -> Config:
    """The config of a variant's training run; it is not evaluated during training."""
    cfg = Config.fromfile(variant.config)
    if cfg.max_iters != ablation.steps:
        cfg.merge_from_dict({'train_cfg.max_iters': ablation.steps, 'param_scheduler.1.end': ablation.steps,
                             'param_scheduler.1.T_max': ablation.steps - cfg.param_scheduler[1].begin})
    no_validation = dict(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.merge_from_dict({**no_validation, **variant.options, 'work_dir': str(work_dir)})
    for stage in pretraining_stages(cfg):
        stage.update({**variant.stages.get(stage.type, {}), **variant.stages.get(stage.name, {})})
    return cfg


def pretraining_stages(cfg: Config) -> list[dict]:
    """The configs of all stages of a config's ``PretrainingHook``."""
    return [stage for hook in cfg.get('custom_hooks', ()) if hook.type == 'PretrainingHook' for stage in hook.stages]


def train_and_evaluate(ablation: Ablation, variant: Variant, work_dir: Path) -> dict:
    """Metrics of a variant, the ``minutes`` of its training and the ``seconds_per_image`` of testing."""
    cfg = build_config(ablation, variant, work_dir)
    start = time.time()
    runner = StrictRunner.from_cfg(cfg)
    runner.train()
    minutes = (time.time() - start) / 60
    if not variant.tasks:
        return runner.test() | dict(minutes=round(minutes, 1))
    config, checkpoint = str(work_dir / Path(variant.config).name), str(work_dir / f'iter_{ablation.steps}.pth')
    model = Inferencer.from_files(config, checkpoint).model
    metrics, start = {}, time.time()
    for task in variant.tasks:
        metrics |= evaluate_task(Study.from_model(model, config, ablation.num_images, task))
    seconds = (time.time() - start) / len(variant.tasks) / ablation.num_images
    return metrics | dict(minutes=round(minutes, 1), seconds_per_image=round(seconds, 3))
