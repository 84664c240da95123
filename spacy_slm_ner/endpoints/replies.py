"""Answers of endpoints."""

import re

from pydantic import BaseModel, ConfigDict

from ..answers.final_answer import final_answer
from .prices import Usage

FILTERED = re.compile("content_filter|safety|prohibited|recitation|sensitive", re.IGNORECASE)


class Reply(BaseModel):
    """An answer of an endpoint.

    text (str): The answer; empty if it refused.
    model (str): The model that wrote it, as the endpoint names it.
    usage (Usage): Tokens.
    finish (str): Why it ended, such as "stop" or "length".
    refusal (str): Message of a model that refuses to answer.
    discount (float): Share of the usual price that was paid.
    tokens (tuple[tuple[str, float], ...]): Tokens of the text with their log-probabilities; empty if they are not known.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    model: str
    usage: Usage
    finish: str = "stop"
    refusal: str = ""
    discount: float = 1.0
    tokens: tuple[tuple[str, float], ...] = ()


def explain_no_answer(reply: Reply) -> str:
    """Return why a reply holds no answer by its own fields; empty if they do not tell."""
    if reply.refusal:
        return f"the model refused: {reply.refusal[:200]}"
    if FILTERED.search(reply.finish):
        return f"the endpoint filtered the answer ({reply.finish})"
    if reply.text.strip() and not final_answer(reply.text).strip():
        return "the answer ends within its reasoning"
    return ""
