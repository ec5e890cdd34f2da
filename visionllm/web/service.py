"""One model for all users: requests wait for their turn, in order, and at most so many and so long."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from visionllm.annotations.images import ImageError, read_image
from visionllm.inference.request import Request

from .bounds import MAX_USERS, MAX_WAIT, BusyError, check_picture, check_request

if TYPE_CHECKING:
    from visionllm import VisionLLM
    from visionllm.visualization import Prediction


class Service:
    """Answers requests one after the other, in one thread of its own, so that one picture at a time is decoded and
    the event loop stays free.

    Args:
        model: Shared by all users.
        max_users: Requests at once; one is computed, the others wait.
        max_wait: Seconds that a request waits for its turn.
    """

    def __init__(self, model: 'VisionLLM', max_users: int = MAX_USERS, max_wait: float = MAX_WAIT):
        self.model = model
        self.max_users, self.max_wait = max_users, max_wait
        self._places = threading.BoundedSemaphore(max_users)
        self._thread = ThreadPoolExecutor(1, 'predict')

    async def answer(self, picture: str | Path, name: str, request: Request,
                     threshold: float | None = None) -> 'Prediction':
        """The answer about a picture.

        Args:
            picture: Its file.
            name: What the user calls it, for the answer and for messages.
            request: What is asked.
            threshold: As of ``VisionLLM.predict``.

        Raises:
            BusyError: Too many requests wait already, or this one has waited too long.
            BoundError: Picture, names or text are larger than this server takes.
            InstructionError: Names, points or the instruction are invalid, or the model has no such output.
            ImageError: The picture cannot be read.
        """
        check_request(request)
        if not self._places.acquire(blocking=False):
            raise BusyError(f'{self.max_users} requests are being answered: try again in a minute.')
        job = self._thread.submit(self._predict, Path(picture), name, request, threshold)
        try:
            answer = asyncio.wrap_future(job)
            await asyncio.wait([answer], timeout=self.max_wait)
            if job.cancel():  # it has not begun
                raise BusyError(f'The request has waited {self.max_wait:.0f} seconds for its turn: try again later.')
            return await answer
        finally:
            job.cancel()
            self._places.release()

    def _predict(self, picture: Path, name: str, request: Request, threshold: float | None) -> 'Prediction':
        try:
            check_picture(picture, name)
            image = read_image(picture)
        except ImageError as error:
            raise ImageError(str(error).replace(str(picture), name)) from None
        prediction, = self.model.predict(
            image, classes=request.classes, expression=request.expression, question=request.question,
            caption=request.caption, instruction=request.instruction, points=request.points, threshold=threshold)
        return replace(prediction, path=name)
