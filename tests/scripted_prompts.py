"""An endpoint that knows the right answers to the prompts of `slm_ner`, and spoils a share of them in ways with names."""

import json
import random
from collections import Counter
from typing import Any, Iterable, NamedTuple, Sequence

import spacy
from scripted_server import Kind, Said, Server
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_slm_ner.formats.base import Question
from spacy_slm_ner.pipeline.slm_ner import SlmNer

FORMATS = ("BioLines", "SpanLines", "InlineTags", "TokenLines", "TrailingTags", "Json", "Gollie", "UniNER", "FewShot")
# Formats in which an empty answer says that there is no entity.
SILENT = ("BioLines", "SpanLines", "InlineTags", "TokenLines", "TrailingTags")
NOISE = ("refused", "silent", "hallucinated", "unknown label", "fenced", "chatty", "cut off")
# A word and a label that no text has.
WORD, LABEL = "zzqxy", "ZZLABEL"
REFUSAL = "I cannot help with that."


class Expected(NamedTuple):
    """What a pipeline should find out about the answers.

    queries (int): Requests.
    unparsable (int): Answers that say nothing.
    hallucinated (int): Entities that are not in the text.
    unknown (int): Entities with an unknown label.
    """

    queries: int
    unparsable: int
    hallucinated: int
    unknown: int


class PromptServer(Server):
    """Answers each prompt with what is known for it."""

    answers: dict[str, Kind]

    def next_kind(self, body: dict[str, Any]) -> Kind:
        super().next_kind(body)
        return self.answers[json.dumps(body["messages"])]


def pipeline(url: str, format: str, labels: Sequence[str], examples: str = "", **config: Any) -> Language:
    """A pipeline of one `slm_ner` over an endpoint."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": "gpt-4.1-mini", "base_url": url, "retries": 0}
    form: dict[str, Any] = {"@misc": f"spacy-slm-ner.{format}.v1"}
    if format == "FewShot":
        form |= {"format": {"@misc": "spacy-slm-ner.Json.v1"}, "examples": examples, "k": 3}
    settings = {"labels": list(labels), "constrained": False, "window": 100_000, "overlap": 200, **config}
    nlp.add_pipe("slm_ner", config={"model": model, "format": form, **settings})
    return nlp


def component(nlp: Language) -> SlmNer:
    pipe = nlp.get_pipe("slm_ner")
    assert isinstance(pipe, SlmNer)
    return pipe


def with_more(doc: Doc, text: str, label: str) -> Doc:
    """A copy with one more word, which is an entity."""
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    copy = Doc(doc.vocab, words=[*words, text], spaces=[*spaces[:-1], True, False])
    copy.ents = [*(Span(copy, ent.start, ent.end, ent.label_) for ent in doc.ents), Span(copy, len(doc), len(doc) + 1, label)]
    return copy


def script(nlp: Language, docs: Iterable[Doc], noise: float = 0.0, seed: int = 0) -> tuple[dict[str, Kind], Expected]:
    """Answers to all questions about texts.

    docs (Iterable[Doc]): Docs with gold entities.
    noise (float): Share of the answers that are spoiled.
    RETURNS (tuple[dict[str, Kind], Expected]): Answers by their prompts, and what should be found out about them.
    """
    rng, slm = random.Random(seed), component(nlp)
    nlp_format = slm.cfg["format"]
    wider = slm.settings.format([*slm.labels, LABEL], [])
    answers: dict[str, Kind] = {}
    kinds: Counter[str] = Counter()
    for doc in docs:
        asked, more = slm.format.questions(doc), wider.questions(doc)
        for question, other in zip(asked, more):
            kind = rng.choice(NOISE) if rng.random() < noise else "good"
            named = sum(ent.label_ in question.labels for ent in doc.ents)
            # A question for one label names no other; and of a short answer, nothing would be left.
            kind = "good" if (kind == "unknown label" and len(asked) > 1) or (kind == "cut off" and named < 2) else kind
            # An empty answer says in many formats that there is no entity.
            kinds["refused" if kind == "silent" and nlp_format not in SILENT else kind] += 1
            answers[json.dumps(question.render(doc))] = spoil(kind, question, other, doc)
    known = Expected(len(answers), kinds["refused"], kinds["hallucinated"], kinds["unknown label"])
    return answers, known


def spoil(kind: str, question: Question, wider: Question, doc: Doc) -> Kind:
    """What is said instead of the right answer. wider (Question): The same question with one more label."""
    target = question.target(doc)
    match kind:
        case "refused":
            return Said(REFUSAL)
        case "silent":
            return Said("")
        case "hallucinated":
            return Said(question.target(with_more(doc, WORD, question.labels[0])))
        case "unknown label":
            return Said(wider.target(with_more(doc, doc[0].text, LABEL)))
        case "fenced":
            return Said(f"```\n{target}\n```")
        case "chatty":
            return Said(f"<think>Let me see.</think>{target}")
        case "cut off":
            return Said(target[:-4], "length")
    return Said(target)
