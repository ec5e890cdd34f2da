"""A web page, and a REST API, that answer about pictures.

    visionllm web                                    http://127.0.0.1:7860, for this machine alone
    visionllm web --model own_model --port 8000
    visionllm web --host 0.0.0.0 --max-users 50      for all who reach this machine: there is no password
    curl -F image=@photo.jpg -F classes="dog, red car" http://127.0.0.1:7860/api/predict

The API is described at /docs. Needs the extra: pip install "visionllm[web]".
"""

import argparse
from importlib.util import find_spec

from .common import UsageError
from .predict import add_model

PACKAGES = ('gradio', 'fastapi', 'uvicorn')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_model(parser)
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen at (default 127.0.0.1, this machine alone; 0.0.0.0 for all)')
    parser.add_argument('--port', type=int, default=7860, help='port to listen at; 0 for any (default 7860)')
    parser.add_argument('--max-users', type=positive, metavar='N',
                        help='requests at once; one is computed, the others wait (default 20)')


def positive(text: str) -> int:
    """A number of at least 1; argparse reports others."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text} is no number of at least 1')
    return int(text)


def run(args: argparse.Namespace) -> None:
    """Serve until interrupted.

    Raises:
        UsageError: The packages of the page are not installed.
    """
    lacking = [name for name in PACKAGES if find_spec(name) is None]
    if lacking:
        raise UsageError(f'visionllm web needs {", ".join(lacking)}: pip install "visionllm[web]".')

    from visionllm.web.server import create_app, open_port, serve
    with open_port(args.host, args.port) as listening:
        from visionllm import VisionLLM
        from visionllm.web.bounds import MAX_USERS
        from visionllm.web.service import Service
        model = VisionLLM(args.model, args.checkpoint, args.device)
        app = create_app(Service(model, args.max_users or MAX_USERS))
        host, port = listening.getsockname()[:2]
        print(f'http://{f"[{host}]" if ":" in host else host}:{port} (API: /docs)', flush=True)
        serve(app, listening)
