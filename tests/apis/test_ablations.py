import inspect
import json

import pytest
from mmdet.registry import HOOKS, MODELS
from mmengine.config import Config

from visionllm.apis import ablations
from visionllm.apis.ablations import ADDITIONS, ablate


@pytest.mark.parametrize('name', sorted(ADDITIONS))
def test_every_row_changes_something_that_its_config_has(name):
    variant = ADDITIONS[name]
    cfg = Config.fromfile(variant.config)
    for key, value in variant.options.items():
        *parents, field = key.split('.')
        if parents == ['model']:
            assert cfg.model[field] != value
            continue
        assert parents == ['model', 'heads', 'tuples'] or parents[0] == 'custom_hooks', key
        part = cfg.model.heads.tuples if parents[0] == 'model' else cfg.custom_hooks[int(parents[1])]
        default = inspect.signature((MODELS if parents[0] == 'model' else HOOKS).get(part.type)).parameters[field]
        assert part.get(field, default.default) != value


def test_rows_that_are_done_are_kept_and_others_added(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(ablations, 'train_and_measure', lambda variant, *_: trained.append(variant) or dict(AP=1.0))
    out = tmp_path / 'rows.json'
    ablate(100, 50, out, tmp_path, ['hard bins'])
    ablate(100, 50, out, tmp_path, ['hard bins', 'no box loss'])
    assert list(json.loads(out.read_text())['rows']) == ['hard bins', 'no box loss'] and len(trained) == 2
    with pytest.raises(ValueError, match='holds rows of 100 steps and 50 pictures'):
        ablate(200, 50, out, tmp_path)
