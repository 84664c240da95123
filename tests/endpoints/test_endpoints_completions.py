"""Tokens with their log-probabilities, as far as they make up the text."""

from typing import Any

import pytest

from spacy_slm_ner.endpoints.completions import read_completion


def token(text: str, logprob: Any = -0.5, given: Any = None) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": given}


SPLIT = [token("\\xe2\\x82", given=[0xE2, 0x82]), token("\\xac", given=[0xAC])]


@pytest.mark.parametrize(
    ("text", "content", "tokens"),
    [
        pytest.param("Hi you", [token("Hi"), token(" you", -0.25)], (("Hi", -0.5), (" you", -0.25)), id="whole"),
        pytest.param("5€", [token("5"), *SPLIT], (("5", -0.5), ("€", -1.0)), id="a-character-in-two-tokens"),
        pytest.param("Hi", [token("Hi", None)], (("Hi", -9999.0),), id="no-number"),
        pytest.param("Hi you", [token("Hi")], (), id="a-part"),
        pytest.param("Hi", [token("H"), 3, "i"], (), id="no-tokens"),
        pytest.param("Hi", None, (), id="none"),
        pytest.param("Hi", {"Hi": 1}, (), id="no-list"),
    ],
)
def test_tokens_are_those_of_the_text(text: str, content: Any, tokens: tuple) -> None:
    choice = {"message": {"content": text}, "logprobs": {"content": content}}
    assert read_completion({"choices": [choice]}).tokens == tokens


@pytest.mark.parametrize("logprobs", [None, [], "none"])
def test_logprobs_of_another_form_are_none(logprobs: Any) -> None:
    choice = {"message": {"content": "Hi"}, "logprobs": logprobs}
    assert read_completion({"choices": [choice]}).tokens == ()


def test_a_text_from_which_the_key_was_removed_has_no_tokens() -> None:
    choice = {"message": {"content": "sk-1"}, "logprobs": {"content": [token("sk-1")]}}
    assert read_completion({"choices": [choice]}, lambda text: text.replace("sk-1", "***")).tokens == ()
