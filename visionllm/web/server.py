"""Page and REST API in one process."""

import os
import socket
from typing import TYPE_CHECKING

from visionllm.errors import UserError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from .service import Service

STOPPING_SECONDS = 3  # that answers may take when the server is stopped


class PortError(UserError, OSError):
    """An address at which no server can listen."""


def open_port(host: str, port: int) -> socket.socket:
    """Listen at an address; requests wait until the server runs.

    Args:
        host: Name or address of this machine.
        port: 0 for any that is free.

    Raises:
        PortError: It is in use, or not of this machine.
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OverflowError:
        raise PortError(f'There is no port {port}: choose a --port from 0 to 65535.') from None
    except OSError as error:
        # the name service has negative numbers
        reason = os.strerror(error.errno) if error.errno > 0 else 'there is no such host'
        raise PortError(f'The server cannot listen at {host}:{port} ({reason}): choose another --port or --host.') \
            from None


def create_app(service: 'Service') -> 'FastAPI':
    """The app: ``/api``, its description at ``/docs``, and the page at ``/``.

    Args:
        service: Answers for both.
    """
    import gradio as gr
    from fastapi import FastAPI

    from visionllm.version import __version__

    from .bounds import MAX_UPLOAD
    from .page import CSS, build_page
    from .rest import BodyLimit, add_api
    app = FastAPI(title='VisionLLM', version=__version__,
                  description='Finds what is named on a picture, describes it, and answers questions about it.')
    app.add_middleware(BodyLimit)
    add_api(app, service)
    return gr.mount_gradio_app(app, build_page(service), '/', max_file_size=MAX_UPLOAD, show_error=False, css=CSS,
                               footer_links=[], run_history=False, ssr_mode=False)


def serve(app: 'FastAPI', listening: socket.socket) -> None:
    """Serve until the process is interrupted.

    Args:
        app: Page and API.
        listening: Of ``open_port``.
    """
    import uvicorn
    config = uvicorn.Config(app, log_level='warning', timeout_graceful_shutdown=STOPPING_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])
