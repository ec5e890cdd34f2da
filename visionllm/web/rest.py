"""The REST API: a picture and a form in, the answer as JSON out; described at ``/docs``."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from visionllm.errors import UserError
from visionllm.thresholds import EXPRESSION_THRESHOLD, SCORE_THRESHOLD

from .bounds import MAX_NAMES, MAX_UPLOAD, BusyError, PictureTooLargeError
from .fields import read_fields
from .service import Service

CHUNK = 2**20  # bytes
STATUS = {PictureTooLargeError: 413, BusyError: 429}  # of a user's other mistakes 422
THRESHOLD_HELP = (f'minimum score of an object; {SCORE_THRESHOLD} if not given, and {EXPRESSION_THRESHOLD} for an '
                  'expression')
EXAMPLE = dict(  # of the model for photographs: visionllm/images/cat.jpg with the classes cat and dog
    image='cat.jpg',
    instruction='Find all objects of these classes: {"cat": <c0>, "dog": <c1>}. Answer with (c, x1, y1, x2, y2) for '
                'each. Picture: <image>',
    objects=[dict(name='cat', score=0.8681, box=[8.97, 0.04, 405.48, 297.31],
                  points=[[8.97, 0.04], [405.48, 297.31]])],
    seconds=0.041)


class FoundObject(BaseModel):
    """An object, in pixels of the picture."""
    name: str
    score: float
    box: list[float] = Field(description='x1, y1, x2, y2')
    points: list[list[float]] = Field(description='corners of the box, vertices of the polygon, or keypoints')


class PredictionModel(BaseModel):
    """Objects, or a text with its score."""
    model_config = ConfigDict(json_schema_extra=dict(example=EXAMPLE))
    image: str = Field(description='file name of the picture')
    instruction: str | list[str] = Field(description='what the model read; of many names several sentences')
    objects: list[FoundObject] | None = Field(None, description='best first')
    text: str | None = None
    score: float | None = Field(None, description='mean probability of the words of the text')
    seconds: float = Field(description='that the model took')


class Mistake(BaseModel):
    """Why there is no answer."""
    detail: str = Field(description='one sentence')


class Health(BaseModel):
    """What the server runs."""
    status: str
    model: str


ERRORS = {status: dict(model=Mistake, description=what) for status, what in (
    (413, 'picture or upload too large'), (422, 'a request that cannot be answered'), (429, 'too many requests wait'))}


def add_api(app: FastAPI, service: Service) -> None:
    """Add the routes ``/api/predict`` and ``/api/health``, and errors of one sentence, to an app."""

    @app.post('/api/predict', response_model=PredictionModel, response_model_exclude_none=True, responses=ERRORS)
    async def predict(
            image: Annotated[UploadFile, File(description='JPEG, PNG, WebP, BMP or TIFF')],
            classes: Annotated[str, Form(description=f'names, one a line or separated by commas; at most {MAX_NAMES}',
                                         examples=['cat, dog'])] = '',
            points: Annotated[int, Form(description='with classes: polygons of 4 to 64 points; 0 for boxes')] = 0,
            expression: Annotated[str, Form(description='find the one object that it describes')] = '',
            question: Annotated[str, Form(description='to answer in text')] = '',
            instruction: Annotated[str, Form(description='an instruction of your own, with class map, output format '
                                                         'and `<image>`; several are a line each')] = '',
            caption: Annotated[bool, Form(description='describe the picture')] = False,
            threshold: Annotated[float | None, Form(ge=0, le=1, description=THRESHOLD_HELP)] = None) -> dict[str, Any]:
        """Ask about a picture. Give one of classes, expression, question, instruction and caption.

            curl -F image=@cat.jpg -F classes="cat, dog" http://127.0.0.1:7860/api/predict
        """
        request = read_fields(classes, points, expression, question, instruction, caption)
        with tempfile.NamedTemporaryFile() as file:
            while chunk := await image.read(CHUNK):
                file.write(chunk)
            file.flush()
            prediction = await service.answer(file.name, Path(image.filename or 'image').name, request, threshold)
        return prediction.as_dict() | dict(seconds=round(prediction.seconds, 3))

    @app.get('/api/health')
    async def health() -> Health:
        """Whether the server answers, and with which model."""
        return Health(status='ok', model=service.model.name)

    @app.exception_handler(UserError)
    async def report_mistake(_: Request, error: UserError) -> JSONResponse:
        return JSONResponse(dict(detail=str(error)), STATUS.get(type(error), 422))

    @app.exception_handler(RequestValidationError)
    async def report_fields(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(dict(detail=' '.join(map(_sentence_of, error.errors()))), 422)


def _sentence_of(error: dict[str, Any]) -> str:
    """The sentence of one invalid field."""
    field = error['loc'][-1]
    if field == 'image':
        return 'image is missing: send a picture as a file of a form (multipart/form-data).'
    return f'{field}: {error["msg"]}.'


class BodyLimit:
    """ASGI middleware that refuses requests of more bytes than ``MAX_UPLOAD``, by their header or while they come.

    Args:
        app: What is called for the others.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        detail = f'The request is larger than {MAX_UPLOAD // 2**20} MB: send a smaller picture.'
        if int(dict(scope['headers']).get(b'content-length', b'0')) > MAX_UPLOAD:
            await JSONResponse(dict(detail=detail), 413, dict(connection='close'))(scope, receive, send)
            return
        count = 0

        async def receive_counted() -> dict:
            nonlocal count
            message = await receive()
            count += len(message.get('body', b''))
            if count > MAX_UPLOAD:
                raise HTTPException(413, detail)
            return message
        await self.app(scope, receive_counted, send)
