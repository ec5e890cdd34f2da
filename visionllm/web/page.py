"""The page: a form that writes an instruction, and the answer on the picture, filtered without the model."""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable
from functools import wraps
from io import BytesIO
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from visionllm.assets import IMAGES
from visionllm.errors import UserError
from visionllm.inference.request import Request, RequestError
from visionllm.language.output_format import InstructionError
from visionllm.thresholds import SCORE_THRESHOLD

from .answer import SHOWN_OBJECTS, Answer
from .bounds import MAX_NAMES
from .fields import read_fields
from .service import Service

CLASSES, EXPRESSION, QUESTION, CAPTION = 'Names', 'Expression', 'Question', 'Caption'
EXAMPLES = [[str(IMAGES / 'cat.jpg'), 'cat, couch'], [str(IMAGES / 'coffee.jpg'), 'cup, spoon, dining table'],
            [str(IMAGES / 'astronaut.jpg'), 'person, rocket']]
MIN_SCORE = 0.05  # of objects that the model answers; the slider chooses among them
MAX_POINTS, POINTS_STEP = 64, 4  # of an outline
DRAWN_AT_ONCE = 2  # answers that are drawn at the same time, without the model
MAX_SESSIONS = 64  # users whose last answer is kept, a few megabytes each
CACHE_SECONDS = 3600  # that uploads and drawings are kept in files
CSS = '#answer-text textarea {font-family: monospace}'


