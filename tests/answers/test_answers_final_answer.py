"""Only the final answer of a model counts."""

import json

import pytest

from spacy_slm_ner.answers.final_answer import final_answer
from spacy_slm_ner.synthesis.response_parsing import parse_answer

DRAFT = json.dumps({"records": [{"text": "Come on Friday", "labels": []}]})
FINAL = json.dumps({"records": [{"text": "Come on Friday.", "labels": [{"word": "Friday", "label": "B-DATE"}]}]})
CHANNEL = "<|channel|>analysis<|message|>"


@pytest.mark.parametrize(
    "answer",
    [
        f"<think>Perhaps {DRAFT}</think>{FINAL}",
        f"<THINKING>{DRAFT}</THINKING>\n```json\n{FINAL}\n```",
        f"<reasoning>a {{ b</reasoning>{FINAL}<reflection>Was {DRAFT} better?</reflection>",
        f"<think>{DRAFT}</think>So:<think>no, {DRAFT}</think>{FINAL}",
        f"<think>one <think> two {DRAFT}</think> three {DRAFT}</think>{FINAL}",
        f"◁think▷{DRAFT}◁/think▷{FINAL}",
        f"[THINK]{DRAFT}[/THINK]{FINAL}",
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|><|begin_of_solution|>{FINAL}<|end_of_solution|>",
        f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{FINAL}<|END_RESPONSE|>",
        f"<seed:think>{DRAFT}</seed:think>{FINAL}",
        f"Okay, {DRAFT}, or better\n</think>\n\n{FINAL}",
        f"{CHANNEL}{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FINAL}<|return|>",
        f"{CHANNEL}{DRAFT}<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{FINAL}",
        f"{CHANNEL}{DRAFT}<|start|>assistant<|channel|>commentary<|message|>{DRAFT}<|end|><|channel|>final<|message|>{FINAL}",
        f"<|channel|>final<|message|>{FINAL}",
        f"analysisWe need {DRAFT}assistantfinal{FINAL}",
        f"{FINAL}</think>",
        f"{DRAFT}\nFinal answer:\n{FINAL}",
        f"Draft: {DRAFT}\n\n**Corrected list**\n{FINAL}",
    ],
)
def test_drafts_are_no_records(answer: str) -> None:
    assert parse_answer(answer).records == json.loads(FINAL)["records"]


@pytest.mark.parametrize(
    "answer", [f"<think>Perhaps {DRAFT}", f"{CHANNEL}{DRAFT}", f"<think>a</think><think>{DRAFT}", f"Well {DRAFT} </think>"]
)
def test_an_answer_that_ends_in_its_reasoning_holds_nothing(answer: str) -> None:
    assert parse_answer(answer).records == []


@pytest.mark.parametrize("mark", ["<think>", "</think>", "<think>no</think>", CHANNEL, "◁think▷", "[THINK]", "assistantfinal"])
def test_marks_in_a_text_are_data(mark: str) -> None:
    records = [{"text": f"What does {mark} mean?", "labels": []}, {"text": "Another one", "labels": []}]
    answer = json.dumps({"records": records}, ensure_ascii=False)
    assert final_answer(answer) == answer
    for before in ("", "Sure: ", f"<think>{answer}</think>"):
        assert parse_answer(f"{before}{answer}").records == records


def test_a_whole_list_takes_the_place_of_an_earlier_one() -> None:
    reading = parse_answer(f"{DRAFT}\n{FINAL}", asked=1)
    assert reading.records == json.loads(FINAL)["records"]
    assert [(json.loads(lost.text)["text"], lost.reason[:7]) for lost in reading.lost] == [("Come on Friday", "a draft")]


def test_lists_that_are_parts_are_taken_together() -> None:
    assert len(parse_answer(f"{DRAFT}\n{FINAL}", asked=2).records) == 2
    assert len(parse_answer(f"{DRAFT}\n{FINAL}").records) == 2
    assert len(parse_answer(f"Record 1 (final reminder): {DRAFT}\nRecord 2 (updated time): {FINAL}", asked=5).records) == 2


@pytest.mark.parametrize("text", ["...", "…", " ... ", "<text>", "string"])
def test_the_example_of_the_prompt_is_no_record(text: str) -> None:
    example = {"text": text, "labels": [{"word": "...", "label": "B-DATE"}]}
    reading = parse_answer(json.dumps({"records": [example]}) + FINAL, asked=5)
    assert reading.records == json.loads(FINAL)["records"]
    assert [lost.reason for lost in reading.lost] == ["the example of the prompt, not a record"]
