"""Estimates of numbers of tokens, for prompts that are not sent yet."""

import re

from .endpoint import Messages

# Approximates the byte-pair tokenizers of current endpoints for English text and JSON: a token for each short word, one more for
# every seven further letters, one for each run of punctuation. Each message has some more for its role.
TOKEN = re.compile(r"[^\W\d_]{1,7}|\d{1,3}|[^\w\s]+|_+")
PER_MESSAGE = 4


def count_tokens(text: str) -> int:
    """Estimate the number of tokens of a text."""
    return len(TOKEN.findall(text))


def count_prompt(messages: Messages) -> int:
    """Estimate the number of tokens of a prompt."""
    return sum(count_tokens(message["content"]) + PER_MESSAGE for message in messages)
