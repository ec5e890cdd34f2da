"""Heavy packages that inference does not use are loaded when they are first used."""

import gc
import pickle
import subprocess
import sys

import pytest

from visionllm import startup

IMPORT = """
import gc, sys
import visionllm.registration
from visionllm import startup
heavy = {*startup.PACKAGES, 'llvmlite', 'numba', 'skimage.transform', 'tensorboard'} & set(sys.modules)
assert not heavy and gc.isenabled(), heavy

import torch
from torch.distributed.optim.functional_adam import _FunctionalAdam
from torch.jit._state import _get_script_class
assert _get_script_class(_FunctionalAdam) is None  # not compiled
assert isinstance(torch.jit.script(torch.nn.ReLU()), torch.jit.ScriptModule)

import pickle
import numpy as np
from mmdet.datasets.transforms import Albu
from mmdet.datasets.transforms import generate_line, transforms
from mmdet.models.task_modules.assigners.hungarian_assigner import linear_sum_assignment
from mmdet.visualization.local_visualizer import mcolors, plt

image = np.full((32, 32, 3), 100, np.uint8)
flipped = pickle.loads(pickle.dumps(Albu([dict(type='HorizontalFlip', p=1)])))(dict(img=np.tril(image[..., 0])))
assert flipped['img'][0, -1] == 100 and flipped['img'][0, 0] == 0
assert not (transforms.corrupt(image, corruption_name='gaussian_noise') == image).all()
assert generate_line.iaa.Fliplr(1.0)(image=image).shape == image.shape
assert generate_line.LineString([(0, 0), (3, 4)]).length == 5
assert linear_sum_assignment(np.array([[1, 0], [0, 1]]))[1].tolist() == [1, 0]
assert mcolors.to_rgb(plt.get_cmap('tab10')(0)) == mcolors.to_rgb('tab:blue')
"""


def test_importing_the_package_does_not_load_them_and_using_them_does():
    process = subprocess.run([sys.executable, '-c', IMPORT], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


@pytest.fixture
def package(tmp_path, monkeypatch) -> None:
    """A package ``heavy_example`` with a module ``part``; only it is deferred."""
    folder = tmp_path / 'heavy_example'
    folder.mkdir()
    (folder / '__init__.py').write_text('__version__ = "1.0"\n')
    (folder / 'part.py').write_text('class Thing:\n    size = 3\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(startup, 'PACKAGES', ('heavy_example', 'not_installed'))
    yield
    for name in [name for name in sys.modules if name.startswith('heavy_example')]:
        del sys.modules[name]


def test_stand_ins_act_as_what_they_stand_for(package):
    with startup.deferred():
        import heavy_example
        import heavy_example.part as part
        from heavy_example.part import Thing
        assert not gc.isenabled()
        with pytest.raises(ImportError):
            import not_installed  # noqa: F401
    assert gc.isenabled() and 'heavy_example' not in sys.modules
    assert isinstance(Thing(), Thing) and not isinstance(3, Thing)
    assert Thing.size == 3 and pickle.loads(pickle.dumps(Thing)).size == 3
    assert part.Thing is sys.modules['heavy_example.part'].Thing and heavy_example.__version__ == '1.0'
    with pytest.raises(AttributeError):
        _ = part.missing
    import heavy_example.part as real
    assert real is not part and issubclass(type('Other', (real.Thing, ), {}), real.Thing)


def test_use_within_the_block_ends_it(package):
    with startup.deferred():
        from heavy_example.part import Thing

        class Other(Thing):
            pass

        import heavy_example.part as real
    assert Other.__mro__[1] is real.Thing and real is sys.modules['heavy_example.part']


def test_packages_that_are_loaded_stay(package):
    import heavy_example.part
    with startup.deferred():
        from heavy_example.part import Thing
    assert Thing is heavy_example.part.Thing
