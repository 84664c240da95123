"""FewShot: any other format with examples in the prompt, as turns of the chat that were answered right."""

from dataclasses import dataclass
from functools import cached_property, partial, update_wrapper
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union, get_args

from spacy.tokens import Doc

from ..constraints.grammar import Grammar
from .answer_problems import Problem, describe, kind_of
from .base import FormatFactory, Message, ParsedAnswer, PromptFormat, Question
from .example_choice import ExampleChoice, ExamplePool, Selection
from .prompt_examples import parse_examples, read_examples

# A DocBin, or examples as `PromptExample` describes them.
ExamplesSetting = Union[str, List[Any]]


@dataclass(frozen=True)
class FewShot:
    """The format of this module.

    format (PromptFormat): How is asked.
    choice (ExampleChoice): Chooses the examples for a text.
    """

    format: PromptFormat
    choice: ExampleChoice

    @property
    def labels(self) -> Sequence[str]:
        return self.format.labels

    @property
    def intents(self) -> Sequence[str]:
        return self.format.intents

    @property
    def conversation(self) -> bool:
        return self.format.conversation

    def questions(self, doc: Doc) -> Sequence[Question]:
        examples = [example.to_doc(doc.vocab, self.labels) for example in self.choice.choose(doc.text)]
        return [QuestionWithExamples(question, examples) for question in self.format.questions(doc)]


@dataclass(frozen=True)
class QuestionWithExamples:
    """A question behind examples of it.

    question (Question): The question.
    examples (Sequence[Doc]): Docs with gold entities and categories.
    """

    question: Question
    examples: Sequence[Doc]

    @property
    def labels(self) -> Sequence[str]:
        return self.question.labels

    @property
    def intents(self) -> Sequence[str]:
        return self.question.intents

    def render(self, doc: Doc) -> list[Message]:
        """Write the task, the examples, and the text."""
        task, *turns = self.question.render(doc)
        return [task, *self._answered, *turns]

    @cached_property
    def _answered(self) -> list[Message]:
        messages: list[Message] = []
        for example in self.examples:
            _, *turns = self.question.render(example)
            messages += [*turns, {"role": "assistant", "content": self.question.target(example)}]
        return messages

    def target(self, doc: Doc) -> str:
        return self.question.target(doc)

    def constraint(self, doc: Doc) -> Grammar:
        return self.question.constraint(doc)

    def schema(self) -> Optional[Dict[str, Any]]:
        return self.question.schema()

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        """Read an answer; what is in an example instead of the text is a problem of its own kind."""
        parsed = self.question.parse(text, doc)
        return parsed._replace(problems=[self._name_copy(problem) for problem in parsed.problems])

    def complete_part(self, text: str) -> str:
        return self.question.complete_part(text)

    def _name_copy(self, problem: str) -> str:
        words = problem.part if isinstance(problem, Problem) and kind_of(problem) == "not in the text" else ""
        is_copy = bool(words.strip()) and any(words.casefold() in example.text.casefold() for example in self.examples)
        return describe("copied from an example", words) if is_copy else problem


def create_few_shot(
    format: FormatFactory, examples: ExamplesSetting, k: int = 5, selection: Selection = "similar", seed: int = 0
) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.FewShot.v1`.

    format (FormatFactory): How is asked: any other format.
    examples (ExamplesSetting): DocBin of training data, such as `corpus/train.spacy`, or the examples themselves. Never data that
        the pipeline is scored on.
    k (int): Number of examples in a prompt.
    selection (Selection): "similar" to the text, or "random", which are the same for all texts and so read once.
    seed (int): Of the random choice.
    RETURNS (FormatFactory): Makes the format for labels and intents. It raises a ReadError if no example has an intent, but one
        is asked for.
    RAISES (ReadError): If the file cannot be read, or the examples are something else.
    RAISES (ValueError): If a setting is not allowed.
    """
    if k < 1:
        raise ValueError(f"Got k = {k}, allowed is 1 or more. Leave FewShot out for prompts without examples.")
    if selection not in get_args(Selection):
        raise ValueError(f"Got selection = {selection!r}, allowed are {', '.join(get_args(Selection))}.")
    read = read_examples(Path(examples)) if isinstance(examples, str) else parse_examples(examples)
    # Adapters are compared by the name of their format.
    return update_wrapper(partial(make_few_shot, format, ExamplePool(read, k, selection, seed)), format, updated=())


def make_few_shot(format: FormatFactory, pool: ExamplePool, labels: Sequence[str], intents: Sequence[str]) -> FewShot:
    """Make the format for labels and intents; see `create_few_shot`."""
    return FewShot(format(labels, intents), pool.choice(intents))