def build_page(service: Service) -> gr.Blocks:
    """The page of a service, to be mounted."""
    with gr.Blocks(title='VisionLLM', analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        gr.Markdown(f'# VisionLLM\nFinds what you name, describes and answers: the model `{service.model.name}`. '
                    '[API](/docs)')
        answer = gr.State()
        with gr.Row():
            with gr.Column():
                asked = _build_form(service, answer)
            with gr.Column():
                _build_answer(asked, answer)
    page.state_session_capacity = MAX_SESSIONS
    page.queue(max_size=4 * service.max_users, default_concurrency_limit=DRAWN_AT_ONCE, api_open=False)
    return page


def _build_form(service: Service, answer: gr.State) -> list[gr.events.Dependency]:
    """Picture, form and instruction; returns the events that answer."""
    picture = gr.Image(label='Picture', sources=['upload', 'webcam', 'clipboard'], type='filepath', image_mode=None,
                       height=320, elem_id='picture')
    picture.preprocess = lambda upload: upload and upload.path  # gradio would open it, whatever it is
    classes = gr.Textbox(label='Names', info=f'One a line or separated by commas, at most {MAX_NAMES}.', lines=2,
                         max_lines=8, placeholder='dog, red car', elem_id='classes', render=False)
    gr.Examples(EXAMPLES, [picture, classes], label='Examples', example_labels=['cat', 'coffee', 'astronaut'])
    task = gr.Radio([CLASSES, EXPRESSION, QUESTION, CAPTION], value=CLASSES, label='Ask for', elem_id='task')
    classes.render()
    points = gr.Slider(0, MAX_POINTS, 0, step=POINTS_STEP, label='Points of an outline', info='0 for boxes.')
    expression = gr.Textbox(label='Expression', info='Of one thing.', placeholder='the dog on the left', visible=False,
                            elem_id='expression')
    question = gr.Textbox(label='Question', placeholder='how many dogs are there?', visible=False, elem_id='question')
    form = [task, classes, points, expression, question]
    ask = gr.Button('Ask', variant='primary', elem_id='ask')
    with gr.Accordion('Instruction', open=False):
        instruction = gr.Textbox(label='What the form says', info='Edit it and send it itself.', lines=3, max_lines=12,
                                 elem_id='instruction')
        send = gr.Button('Send the instruction', elem_id='send')

    @_report_mistakes
    async def ask_form(path: str | None, *fields: object) -> Answer:
        return await _ask(service, path, _read_form(*fields))

    @_report_mistakes
    async def ask_instruction(path: str | None, text: str) -> Answer:
        return await _ask(service, path, read_fields(instruction=text))

    task.change(_show_fields, task, [classes, points, expression, question], queue=False, api_visibility='private')
    gr.on([field.change for field in form], _write_instruction, form, instruction, queue=False,
          trigger_mode='always_last', show_progress='hidden', api_visibility='private')
    options = dict(concurrency_limit=service.max_users, concurrency_id='ask', api_visibility='private')
    return [ask.click(ask_form, [picture, *form], answer, **options),
            send.click(ask_instruction, [picture, instruction], answer, **options)]


def _build_answer(asked: list[gr.events.Dependency], answer: gr.State) -> None:
    """The answer, which follows the events and its own filters."""
    image = gr.AnnotatedImage(label='Answer', elem_id='answer')
    status = gr.Markdown('Choose a picture, and ask.', elem_id='status')
    names = gr.CheckboxGroup(label='Show', visible=False, elem_id='names')
    min_score = gr.Slider(MIN_SCORE, 1, SCORE_THRESHOLD, step=0.01, label='Minimum score', visible=False,
                          elem_id='score')
    text = gr.Textbox(label='Answer as text', lines=3, max_lines=12, interactive=False, buttons=['copy'],
                      elem_id='answer-text')
    with gr.Row():
        coco = gr.DownloadButton('COCO JSON', interactive=False, elem_id='coco')
        drawing = gr.DownloadButton('PNG', interactive=False, elem_id='png')

    def show(found: Answer | None, chosen: list[str], score: float) -> tuple:
        if found is None:
            raise gr.Error('This answer is no longer kept: ask again.', print_exception=False)
        shown = found.select(chosen, score)
        return (gr.AnnotatedImage((shown.prediction.image, shown.annotations()), color_map=shown.colors()),
                _status_of(found, shown), shown.write(), *_write_downloads(shown, coco.GRADIO_CACHE))

    drawn = dict(fn=show, inputs=[answer, names, min_score], outputs=[image, status, text, coco, drawing],
                 concurrency_id='draw', concurrency_limit=DRAWN_AT_ONCE, api_visibility='private')
    for event in asked:
        event.success(_reset_filters, answer, [names, min_score], api_visibility='private').success(**drawn)
    gr.on([names.input, min_score.input], trigger_mode='always_last', show_progress='hidden', **drawn)


def _report_mistakes(function: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Show a user's mistake as its sentence."""
    @wraps(function)
    async def run(*args: object) -> Answer:
        try:
            return await function(*args)
        except UserError as error:  # the page reads messages as HTML
            raise gr.Error(html.escape(str(error)), print_exception=False) from None
    return run


async def _ask(service: Service, path: str | None, request: Request) -> Answer:
    if path is None:
        raise RequestError('There is no picture: upload one, or take an example.')
    prediction = await service.answer(path, Path(path).name, request, MIN_SCORE)
    return await asyncio.to_thread(Answer.of, prediction, request.threshold(None))


def _read_form(task: str, classes: str, points: int, expression: str, question: str) -> Request:
    """The request of the fields that belong to the task."""
    return {CLASSES: lambda: read_fields(classes, int(points)),
            EXPRESSION: lambda: read_fields(expression=expression),
            QUESTION: lambda: read_fields(question=question),
            CAPTION: lambda: read_fields(caption=True)}[task]()


def _write_instruction(*fields: object) -> str:
    """What the form says, a sentence a line; nothing while it is incomplete."""
    try:
        written = _read_form(*fields).write()
    except (RequestError, InstructionError):
        return ''
    return written if isinstance(written, str) else '\n'.join(written)


def _show_fields(task: str) -> list[dict]:
    return [gr.update(visible=task == of) for of in (CLASSES, CLASSES, EXPRESSION, QUESTION)]


def _reset_filters(found: Answer) -> tuple[dict, dict]:
    """All names, and the default score of what was asked."""
    has_objects = found.prediction.text is None
    return (gr.update(choices=found.names, value=found.names, visible=has_objects),
            gr.update(value=found.threshold, visible=has_objects))


def _status_of(found: Answer, shown: Answer) -> str:
    """How many objects there are, and the time that the answer took."""
    took = f'{found.prediction.seconds:.2f} s'
    if found.prediction.text is not None:
        return f'Answered in {took}.'
    count = len(shown.prediction)
    hidden = f' The best {SHOWN_OBJECTS} are shown; the downloads have all.' if count > SHOWN_OBJECTS else ''
    return f'{count} of {len(found.prediction)} objects, in {took}.{hidden}'


def _write_downloads(shown: Answer, folder: str) -> tuple[dict, dict]:
    """Files of what is shown."""
    png = BytesIO()
    shown.prediction.plot().save(png, 'png')
    content = json.dumps(shown.coco, ensure_ascii=False).encode()
    stem = Path(shown.prediction.path).stem
    return tuple(gr.update(value=save_bytes_to_cache(data, f'{stem}{suffix}', folder), interactive=True)
                 for data, suffix in ((content, '.coco.json'), (png.getvalue(), '.answer.png')))
