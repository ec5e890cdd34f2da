import os
from concurrent.futures import ThreadPoolExecutor
from threading import get_native_id

import pytest

from visionllm.atomic_write import SavingError, write_atomically
from visionllm.engine.checkpoint_files import last_checkpoint
from visionllm.models.safe_loading import load_local, save_safetensors

from ..conftest import tiny_runner


def fill_the_disk(path):
    """What is written to this path next finds no space left."""
    os.symlink('/dev/full', f'{path}.{get_native_id()}.partial')


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    runner = tiny_runner(tmp_path)
    fill_the_disk(tmp_path / 'iter_2.pth')
    with pytest.raises(SavingError, match=r'iter_2.pth \(.* MB\) could not be written: No space left on device. .*'
                                          '--resume'):
        runner.train()
    assert [path.name for path in tmp_path.glob('iter_*')] == ['iter_1.pth']
    assert last_checkpoint(tmp_path) == str(tmp_path / 'iter_1.pth')
    log, = tmp_path.glob('*/*.log')  # what happened is not buried
    assert 'parameters are trained' in log.read_text() and 'requires_grad=False' not in log.read_text()
    assert load_local(tmp_path / 'iter_1.pth')['meta']['iter'] == 1


def test_what_was_there_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / 'a.safetensors'
    write_atomically(path, b'old')
    fill_the_disk(path)
    with pytest.raises(SavingError, match='No space left'):
        save_safetensors({}, path, {})
    assert path.read_bytes() == b'old'
    write_atomically(path, b'new')
    assert path.read_bytes() == b'new' and list(tmp_path.iterdir()) == [path]


def test_two_that_write_one_file_leave_the_whole_content_of_one(tmp_path):
    path = tmp_path / 'cache'
    contents = [bytes([number]) * 2**20 for number in range(4)]
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(write_atomically, path, content) for content in contents * 10]:
            future.result()
    assert path.read_bytes() in contents and list(tmp_path.iterdir()) == [path]


def test_the_last_checkpoint_is_of_the_last_iteration_in_this_folder(tmp_path):
    assert last_checkpoint(tmp_path) is None
    work, original = tmp_path / 'copy', tmp_path / 'original'
    for folder in (work, original):
        folder.mkdir()
        for number, name in enumerate(('iter_10.pth', 'iter_9.pth', 'iter_11.pth.partial', 'iter_best.pth')):
            (folder / name).touch()
            os.utime(folder / name, (number, number))
    (original / 'iter_12.pth').touch()
    for noted in ('', tmp_path / 'gone.pth', original / 'iter_12.pth', work / 'iter_9.pth'):
        (work / 'last_checkpoint').write_text(str(noted))
        assert last_checkpoint(work) == str(work / 'iter_10.pth')

