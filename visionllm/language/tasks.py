"""Instruction templates and output format of each task.

The model gets no task identifier, only the instruction. A fifth of the templates is held out of training, to measure
generalization to unseen wordings. All were written for this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .instructions import MAX_CLASSES_PER_INSTRUCTION, check_class_names, render_instruction, split_evenly
from .output_format import TEXT, OutputFormat, keypoint_format, text_format


@dataclass(frozen=True)
class Task:
    """Instruction templates and output format of a task."""
    wordings: tuple[str, ...]  # templates, used in training
    held_out: tuple[str, ...]  # templates for evaluation only
    output_format: OutputFormat

    def write_instruction(self, names: Sequence[str] = (), wording: int = 0, num_points: int | None = None,
                          tokens: Sequence[int] | None = None, question: str = '', points: Sequence[str] = ()) -> str:
        """Render an instruction of one sentence.

        Args:
            names: Class names, or one referring expression; none for text output.
            wording: Index of the template; held-out templates follow the training templates.
            num_points: Number of polygon points; None for the task's default format.
            tokens: Numbers of the class tokens; as in ``render_instruction``.
            question: Of a task with questions.
            points: Names of keypoints; none for the task's default format.

        Raises:
            InstructionError: The names are invalid.
        """
        output_format = OutputFormat(num_points) if num_points else self.output_format
        output_format = keypoint_format(points) if points else output_format
        return render_instruction(names, (self.wordings + self.held_out)[wording], output_format, tokens, question)

    def write_instructions(self, names: Sequence[str], wording: int = 0, num_points: int | None = None,
                           max_names: int = MAX_CLASSES_PER_INSTRUCTION,
                           points: Sequence[str] = ()) -> str | tuple[str, ...]:
        """Render an instruction for any number of class names.

        Args:
            names: Class names.
            wording: As in ``write_instruction``, as are ``num_points`` and ``points``.
            num_points: Number of polygon points.
            max_names: Maximum number of names per sentence.
            points: Names of keypoints.

        Returns:
            One sentence, or several with one group of names each.

        Raises:
            InstructionError: The names are invalid.
        """
        check_class_names(names)
        sentences = tuple(self.write_instruction(group, wording, num_points, points=points)
                          for group in split_evenly(names, max_names))
        return sentences[0] if len(sentences) == 1 else sentences


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

SEGMENTATION = Task(
    wordings=(
        'Outline all objects of these classes: <class>. Answer with <format> for each. Picture: <image>',
        'Segment every <class> and give its contour as <format>. <image>',
        'You see the picture below. The classes are <class>. Contours <format>, one for each object.\n<image>',
        'Classes: <class>\nPolygon: <format>\nPicture: <image>',
        'Please draw around each thing named in <class>, following its edge; write it as <format>. <image>',
        'What shape does each of <class> have in this picture? Trace it with <format>. <image>',
        'Trace the following in the image and report <format> for all of them: <class>. Image: <image>',
        'Instance segmentation. Report <format> for anything that is one of <class>. <image>',
        'I want to cut out <class>. Give me the lines to cut along, <format>. <image>',
        'Search the photo for <class>. The edge of every hit becomes one tuple <format>. Photo: <image>',
        'As a map maker, draw each item of the catalogue <class> that you see, as <format>. <image>',
        'Use the names <class>. For each visible object give <format>: its class and points around it. <image>',
        'Give me polygons <format> of these: <class>\n<image>',
        'Which pixels are theirs? <class> Reply with outlines in the form <format>. <image>',
        'Scan the scene and contour whatever appears in this list: <class>. Tuples look like <format>. Scene: <image>',
        'Look carefully. The silhouette of any object from <class> must be answered by <format>. <image>',
    ),
    held_out=(
        'Identify the items on this list, <class>, and return their outlines as <format>. Here it is: <image>',
        'Task: masks as polygons. Vocabulary: <class>. Each answer reads <format>. Input: <image>',
        'Could you trace everything belonging to <class>? I need <format> for every one of them. <image>',
        'For the picture that follows, produce the contour <format> of objects in the set <class>.\n<image>',
    ),
    output_format=OutputFormat(24))

GROUNDING = Task(
    wordings=(
        'Find the one object that fits <class>. Answer with <format>. Picture: <image>',
        'Locate what this phrase speaks of, <class>, as <format>. <image>',
        'The phrase is <class>. Which object is meant? Give its box <format>.\n<image>',
        'Phrase: <class>\nFormat: <format>\nPicture: <image>',
        'Someone says <class>. Point it out with <format>. <image>',
        'Where is the thing described by <class>? Use <format>. <image>',
        'Read the description <class> and box the only object it is true of: <format>. Image: <image>',
        'Visual grounding. Report <format> for the referent of <class>. <image>',
        'There may be several alike; I mean <class>. Mark it with <format>. <image>',
        'Follow the words <class> to one place in the photo and write <format>. Photo: <image>',
        'As a guide, show me what <class> refers to, as <format>. <image>',
        'One expression, one object: <class>. Give <format>: its class and two corners. <image>',
        'Give me the box <format> of this: <class>\n<image>',
        'Which one? <class> Reply in the form <format>. <image>',
        'Scan the scene for the object that answers to <class>. The tuple looks like <format>. Scene: <image>',
        'Look carefully at how things lie; box the one that is <class> by <format>. <image>',
    ),
    held_out=(
        'Identify the object that is described as <class> and return its bounding box as <format>. Here: <image>',
        'Task: referring expression. Text: <class>. The answer reads <format>. Input: <image>',
        'Could you point to the thing I call <class>? I need <format>. <image>',
        'For the picture that follows, produce <format> for what <class> picks out, nothing for others.\n<image>',
    ),
    output_format=OutputFormat(2))

CAPTIONING = Task(
    wordings=(
        'Describe the picture in one sentence. <image> Answer: <format>',
        'Write a caption as <format>. <image>',
        'You see the picture below. What does it show? Reply with <format>.\n<image>',
        'Caption: <format>\nPicture: <image>',
        'Please say what is in this image: <image> Use <format>.',
        'What would you tell somebody who cannot see this? <image> Answer with <format>.',
        'Sum up the image in a line of <format>. Image: <image>',
        'Image captioning. Report <format> for: <image>',
        'I need a short description of <image>, as <format>.',
        'Name everything you see in the photo, in one sentence <format>. Photo: <image>',
        'As a reporter, put this into words, <format>: <image>',
        'Tell me in a sentence which things are here. <image> The answer is <format>.',
        'Give me a caption <format>:\n<image>',
        'What is this a picture of? <image> Reply in the form <format>.',
        'Look over the scene and describe its content as <format>. Scene: <image>',
        'Look carefully and write one true sentence, <format>, about <image>',
    ),
    held_out=(
        'Express the content of this image in one sentence and return it as <format>. Here it is: <image>',
        'Task: caption. The answer reads <format>. Input: <image>',
        'Could you describe what you see here? I need <format>. <image>',
        'For the picture that follows, produce a description <format>.\n<image>',
    ),
    output_format=text_format(92))  # a caption must not name absent objects; a question needs the most likely answer

QUESTIONS = Task(
    wordings=(
        'Answer the question about the picture. <question> Picture: <image> Answer: <format>',
        'Look at this and tell me: <question> <image> Use <format>.',
        'You see the picture below. <question> Reply with <format>.\n<image>',
        'Question: <question>\nPicture: <image>\nAnswer: <format>',
        'Please answer, from the image alone: <question> <image> Write <format>.',
        'Somebody asks: <question> What do you say, as <format>, after seeing <image>?',
        'Image: <image> Read the question and answer in <format>: <question>',
        'Visual question answering. <question> Report <format>. <image>',
        'I would like to know: <question> Here is the photo: <image> I expect <format>.',
        'Search the photo for the answer <format> to this: <question> Photo: <image>',
        'As a witness of <image>, answer with <format>: <question>',
        'Use as few words as you can. <question> Give <format>. <image>',
        'Give me the answer <format> to this: <question>\n<image>',
        '<question> Reply in the form <format>. <image>',
        'Scan the scene, then say, as <format>: <question> Scene: <image>',
        'Look carefully before you answer by <format>. <question> <image>',
    ),
    held_out=(
        'Given the question "<question>", return the right answer as <format>. Here is the image: <image>',
        'Task: question answering. Question: <question> The answer reads <format>. Input: <image>',
        'Could you help me? <question> I need <format>. <image>',
        'For the picture that follows, produce <format> in reply to: <question>\n<image>',
    ),
    output_format=TEXT)

PERSON_POINTS = (  # names and order of COCO
    'nose', 'left eye', 'right eye', 'left ear', 'right ear', 'left shoulder', 'right shoulder', 'left elbow',
    'right elbow', 'left wrist', 'right wrist', 'left hip', 'right hip', 'left knee', 'right knee', 'left ankle',
    'right ankle')

KEYPOINTS = Task(
    wordings=(
        'Find the points of all objects of these classes: <class>. Answer with <format> for each. Picture: <image>',
        'Mark the points of every <class> as <format>. <image>',
        'You see the picture below. The classes are <class>. Name the places <format>, for each object.\n<image>',
        'Classes: <class>\nPoints: <format>\nPicture: <image>',
        'Please put a dot on each part named in <format>, for every one of <class>. <image>',
        'Where exactly are these parts of <class> in this picture? Use <format>. <image>',
        'Locate the parts of the following in the image and report <format> for all of them: <class>. Image: <image>',
        'Keypoint detection. Report <format> for anything that is one of <class>. <image>',
        'I want to know how each of <class> is posed. Give me its points, <format>. <image>',
        'Search the photo for <class>. The points of every hit become one tuple <format>. Photo: <image>',
        'As an anatomist, mark on each item of the catalogue <class> that you see the points <format>. <image>',
        'Use the names <class>. For each visible object give <format>: its class and the points named. <image>',
        'Give me points <format> of these: <class>\n<image>',
        'Which way are they turned? <class> Reply with points in the form <format>. <image>',
        'Scan the scene and mark whatever appears in this list: <class>. Tuples look like <format>. Scene: <image>',
        'Look carefully. The parts <format> of any object from <class> must be pointed at. <image>',
    ),
    held_out=(
        'Identify the items on this list, <class>, and return their points as <format>. Here it is: <image>',
        'Task: keypoints. Vocabulary: <class>. Each answer reads <format>. Input: <image>',
        'Could you point at the parts of everything belonging to <class>? I need <format> for every one. <image>',
        'For the picture that follows, produce the points <format> of objects in the set <class>.\n<image>',
    ),
    output_format=keypoint_format(PERSON_POINTS))

TASKS = dict(detection=DETECTION, segmentation=SEGMENTATION, grounding=GROUNDING, captioning=CAPTIONING,
             questions=QUESTIONS, keypoints=KEYPOINTS)
