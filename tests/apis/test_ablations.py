import inspect
import json

import pytest
from mmdet.registry import MODELS, TASK_UTILS
from mmengine.config import Config
from mmengine.registry import FUNCTIONS

from visionllm.apis import ablations
from visionllm.apis.ablations import ABLATIONS, Ablation, Variant, build_config, pretraining_stages, run_ablation
from visionllm.apis.cost import without_weights

from ..conftest import ROOT

REGISTRIES = dict(model=MODELS, train_dataloader=FUNCTIONS)
ROWS = [(table, name) for table in sorted(ABLATIONS) for name in ABLATIONS[table].rows]


@pytest.mark.parametrize(('table', 'name'), ROWS)
def test_every_row_changes_an_existing_option_of_its_config(table, name):
    row = ABLATIONS[table].rows[name]
    cfg = Config.fromfile(row.config)
    for key, changes in row.stages.items():
        stages = [stage for stage in pretraining_stages(cfg) if key in (stage.type, stage.name)]
        assert stages, key
        for stage in stages:
            parameters = inspect.signature(TASK_UTILS.get(stage.type)).parameters
            assert all(stage.get(option, parameters[option].default) != value for option, value in changes.items())
    for key, value in row.options.items():
        *parents, last = key.split('.')
        part = cfg
        for parent in parents:
            part = part[int(parent)] if isinstance(part, list) else part[parent]
        if last in part or parents[-1] == 'custom_keys':  # any name of a part
            assert part.get(last) != value
            continue
        default = inspect.signature(REGISTRIES[parents[0]].get(part.type)).parameters[last].default
        assert default != value


@pytest.mark.parametrize(('table', 'name'), ROWS)
def test_the_model_of_every_row_can_be_built(table, name, tmp_path):
    row = ABLATIONS[table].rows[name]
    cfg = build_config(ABLATIONS[table], row, tmp_path)
    without = without_weights(cfg.model, 'meta')
    for stage in pretraining_stages(cfg):
        stage = TASK_UTILS.build(stage)
        if stage.steps:
            stage.check(without)
    assert cfg.train_cfg.max_iters == ABLATIONS[table].steps and cfg.val_cfg is None


def test_there_is_a_weight_for_each_dataset():
    rows = {name: row for table, name in ROWS if 'train_dataloader.sampler.weights' in
            (row := ABLATIONS[table].rows[name]).options}
    assert len(rows) >= 5
    for name, row in rows.items():
        datasets = Config.fromfile(row.config).train_dataloader.dataset.datasets
        assert len(row.options['train_dataloader.sampler.weights']) == len(datasets), name


def test_stages_are_changed_by_type_or_name(tmp_path):
    table, changes = ABLATIONS['additions'], {'TokenWordAlignment': dict(steps=7), 'class-map-reading': dict(lr=0.5)}
    first, second = pretraining_stages(build_config(table, Variant(stages=changes), tmp_path))
    assert (first.lr, second.steps) == (0.5, 7) and first.steps == 240


def test_the_rows_of_result_files_exist():
    for name, table in ABLATIONS.items():
        done = json.loads((ROOT / f'docs/studies/{name}.json').read_text())
        assert set(done['rows']) <= set(table.rows) and (done['steps'], done['num_images']) == (
            table.steps, table.num_images)


def test_rows_that_are_done_are_kept_and_others_added(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(ablations, 'train_and_evaluate', lambda table, row, _: trained.append(row) or dict(AP=1.0))
    table = Ablation(dict(one=Variant(), two=Variant(dict(a=1))), steps=100, num_images=50)
    out = tmp_path / 'rows.json'
    run_ablation(table, out, tmp_path, ['one'])
    run_ablation(table, out, tmp_path)
    assert list(json.loads(out.read_text())['rows']) == ['one', 'two'] and len(trained) == 2
    with pytest.raises(ValueError, match='holds rows of 100 steps and 50 images'):
        run_ablation(Ablation({}, steps=200, num_images=50), out, tmp_path)


def test_a_variant_in_two_tables_is_trained_once(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(ablations, 'train_and_evaluate', lambda table, row, _: trained.append(row) or dict(AP=1.0))
    for name in ('randomness', 'decoding', 'lora', 'additions'):
        run_ablation(ABLATIONS[name], tmp_path / f'{name}.json', tmp_path)
    assert len(trained) == len(set(map(repr, trained)))
    assert sum(row == ablations.BASELINE for row in trained) == 1
