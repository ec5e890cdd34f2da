"""The rooms import in one direction: structures, {language, ops}, {models | datasets | evaluation}, {engine | apis}."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / 'visionllm'
MAY_IMPORT = {
    'structures': set(),
    'language': {'structures'},
    'ops': {'structures'},
    'models': {'structures', 'language', 'ops', 'assets'},
    'datasets': {'structures', 'language'},
    'evaluation': {'structures', 'language'},
    'engine': {'structures', 'language', 'ops', 'models', 'datasets', 'evaluation'},
    'apis': {'structures', 'language', 'ops', 'models', 'datasets', 'evaluation', 'engine', 'assets'},
}
MODEL_PARTS = {'backbones', 'encoders', 'connectors', 'llms', 'fusion'}  # these never import one another


def imported(path: Path) -> set[tuple[str, ...]]:
    """Modules of this package that a file imports, as path parts below ``visionllm``."""
    found = set()
    here = path.relative_to(PACKAGE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[:len(here) - node.level + 1]
            found.add(base + tuple((node.module or '').split('.')))
        elif isinstance(node, ast.ImportFrom) and (node.module or '').startswith('visionllm'):
            found.add(tuple(node.module.split('.')[1:]))
    return {tuple(p for p in parts if p) for parts in found} - {()}


def test_rooms_import_in_one_direction():
    files = [f for f in PACKAGE.rglob('*.py') if len(f.relative_to(PACKAGE).parts) > 1]
    assert len(files) > 20
    for path in files:
        room = path.relative_to(PACKAGE).parts[0]
        for target in imported(path):
            assert target[0] == room or target[0] in MAY_IMPORT[room], f'{path} imports {".".join(target)}'


def test_model_parts_do_not_import_one_another():
    for part in MODEL_PARTS:
        for path in (PACKAGE / 'models' / part).rglob('*.py'):
            for target in imported(path):
                others = MODEL_PARTS - {part}
                assert not (target[0] == 'models' and len(target) > 1 and target[1] in others), f'{path}: {target}'


def test_no_task_or_family_in_the_top_model():
    text = (PACKAGE / 'models' / 'visionllm.py').read_text().lower()
    for word in ('detection', 'segmentation', 'grounding', 'caption', 'flamingo', 'llava'):
        assert word not in text.replace('mmdetection', ''), word
