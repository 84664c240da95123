"""A generator without a model: it answers by a script."""

import math
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Union

import spacy
from spacy import registry
from spacy.language import Language
from thinc.api import Model
from thinc.shims import Shim

from spacy_slm_ner.constraints.grammar import Edge, find_path
from spacy_slm_ner.constraints.guide import Answer, ScoredSegment
from spacy_slm_ner.formats.base import Request

ARCHITECTURE = "mock-generator.v1"
SURE = math.log(0.9)
# From a text to what is answered.
Script = Callable[[str], Union[str, Answer]]


class Mock(Shim):
    """A piece is a character. Every segment of an answer has the probability 0.9."""

    def __init__(self, script: Script) -> None:
        super().__init__(None)
        self.script = script
        self.asked: list[Request] = []
        self.adapters = ["default"]
        self.active = "default"

    def __call__(self, requests: Sequence[Request], is_train: bool) -> Any:
        self.asked += requests
        if is_train:
            return Model("ops", lambda *_: None).ops.alloc1f(len(requests)) + 2.0, lambda gradient: []
        return [self.answer(request) for request in requests], lambda gradient: []

    def answer(self, request: Request) -> Answer:
        written = self.script(request.messages[-1]["content"])
        return written if isinstance(written, Answer) else answer_of(request, written)

    def count_pieces(self, texts: Sequence[str]) -> list[int]:
        return [len(text) for text in texts]

    def finish_update(self, optimizer: Any) -> None: ...

    def load_adapter(self, name: str, path: Path) -> None:
        self.adapters.append(name)

    def use_adapter(self, name: str) -> None:
        self.active = name

    def to_disk(self, path: Path) -> None:
        Path(path).mkdir()

    def from_disk(self, path: Path) -> "Mock":
        return self

    def to_bytes(self) -> bytes:
        return b""

    def from_bytes(self, data: bytes) -> "Mock":
        return self


def answer_of(request: Request, text: str, logprob: float = SURE) -> Answer:
    """An answer in the segments of the constraint, or where nothing is constrained, in lines."""
    if request.constrained:
        path = find_path(request.grammar, text)
        assert path is not None, f"the constraint cannot write {text!r}"
        return Answer(text, tuple(ScoredSegment(edge, logprob) for edge in path))
    return Answer(text, tuple(ScoredSegment(Edge(line, ()), logprob) for line in text.splitlines(keepends=True)))


def bio_lines(words: Mapping[str, str], intent: str = "") -> Script:
    """Label each of some entities wherever it stands, as BioLines."""

    def script(text: str) -> str:
        lines = [f"intent: {intent}\n"] if intent else []
        for match in re.finditer("|".join(rf"\b{re.escape(word)}\b" for word in words) or "(?!)", text):
            tags = [f"{'I' if i else 'B'}-{words[match[0]]}" for i in range(len(match[0].split()))]
            lines += [f"{word}: {tag}\n" for word, tag in zip(match[0].split(), tags)]
        return "".join(lines)

    return script


@registry.architectures(ARCHITECTURE)
def create_mock(words: Dict[str, str], intent: str = "") -> Model[List[Request], Any]:
    return Model(
        "mock", lambda model, requests, is_train: model.shims[0](requests, is_train), shims=[Mock(bio_lines(words, intent))]
    )


def mock_config(words: Mapping[str, str], intent: str = "", **config: Any) -> Dict[str, Any]:
    """Config of an `slm_ner` that labels words."""
    model = {"@architectures": ARCHITECTURE, "words": dict(words), "intent": intent}
    form = {"@misc": "spacy-slm-ner.BioLines.v1"}
    return {"labels": sorted(set(words.values())), "model": model, "format": form, **config}


def mock_nlp(words: Mapping[str, str], intent: str = "", name: str = "slm_ner", **config: Any) -> Language:
    """A pipeline of an `slm_ner` that labels words."""
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", name=name, config=mock_config(words, intent, **config))
    return nlp


def mock_of(nlp: Language, name: str = "slm_ner") -> Mock:
    mock: Mock = nlp.get_pipe(name).model.shims[0]
    return mock
