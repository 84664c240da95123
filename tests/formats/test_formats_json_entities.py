import json
from typing import Optional

import pytest
import spacy
from spacy.tokens import Doc

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.formats.json_entities import Json
from spacy_slm_ner.types import Span

TEXT = 'Ada said "6 pm" on May 6, not 6 am; Ada may come.'
FORM = Json(["TIME", "NAME"])
ADA = Span(0, 1, "NAME")
SIX = Span(3, 5, "TIME")
LAST_ADA = Span(14, 15, "NAME")


def make(text: str = TEXT) -> Doc:
    return spacy.blank("en")(text)


def kinds(problems: list[str]) -> list[str]:
    return [problem.partition(":")[0] for problem in problems]


def item(text: object, label: object = "TIME", occurrence: object = 1) -> str:
    return json.dumps({"text": text, "label": label, "occurrence": occurrence})


def answer(*items: str) -> str:
    return '{"entities": [' + ", ".join(items) + "]}"


def test_an_answer_is_json_with_an_entity_on_each_line() -> None:
    doc = make()
    doc.ents = [spacy.tokens.Span(doc, 3, 5, "TIME"), spacy.tokens.Span(doc, 14, 15, "NAME")]
    target = FORM.target(doc)
    assert target == (
        '{"entities": [\n'
        '{"text": "6 pm", "label": "TIME", "occurrence": 1},\n'
        '{"text": "Ada", "label": "NAME", "occurrence": 2}\n'
        "]}"
    )
    assert len(json.loads(target)["entities"]) == 2


def test_the_intent_is_the_first_line() -> None:
    doc = make()
    doc.ents = []
    doc.cats = {"cancel": 0.0, 'say "no"': 1.0}
    form = Json(["TIME"], ["cancel", 'say "no"'])
    assert form.target(doc) == '{"intent": "say \\"no\\"", "entities": [\n]}'
    assert form.parse(form.target(doc), doc).intent == 'say "no"'


def test_the_range_of_an_entity_is_its_object() -> None:
    written = answer(item("6 pm"), item("Ada", "NAME"))
    first, second = FORM.parse(written, make()).found
    assert written[first.start : first.end] == item("Ada", "NAME") and written[second.start : second.end] == item("6 pm")


def test_the_schema_is_strict() -> None:
    schema = Json(["TIME", "NAME"], ["cancel"]).schema()
    entity = schema["properties"]["entities"]["items"]
    assert schema["required"] == ["intent", "entities"] and schema["properties"]["intent"]["enum"] == ["cancel"]
    assert entity["required"] == ["text", "label", "occurrence"] and entity["properties"]["label"]["enum"] == ["TIME", "NAME"]
    assert schema["additionalProperties"] is entity["additionalProperties"] is False
    assert "intent" not in FORM.schema()["properties"]


def test_the_constraint_writes_nothing_that_is_not_in_the_text() -> None:
    grammar = FORM.constraint(make())
    assert find_path(grammar, '{"entities": [\n{"text": "6 pm", "label": "TIME", "occurrence": 1}\n]}') is not None
    for text, label, occurrence in [("7 pm", "TIME", 1), ("6 pm", "DATE", 1), ("6 pm", "TIME", 2), ("6  pm", "TIME", 1)]:
        written = f'{{"entities": [\n{{"text": "{text}", "label": "{label}", "occurrence": {occurrence}}}\n]}}'
        assert find_path(grammar, written) is None


def test_white_space_ends_no_entity() -> None:
    grammar = FORM.constraint(make("Ada\n"))
    assert find_path(grammar, '{"entities": [\n{"text": "Ada\\n", "label": "NAME", "occurrence": 1}\n]}') is None


GOOD = answer(item("6 pm"))


