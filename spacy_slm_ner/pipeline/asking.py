"""Asking a generator about windows of texts: all questions together, or turn by turn where they are a conversation."""

from typing import Callable, Iterable, List, NamedTuple, Sequence, Tuple

from spacy.tokens import Doc

from ..constraints.grammar import CachedGrammar
from ..constraints.guide import Answer
from ..formats.base import Message, PromptFormat, Question, Request
from ..formats.longest_answer import longest_answer
from .proposals import make_draft
from .windows import DocWindow

# How often a window that is too long for the model is halved.
HALVINGS = 4


class Answered(NamedTuple):
    """A question about a window, with its answer.

    window (DocWindow): The window.
    question (Question): The question.
    request (Request): What was asked.
    answer (Answer): What was written.
    """

    window: DocWindow
    question: Question
    request: Request
    answer: Answer


class Asker(NamedTuple):
    """Asks about windows.

    form (PromptFormat): The questions.
    constrained (bool): See `Request`.
    draft (bool): Whether answers are proposed.
    predict (Callable[[Sequence[Request]], Sequence[Answer]]): The generator.
    halve (Callable[[DocWindow], List[DocWindow]]): Cuts a window in two; gives nothing for one that cannot be cut.
    """

    form: PromptFormat
    constrained: bool
    draft: bool
    predict: Callable[[Sequence[Request]], Sequence[Answer]]
    halve: Callable[[DocWindow], List[DocWindow]]

    def ask(self, windows: Sequence[DocWindow], docs: Sequence[Doc], halvings: int = HALVINGS) -> List[Answered]:
        """Ask all questions about windows. One that does not fit into the context of the model is halved and asked about again.

        windows (Sequence[DocWindow]): Of one batch.
        docs (Sequence[Doc]): The batch.
        halvings (int): How often a window may be halved.
        RETURNS (List[Answered]): In the order of the text, and of the questions.
        """
        done: List[Answered] = []
        halves: List[DocWindow] = []
        for window, answered in zip(windows, self._ask_whole(windows, docs)):
            too_long = halvings and any(one.answer.too_long for one in answered)
            parts = self.halve(window) if too_long else []
            halves += parts
            done += [] if parts else answered
        if halves:
            done += self.ask(halves, docs, halvings - 1)
        return sorted(done, key=lambda one: (one.window.number, one.window.window))

    def questions(self, window: DocWindow, doc: Doc) -> List[Tuple[Question, Request]]:
        """Make the requests about a window of a Doc, each as if it were asked alone."""
        return [(question, self._request(question, window, doc, ())) for question in self.form.questions(window.doc)]

    def _ask_whole(self, windows: Sequence[DocWindow], docs: Sequence[Doc]) -> List[List[Answered]]:
        """Ask all questions about each window."""
        waiting = [list(self.form.questions(window.doc)) for window in windows]
        done: List[List[Answered]] = [[] for _ in windows]
        while any(waiting):
            turns = [(number, question) for number, questions in enumerate(waiting) for question in self._now(questions)]
            waiting = [questions[len(self._now(questions)) :] for questions in waiting]
            requests = [
                self._request(question, windows[number], docs[windows[number].number], done[number]) for number, question in turns
            ]
            for (number, question), request, answer in zip(turns, requests, self.predict(requests)):
                done[number].append(Answered(windows[number], question, request, answer))
        return done

    def _now(self, questions: List[Question]) -> List[Question]:
        """Return the questions that can be asked before the others are answered."""
        return questions[:1] if self.form.conversation else questions

    def _request(self, question: Question, window: DocWindow, doc: Doc, done: Sequence[Answered]) -> Request:
        grammar = CachedGrammar(question.constraint(window.doc))
        draft = make_draft(question, grammar, window, doc) if self.draft and self.constrained else None
        before = [(one.request.messages, one.answer.text) for one in done] if self.form.conversation else []
        messages = next_turn(question.render(window.doc), before)
        longest = None if self.constrained else longest_answer(question, window.doc)
        return Request(messages, grammar, self.constrained, draft=draft, longest_answer=longest, schema=question.schema())


def next_turn(messages: Sequence[Message], before: Iterable[tuple[Sequence[Message], str]]) -> List[Message]:
    """Put a question behind those that were asked before.

    messages (Sequence[Message]): The question as it is asked alone.
    before (Iterable[tuple[Sequence[Message], str]]): Prompts of the questions before it, the last of which holds all others, and
        their answers.
    RETURNS (List[Message]): The chat so far with the last turn of the question behind it.
    """
    *_, (chat, answer) = [((), ""), *before]
    if not chat:
        return list(messages)
    return [*chat, {"role": "assistant", "content": answer}, messages[-1]]
