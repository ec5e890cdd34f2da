"""Every public function and class says what it does, and every tensor that it takes or returns has a shape."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / 'visionllm'
FILES = sorted(PACKAGE.rglob('*.py'))
SHAPE = re.compile(r'\b(?:float|int|bool|uint|long)\w*\[')
DOCUMENTED_BY_THEIR_BASE = {  # overridden methods of mmengine, mmdet and torch, whose docstrings hold
    'after_load_checkpoint', 'after_train', 'after_train_iter', 'before_run', 'before_save_checkpoint', 'before_train',
    'before_train_iter', 'after_val', 'check', 'extra_repr', 'init_weights', 'put', 'train', 'transform', 'backward',
    'optim_context', 'find_class', 'main', 'parse_args'}


def is_public(node: ast.AST) -> bool:
    return not node.name.startswith('_')


def definitions(tree: ast.Module):
    """Public classes and functions, and public methods of public classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and is_public(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (each for each in node.body if isinstance(each, ast.FunctionDef) and is_public(each))


def has_tensor(annotation: ast.AST | None) -> bool:
    """Whether a tensor or an array is annotated; state dicts and losses by name have no one shape."""
    text = ast.unparse(annotation) if annotation is not None else ''
    return bool(re.search(r'\b(?:Tensor|NDArray|ndarray)\b', re.sub(r'dict\[[^\]]*\]', '', text)))


def takes_tensors(node: ast.FunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return any(has_tensor(each.annotation) for each in arguments) or has_tensor(node.returns)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_are_documented_and_tensors_have_shapes(path):
    lacking = []
    for node in definitions(ast.parse(path.read_text())):
        if 'overload' in map(ast.unparse, node.decorator_list):
            continue  # the implementation is documented
        if node.name in DOCUMENTED_BY_THEIR_BASE:
            continue
        text = ast.get_docstring(node) or ''
        if not text:
            lacking.append(f'{node.lineno}: {node.name} has no docstring')
        elif isinstance(node, ast.FunctionDef) and takes_tensors(node) and not SHAPE.search(text):
            lacking.append(f'{node.lineno}: {node.name} gives no shape')
    assert not lacking, '\n'.join(lacking)


def test_files_were_found():
    assert len(FILES) > 80


def unannotated(node: ast.FunctionDef, is_method: bool) -> list[str]:
    """Parameters without a type, and ``return`` where what is returned has none."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    if is_method and 'staticmethod' not in map(ast.unparse, node.decorator_list):
        arguments = arguments[1:]
    arguments += [each for each in (node.args.vararg, node.args.kwarg) if each]
    lacking = [each.arg for each in arguments if each.annotation is None]
    return lacking + ['return'] * (node.returns is None and node.name != '__init__')


def test_every_public_function_is_annotated():
    lacking, count = [], 0
    for path in FILES:
        tree = ast.parse(path.read_text())
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and is_public(node)]
        of_classes = [(node, True) for each in classes for node in each.body]
        for node, is_method in [*((node, False) for node in tree.body), *of_classes]:
            if not isinstance(node, ast.FunctionDef) or not (is_public(node) or node.name.startswith('__')):
                continue
            if any(ast.unparse(each).startswith('triton.jit') for each in node.decorator_list):
                continue  # an annotation there is an instruction to Triton's compiler
            count += 1
            lacking += [f'{path.relative_to(PACKAGE)}:{node.lineno}: {node.name}: {name}'
                        for name in unannotated(node, is_method)]
    assert count > 1000 and not lacking, '\n'.join(lacking)


def test_what_is_not_annotated_is_seen():
    node = ast.parse('def f(self, a, /, b: int, *c, d, **e): ...').body[0]
    assert unannotated(node, is_method=True) == ['a', 'd', 'c', 'e', 'return']
