"""The tiny model behind a real server, in a thread of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import pytest

from visionllm import VisionLLM
from visionllm.apis.model_files import ModelConfig
from visionllm.web.server import create_app, open_port
from visionllm.web.service import Service

LACKING = [name for name in ('gradio', 'playwright') if find_spec(name) is None]
collect_ignore_glob = ['test_*.py'] * bool(LACKING)  # tests/test_web_installed.py says so
STARTING_SECONDS = 30
TINY = 'configs/visionllm/visionllm_tiny_scenes.py'


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The address of a server that runs in a thread."""
    import uvicorn
    with open_port('127.0.0.1', 0) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(service), log_level='error', timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listening]), daemon=True)
        thread.start()
        deadline = monotonic() + STARTING_SECONDS
        while not server.started and monotonic() < deadline:
            sleep(0.05)
        assert server.started
        yield f'http://127.0.0.1:{listening.getsockname()[1]}'
        server.should_exit = True
        thread.join(STARTING_SECONDS)
        assert not thread.is_alive()


@pytest.fixture(scope='session')
def model(tiny, tmp_path_factory) -> VisionLLM:
    """The tiny model as a user has it, of random weights."""
    folder: Path = tmp_path_factory.mktemp('tiny')
    ModelConfig.from_config(TINY).save(folder, tiny, 'tiny')
    return VisionLLM(folder, device='cpu')


@pytest.fixture(scope='session')
def address(model) -> Iterator[str]:
    with serving(Service(model, max_users=200)) as found:
        yield found
