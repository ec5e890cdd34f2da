"""The one table that knows tasks by name: how each may be asked for.

The model never sees a task's name; it reads the sentence. A fifth of the wordings is held out of training, to measure
whether wording matters. All were written for this project.
"""

from dataclasses import dataclass

from .formats import OutputFormat


@dataclass(frozen=True)
class Task:
    """Wordings and output format of a task."""
    wordings: tuple[str, ...]
    held_out: tuple[str, ...]
    output_format: OutputFormat


DETECTION = Task(
    wordings=(
        'Find all objects of these classes: <class>. Answer with <format> for each. Picture: <image>',
        'Detect every <class> and give its box as <format>. <image>',
        'You see the picture below. The classes are <class>. Output tuples <format>, one for each object.\n<image>',
        'Classes: <class>\nFormat: <format>\nPicture: <image>',
        'Please draw a box around each thing named in <class>; write it as <format>. <image>',
        'Which of <class> are in this picture, and where? Use <format>. <image>',
        'Locate the following in the image and report <format> for all of them: <class>. Image: <image>',
        'Object detection. Report <format> for anything that is one of <class>. <image>',
        'I am only interested in <class>. Mark them with <format>. <image>',
        'Search the photo for <class>. Every hit becomes one tuple <format>. Photo: <image>',
        'As an inspector, list each item of the catalogue <class> that you see, as <format>. <image>',
        'Use the names <class>. For each visible object give <format>: its class and two corners. <image>',
        'Give me boxes <format> of these: <class>\n<image>',
        'Where are they? <class> Reply in the form <format>. <image>',
        'Scan the scene and box whatever appears in this list: <class>. Tuples look like <format>. Scene: <image>',
        'Look carefully. Any object from <class> must be answered by <format>; ignore all else. <image>',
    ),
    held_out=(
        'Identify the items on this list, <class>, and return their bounding boxes as <format>. Here it is: <image>',
        'Task: boxes. Vocabulary: <class>. Each answer reads <format>. Input: <image>',
        'Could you point out everything belonging to <class>? I need <format> for every one of them. <image>',
        'For the picture that follows, produce <format> for objects in the set <class>, nothing for others.\n<image>',
    ),
    output_format=OutputFormat(2))

TASKS = {'detection': DETECTION}
