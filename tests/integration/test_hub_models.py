"""Models on the Hugging Face hub, by a hub on this machine: uploaded, used by id, and used without the hub."""

import json
import subprocess
import sys

import pytest

from visionllm.assets import IMAGES

from ..conftest import ROOT
from ..hub_server import TOKEN, run_hub

USE = f'''
import sys
from visionllm import VisionLLM
from visionllm.errors import UserError


def show(run):
    try:
        print(run())
    except UserError as error:
        print(error)


if 'upload' in sys.argv:
    photo = VisionLLM('photo')
    show(lambda: photo.push_to_hub('me/pets', private=True, token={TOKEN!r}))
    show(lambda: photo.push_to_hub('me/pets', token='another'))
show(lambda: VisionLLM('me/pets').predict({str(IMAGES / 'cat.jpg')!r}, classes=['cat'])[0].to_json())
show(lambda: VisionLLM('me/dogs'))
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the above in a process of its own, and gives the lines that it prints."""
    for name, value in dict(HF_HOME=tmp_path, HF_HUB_DISABLE_XET=1, HF_HUB_OFFLINE=0).items():
        monkeypatch.setenv(name, str(value))

    def run(*args):
        done = subprocess.run([sys.executable, '-c', USE, *args], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
    return run


def test_a_model_is_uploaded_and_used_by_its_id(run, monkeypatch):
    with run_hub() as hub:
        monkeypatch.setenv('HF_ENDPOINT', hub.url)
        address, refused, answer, unknown = run('upload')
        assert address.startswith(f'{hub.url}/me/pets/commit/')
        assert 'did not take me/pets (Client error' in refused and 'Is there a token' in refused
        assert [each['name'] for each in json.loads(answer)['objects']] == ['cat']
        assert 'me/dogs is no folder here and no model on the Hugging Face hub' in unknown
        files = hub.repositories['me/pets']
        assert set(files) - {'.gitattributes'} == {'README.md', 'config.json', 'model.safetensors'}
        assert "VisionLLM('me/pets')" in files['README.md'].decode() and hub.private == {'me/pets'}

    from_cache, unknown = run()
    assert from_cache == answer
    assert 'was not reached' in unknown and 'In its cache are me/pets' in unknown
