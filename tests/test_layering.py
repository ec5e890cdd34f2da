"""Folders import in one direction: structures, {language, ops}, annotations, {models | datasets | evaluation}, engine,
apis, inference, web, cli. Files are short, constructors take few arguments, and no two modules import one another."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / 'visionllm'
MAY_IMPORT = {
    'structures': {'errors'},
    'language': {'structures', 'errors'},
    'ops': {'structures', 'errors'},
    'models': {'structures', 'language', 'ops', 'assets', 'atomic_write', 'errors'},
    'annotations': {'structures', 'language', 'errors'},
    'visualization': {'structures', 'language', 'errors'},
    'datasets': {'annotations', 'structures', 'language', 'errors'},
    'evaluation': {'annotations', 'structures', 'language', 'errors', 'thresholds'},
    'engine': {'structures', 'language', 'ops', 'models', 'annotations', 'datasets', 'evaluation', 'visualization',
               'assets', 'atomic_write', 'errors', 'thresholds'},
    'apis': {'structures', 'language', 'ops', 'models', 'annotations', 'datasets', 'evaluation', 'visualization',
             'engine', 'assets', 'atomic_write', 'errors', 'thresholds', 'registration', 'version'},
    'inference': {'language', 'annotations', 'datasets', 'visualization', 'apis', 'assets', 'errors', 'thresholds'},
    'web': {'language', 'annotations', 'visualization', 'inference', 'assets', 'errors', 'thresholds', 'version'},
    'cli': {'language', 'models', 'annotations', 'datasets', 'visualization', 'engine', 'apis', 'inference', 'web',
            'errors', 'thresholds', 'version'},
}
MODEL_PARTS = {'backbones', 'encoders', 'connectors', 'llms', 'fusion', 'prompts'}  # these never import one another
MAX_LINES, MAX_ARGUMENTS = 300, 10
FILES = sorted(PACKAGE.rglob('*.py'))


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


def test_folders_import_in_one_direction():
    files = [f for f in FILES if len(f.relative_to(PACKAGE).parts) > 1]
    assert len(files) > 20
    for path in files:
        folder = path.relative_to(PACKAGE).parts[0]
        for target in imported(path):
            assert target[0] == folder or target[0] in MAY_IMPORT[folder], f'{path} imports {".".join(target)}'


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


def test_files_are_short():
    lines = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in FILES}
    assert not {name: count for name, count in lines.items() if count > MAX_LINES}


def test_constructors_take_few_arguments():
    too_many = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == '__init__':
                count = len(node.args.args) - 1 + len(node.args.kwonlyargs)
                too_many += [f'{path.name}: {count}'] if count > MAX_ARGUMENTS else []
    assert not too_many


def modules_imported(path: Path) -> set[str]:
    """Modules of this package that a file imports, wherever in it, by their dotted names."""
    modules = {'.'.join(f.relative_to(PACKAGE).with_suffix('').parts) for f in FILES}
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or '').startswith('visionllm')):
            here = path.relative_to(PACKAGE).parent.parts
            base = here[:len(here) - node.level + 1] if node.level else ()
            parts = (*base, *[p for p in (node.module or '').split('.') if p and p != 'visionllm'])
            names = {'.'.join((*parts, alias.name)) for alias in node.names} | {'.'.join(parts)}
            found |= names & modules
    return found


def test_no_modules_import_one_another():
    imports = {'.'.join(path.relative_to(PACKAGE).with_suffix('').parts): modules_imported(path) for path in FILES}
    done, open_now = set(), []

    def visit(name):
        assert name not in open_now, f'{" imports ".join([*open_now[open_now.index(name):], name])}'
        if name not in done:
            open_now.append(name)
            for each in sorted(imports[name]):
                visit(each)
            open_now.pop()
            done.add(name)
    for name in imports:
        visit(name)
    assert len(done) > 100
