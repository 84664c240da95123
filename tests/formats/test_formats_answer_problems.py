import pytest

from spacy_slm_ner.formats.answer_problems import choose_intent, describe, skip_thought


def test_a_problem_begins_with_its_kind_and_quotes_little() -> None:
    assert describe("malformed", "x", "no text") == "malformed: 'x' (no text)"
    assert len(describe("malformed", "x" * 5000)) < 120


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        pytest.param("<think>[1]</think>[2]", "</think>[2]", id="thought"),
        pytest.param("so [1]</think>[2]", "</think>[2]", id="without-its-beginning"),
        pytest.param("[2]", "[2]", id="no-thought"),
        pytest.param('["</think>"]', '["</think>"]', id="mark-as-text"),
        pytest.param('```\n["</think>"]', '```\n["</think>"]', id="mark-as-text-in-a-fence"),
        pytest.param('intent = "</think>"\n[]', 'intent = "</think>"\n[]', id="mark-as-an-intent"),
    ],
)
def test_an_answer_begins_after_a_thought(answer: str, rest: str) -> None:
    assert answer[skip_thought(answer) :] == rest


def test_an_intent_is_chosen_as_written_before_other_cases() -> None:
    assert choose_intent(["ask"], ("ASK", "ask")) == ("ask", [])
    assert choose_intent(["Ask"], ("ASK", "ask")) == ("ASK", [])
    assert choose_intent(["x", "ask", "ASK"], ("ASK", "ask")) == ("ask", ["unknown intent: 'x'", "second intent: 'ASK'"])
    assert choose_intent(["x"], ()) == (None, [])
