import inspect
import json

import pytest
from mmdet.registry import HOOKS, MODELS
from mmengine.config import Config
from mmengine.registry import FUNCTIONS

from visionllm.apis import tables
from visionllm.apis.tables import TABLES, Row, Table, fill

REGISTRIES = dict(custom_hooks=HOOKS, model=MODELS, train_dataloader=FUNCTIONS)
ROWS = [(table, name) for table in sorted(TABLES) for name in TABLES[table].rows]


@pytest.mark.parametrize(('table', 'name'), ROWS)
def test_every_row_changes_something_that_its_config_has(table, name):
    row = TABLES[table].rows[name]
    cfg = Config.fromfile(row.config)
    types = [hook.type for hook in cfg.custom_hooks]
    hooks = {f'custom_hooks.{types.index(name)}.{key}': value for name, changes in row.hooks.items()
             for key, value in changes.items()}
    for key, value in {**row.options, **hooks}.items():
        *parents, last = key.split('.')
        part = cfg
        for parent in parents:
            part = part[int(parent)] if isinstance(part, list) else part[parent]
        if last in part or parents[-1] == 'custom_keys':  # any name of a part
            assert part.get(last) != value
            continue
        default = inspect.signature(REGISTRIES[parents[0]].get(part.type)).parameters[last].default
        assert default != value


def test_rows_that_are_done_are_kept_and_others_added(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(tables, 'train_and_measure', lambda table, row, _: trained.append(row) or dict(AP=1.0))
    table = Table(dict(one=Row(), two=Row(dict(a=1))), steps=100, num_images=50)
    out = tmp_path / 'rows.json'
    fill(table, out, tmp_path, ['one'])
    fill(table, out, tmp_path)
    assert list(json.loads(out.read_text())['rows']) == ['one', 'two'] and len(trained) == 2
    with pytest.raises(ValueError, match='holds rows of 100 steps and 50 pictures'):
        fill(Table({}, steps=200, num_images=50), out, tmp_path)


def test_a_row_of_two_tables_is_trained_once(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(tables, 'train_and_measure', lambda table, row, _: trained.append(row) or dict(AP=1.0))
    for name in ('randomness', 'decoding', 'lora', 'additions'):
        fill(TABLES[name], tmp_path / f'{name}.json', tmp_path)
    assert len(trained) == len(set(map(repr, trained)))
    assert sum(row == tables.AS_IT_IS for row in trained) == 1