@pytest.mark.parametrize(
    ("written", "spans", "problems"),
    [
        pytest.param(GOOD, [SIX], [], id="good"),
        pytest.param('{"entities": []}', [], [], id="no-entity"),
        pytest.param("[" + item("6 pm") + "]", [SIX], [], id="list-alone"),
        pytest.param(item("Ada", "NAME") + "\n" + item("6 pm"), [ADA, SIX], [], id="json-lines"),
        pytest.param(json.dumps({"text": TEXT, "entities": [json.loads(item("6 pm"))]}), [SIX], [], id="text-repeated"),
        pytest.param(f"```json\n{GOOD}\n```", [SIX], ["markdown fence"], id="fence"),
        pytest.param(f"```json\n{GOOD}", [SIX], ["markdown fence"], id="open-fence"),
        pytest.param(f"Sure! Here you go:\n{GOOD}", [SIX], ["text around"], id="text-before"),
        pytest.param(f"{GOOD}\nLet me know.", [SIX], ["text around"], id="text-after"),
        pytest.param(f"Sure:\n```\n{GOOD}\n```\nBye.", [SIX], ["markdown fence", "text around", "text around"], id="all-around"),
        pytest.param(f"<think>{answer(item('Ada'))}</think>{GOOD}", [SIX], ["text around"], id="thought"),
        pytest.param(f"Hm, {answer(item('Ada'))}?</think>\n{GOOD}", [SIX], ["text around"], id="end-of-a-thought"),
        pytest.param("I cannot help with that.", [], ["no answer"], id="refusal"),
        pytest.param("", [], ["no answer"], id="nothing"),
        pytest.param("null", [], ["no answer"], id="null"),
        pytest.param(answer(item("6 pm", "PLACE")), [], ["unknown label"], id="unknown-label"),
        pytest.param(answer(item("6 pm", "time")), [SIX], [], id="label-in-another-case"),
        pytest.param(answer(item("7 pm")), [], ["not in the text"], id="hallucination"),
        pytest.param(answer(item("da", "NAME")), [], ["not in the text"], id="inside-a-word"),
        pytest.param(answer(item("6 pm"), item("6 pm")), [SIX], ["duplicate"], id="duplicate"),
        pytest.param(answer(item("6 pm"), item("6 PM")), [SIX], ["duplicate"], id="duplicate-in-another-case"),
        pytest.param(answer(item("6 pm"), item("6 pm", "NAME")), [SIX], ["overlap"], id="two-labels"),
        pytest.param(answer(item("6 pm"), item("6")), [SIX], ["overlap"], id="overlap"),
        pytest.param(answer(item("Ada", "NAME", 2)), [LAST_ADA], [], id="second-occurrence"),
        pytest.param(answer(item("Ada", "NAME", 3)), [ADA], ["no such occurrence"], id="occurrence-too-high"),
        pytest.param(answer(item("Ada", "NAME", 0)), [ADA], ["no such occurrence"], id="occurrence-zero"),
        pytest.param(answer(item("Ada", "NAME", "2")), [LAST_ADA], [], id="occurrence-as-a-string"),
        pytest.param(answer(item("Ada", "NAME", True)), [ADA], ["no such occurrence"], id="occurrence-true"),
        pytest.param(answer(item("Ada", "NAME", None), item("Ada", "NAME", None)), [ADA, LAST_ADA], [], id="by-order"),
        pytest.param('{"entities": [{"text": "6 pm", "label": "TIME"}]}', [SIX], [], id="no-occurrence"),
        pytest.param(answer(item("6 PM")), [SIX], ["inexact"], id="another-case"),
        pytest.param(answer(item(" 6 pm ")), [SIX], [], id="white-space-around"),
        pytest.param(answer(item("6  pm")), [SIX], [], id="other-white-space"),
        pytest.param(answer(item("")), [], ["malformed"], id="empty-text"),
        pytest.param(answer(item(6)), [], ["malformed"], id="text-is-a-number"),
        pytest.param(answer(item("6 pm", None)), [], ["malformed"], id="no-label"),
        pytest.param('{"entities": ["6 pm", "Ada"]}', [], ["malformed", "malformed"], id="strings"),
        pytest.param('{"entities": [{"span": "6 pm", "type": "TIME"}]}', [], ["malformed"], id="other-keys"),
        pytest.param('{"TIME": ["6 pm"]}', [], ["malformed"], id="grouped-by-label"),
        pytest.param('{"entities": null}', [], ["malformed"], id="entities-null"),
        pytest.param("{}", [], ["malformed"], id="empty-object"),
        pytest.param('{"entities": [' + item("6 pm") + ', {"text": "Ada", "la', [SIX], ["cut off"], id="cut-off-inside"),
        pytest.param('{"entities": [' + item("6 pm") + ",", [SIX], ["cut off"], id="cut-off-between"),
        pytest.param('{"entities": [', [], ["cut off"], id="cut-off-at-the-start"),
        pytest.param(answer('{"text": "6" pm", "label": "TIME"}', item("Ada", "NAME")), [ADA], ["malformed"], id="open-quote"),
        pytest.param(answer(item("6 pm"), '{"text": , "label": "TIME"}'), [SIX], ["malformed"], id="no-value"),
        pytest.param(answer(item("6 pm")[:-1], item("Ada", "NAME")), [ADA], ["malformed"], id="no-brace"),
        pytest.param(answer(item("6 pm") + ","), [SIX], [], id="trailing-comma"),
        pytest.param(GOOD.replace('"', "'"), [SIX], [], id="single-quotes"),
        pytest.param('{"entities": [{"text": "{6 pm}", "label": "TIME"}]}', [], ["not in the text"], id="braces"),
        pytest.param("[" * 5000, [], ["malformed"], id="deep"),
        pytest.param("\ud83d" + GOOD, [SIX], ["text around"], id="half-a-character"),
    ],
)
def test_answers_of_any_kind_are_read(written: str, spans: list[Span], problems: list[str]) -> None:
    parsed = FORM.parse(written, make())
    assert (parsed.spans, kinds(parsed.problems)) == (spans, problems)


@pytest.mark.parametrize(
    ("written", "intent", "problems"),
    [
        pytest.param('{"intent": "cancel", "entities": []}', "cancel", [], id="known"),
        pytest.param('{"entities": [], "intent": "Cancel"}', "cancel", [], id="another-case-and-place"),
        pytest.param('{"intent": "refuse", "entities": []}', None, ["unknown intent"], id="unknown"),
        pytest.param('{"entities": []}', None, ["no intent"], id="none"),
        pytest.param("I cannot.", None, ["no answer"], id="refusal"),
        pytest.param('{"intent": "cancel", "entities": [{"te', "cancel", ["cut off"], id="cut-off"),
        pytest.param('{"intent": "cancel"}\n{"intent": "ask"}', "cancel", ["second intent"], id="two"),
    ],
)
def test_intents_are_read(written: str, intent: Optional[str], problems: list[str]) -> None:
    parsed = Json(["TIME"], ["cancel", "ask"]).parse(written, make())
    assert (parsed.intent, kinds(parsed.problems)) == (intent, problems)


def test_an_empty_text_has_no_entity() -> None:
    doc = make("")
    grammar = FORM.constraint(doc)
    assert find_path(grammar, '{"entities": [\n]}') is not None
    assert kinds(FORM.parse(GOOD, doc).problems) == ["not in the text"]
