"""Texts and requests for generating models."""

import random
from importlib.metadata import version
from typing import Any, Iterator

import pytest
from packaging.version import Version
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_slm_ner.constraints.guide import Answer
from spacy_slm_ner.formats.base import Message, Request
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.formats.trailing_tags import TrailingTags

LABELS = ("DATE", "TIME")
INTENTS = ("cancel", "inquiry")
FORMS = (BioLines, SpanLines, InlineTags, TokenLines, TrailingTags)
FORMATS = pytest.mark.parametrize("format", FORMS)
WORDS = ["Come", "at", "4", "pm", "or", "on", "May", "5", "the", "May", "4", "Friday", "morning", "please", "9:30", "Mayor"]
MARKS = [
    "<|im_end|>",
    "<|im_start|>",
    "<|endoftext|>",
    "</DATE>",
    "<TIME>",
    "[2]",
    "intent:",
    "B-DATE",
    ": I-TIME",
    "\\",
    "\\u0020",
]
SCRIPTS = ["五月", "四日に", "😀", "👍🏽", "👩‍👩‍👧", "شكرا", "naïve", "e\u0301", "\u200b", "ﬁ", "İ", "Ω"]
SPACES = ["\n", "\n\n", "\t", "  ", "\r\n", "\u3000", "\xa0", "\x0b"]
PUNCTUATION = [",", ".", "?!", "—", "“", "”", "'", "…", "(", ")", "/", ":", "\x00"]


def since(oldest: str) -> pytest.MarkDecorator:
    """For what a version of transformers is the first to know, or to do in our way."""
    return pytest.mark.skipif(Version(version("transformers")) < Version(oldest), reason=f"needs transformers {oldest}")


def random_text(choice: random.Random, most: int = 12) -> str:
    """Words, marks, scripts and white space in any order, some words again and again."""
    favourite = choice.choice(WORDS + MARKS + SCRIPTS)
    parts = []
    for _ in range(choice.randint(0, most)):
        kind = choice.choices([WORDS, MARKS, SCRIPTS, SPACES, PUNCTUATION, [favourite]], [8, 1, 1, 1, 1, 2])[0]
        parts.append(choice.choice(kind))
        parts.append(choice.choice([" ", " ", " ", ""]))
    return "".join(parts)


def random_docs(nlp: Language, count: int, seed: int, most: int = 12) -> Iterator[Doc]:
    choice = random.Random(seed)
    for _ in range(count):
        yield nlp.make_doc(random_text(choice, most))


def split(text: str) -> Doc:
    """A Doc of words that stand between spaces."""
    return Doc(Vocab(), words=text.split())


def with_entities(text: str, *entities: tuple[int, int, str]) -> Doc:
    doc = split(text)
    doc.ents = [doc.char_span(doc[start].idx, doc[end - 1].idx + len(doc[end - 1]), label) for start, end, label in entities]
    return doc


def ask(doc: Doc, format: Any = BioLines, **options: Any) -> Request:
    """A request for the entities of a Doc."""
    form = format(LABELS)
    return Request(form.render(doc), form.constraint(doc), **options)


def teach(doc: Doc, format: Any = BioLines) -> Request:
    """A request with the entities of a Doc as its target."""
    return ask(doc, format, target=format(LABELS).target(doc))


def chat_of(text: str, task: str = "List the entities.") -> list[Message]:
    return [{"role": "system", "content": task}, {"role": "user", "content": text}]


def texts_of(answers: list[Answer]) -> list[str]:
    return [answer.text for answer in answers]


def assert_same(found: list[Answer], expected: list[Answer], tolerance: float = 1e-4) -> None:
    """The same segments, with the same logarithms of probabilities."""
    assert texts_of(found) == texts_of(expected)
    assert [answer.complete for answer in found] == [answer.complete for answer in expected]
    for answer, other in zip(found, expected, strict=True):
        assert [written.logprob for written in answer.path] == pytest.approx(
            [written.logprob for written in other.path], abs=tolerance
        )
