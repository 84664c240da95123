"""A scripted endpoint that names people, and what tests of labelling share."""

import json
import re
from pathlib import Path
from typing import Any, Optional

from scripted_server import Kind, Said, Server

from spacy_slm_ner.documents.read import Document

NAMES = ("Ada Quill", "Bo", "Ana")
CONFIG = """
[nlp]
lang = "en"
pipeline = ["slm_ner"]

[components]

[components.slm_ner]
factory = "slm_ner"
labels = ["JOB TITLE", "NAME"]
constrained = false
window = 4000
overlap = 200

[components.slm_ner.model]
@architectures = "spacy-slm-ner.OpenAI.v1"
model = "gpt-4.1-mini"
base_url = "{url}"
retries = 0
{settings}

[components.slm_ner.format]
@misc = "spacy-slm-ner.SpanLines.v1"
"""


class NameServer(Server):
    """Names the people of a text, unless the text is in `faults`.

    faults (dict[str, Kind]): What happens to a text instead.
    """

    faults: dict[str, Kind]

    def next_kind(self, body: dict[str, Any]) -> Kind:
        super().next_kind(body)
        text = body["messages"][-1]["content"]
        found = "".join(f"NAME: {name}\n" for name in re.findall("|".join(NAMES), text))
        return getattr(self, "faults", {}).get(text, Said(found))

    @property
    def asked(self) -> list[str]:
        """The texts that were asked about."""
        return [body["messages"][-1]["content"] for body in self.requests]


def document(text: str, number: int = 1, problem: str = "", id: Optional[str] = None) -> Document:
    return Document("texts.jsonl", number, id, text, {}, problem)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").split("\n") if line]
