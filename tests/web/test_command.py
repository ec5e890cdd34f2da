"""The command: mistakes are one sentence, before the model is loaded; a real process serves and stops."""

import re
import signal
import subprocess
import sys

import httpx
import pytest

from visionllm.cli import web
from visionllm.cli.main import main
from visionllm.web.server import open_port

from ..conftest import ROOT


def mistake(capsys, *arguments: str) -> str:
    """The sentence that the command ends with."""
    with pytest.raises(SystemExit) as stopped:
        main(['web', *arguments])
    assert stopped.value.code == 2
    return capsys.readouterr().err.strip()


def test_a_port_in_use(capsys):
    with open_port('127.0.0.1', 0) as taken:
        port = taken.getsockname()[1]
        sentence = mistake(capsys, '--port', str(port), '--model', 'gone')  # the port is tried first
    assert sentence == (f'error: The server cannot listen at 127.0.0.1:{port} (Address already in use): choose another '
                        '--port or --host.')


@pytest.mark.parametrize('arguments, words', [
    (('--port', '70000'), 'There is no port 70000'),
    (('--host', 'no.such.host.invalid', '--port', '0'), 'no.such.host.invalid:0 (there is no such host)'),
    (('--model', 'gone', '--port', '0'), "There is no model 'gone'"),
    (('--max-users', '0'), '0 is no number of at least 1'),
])
def test_arguments_that_cannot_be_used(capsys, arguments, words):
    assert words in mistake(capsys, *arguments)


def test_the_extra_is_not_installed(capsys, monkeypatch):
    monkeypatch.setattr(web, 'PACKAGES', ('gradio_that_is_not_there', ))
    assert mistake(capsys) == ('error: visionllm web needs gradio_that_is_not_there: pip install "visionllm[web]".')


def test_a_process_serves_this_machine_and_stops_when_it_is_interrupted(model):
    command = [sys.executable, '-m', 'visionllm', 'web', '--model', model.name, '--device', 'cpu', '--port', '0']
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        address = re.fullmatch(r'(http://127\.0\.0\.1:\d+) \(API: /docs\)\n', process.stdout.readline())
        try:
            assert httpx.get(f'{address[1]}/api/health', timeout=30).json()['status'] == 'ok'
            assert 'VisionLLM' in httpx.get(address[1], timeout=30).text
        finally:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors.strip() == 'interrupted'


def test_gradio_leaves_no_file_beside_the_page():
    assert not list((ROOT / 'visionllm/web').glob('*.pyi'))
