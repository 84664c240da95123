import ast
from pathlib import Path
from typing import Optional

import pytest
import spacy
import srsly
from format_docs import INTENTS, docs, named_docs
from hypothesis import given
from spacy.tokens import Doc

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.formats.gollie import Gollie, create_gollie
from spacy_slm_ner.types import Span

TEXT = 'Ada said "6 pm" on May 6, not 6 am; Ada may come.'
FORM = Gollie(["TIME", "JOB TITLE", "NAME"])
ADA = Span(0, 1, "NAME")
SIX = Span(3, 5, "TIME")
LAST_ADA = Span(14, 15, "NAME")


def make(text: str = TEXT, *ents: Span) -> Doc:
    doc = spacy.blank("en")(text)
    doc.ents = [spacy.tokens.Span(doc, *ent) for ent in ents]
    return doc


def kinds(problems: list[str]) -> list[str]:
    return [problem.partition(":")[0] for problem in problems]


def test_an_answer_is_a_list_of_calls() -> None:
    doc = make(TEXT, SIX, LAST_ADA)
    assert FORM.target(doc) == '[\n    TIME(span="6 pm"),\n    NAME(span="Ada"),\n]'
    # The next Ada would be the first one.
    doc = make(TEXT, LAST_ADA)
    assert FORM.target(doc) == '[\n    NAME(span="Ada", occurrence=2),\n]'
    assert FORM.parse(FORM.target(doc), doc).spans == [LAST_ADA]


def test_quotes_and_line_breaks_are_escaped() -> None:
    doc = make('a\\b "c"\nd', Span(0, 6, "NAME"))
    assert FORM.target(doc) == '[\n    NAME(span="a\\\\b \\"c\\"\\nd"),\n]'
    assert FORM.render(doc)[1]["content"] == 'text = "a\\\\b \\"c\\"\\nd"'


def test_the_intent_is_the_first_line() -> None:
    doc = make(TEXT, SIX)
    doc.cats = {"cancel": 0.0, 'say "no"': 1.0}
    form = Gollie(["TIME"], ["cancel", 'say "no"'])
    assert form.target(doc) == 'intent = "say \\"no\\""\n[\n    TIME(span="6 pm"),\n]'
    assert form.parse(form.target(doc), doc).intent == 'say "no"'


@given(named_docs())
def test_prompt_and_answer_are_python(named: tuple[Doc, list[str]]) -> None:
    doc, labels = named
    form = Gollie(labels, INTENTS)
    system, user = form.render(doc)
    code = ast.parse("\n".join([system["content"], user["content"], form.target(doc)]))
    classes = [node.name for node in code.body if isinstance(node, ast.ClassDef)]
    assert classes == ["Entity", *form.class_names.values()]
    (text,) = [node.value for node in code.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "text"]
    assert ast.literal_eval(text) == doc.text


def test_guidelines_are_docstrings(tmp_path: Path) -> None:
    label = {"description": 'A "job"\n """here""" \\ there"', "examples": ['chief "x"', "nurse"]}
    srsly.write_yaml(tmp_path / "labels.yml", {"labels": {"JOB TITLE": label, "DATE": {"description": "A day."}}})
    form = create_gollie(str(tmp_path / "labels.yml"))(["JOB TITLE", "DATE"], [])
    code = ast.parse(form.render(make())[0]["content"])
    docstrings = {node.name: ast.get_docstring(node) for node in code.body if isinstance(node, ast.ClassDef)}
    assert docstrings["JOB_TITLE"] == 'JOB TITLE\nA "job" """here""" \\ there"\nExamples: "chief \\"x\\"", "nurse"'
    assert docstrings["DATE"] == "A day."


def test_the_prompt_without_guidelines_is_short() -> None:
    system, _ = FORM.render(make())
    assert "class TIME(Entity): ...\n" in system["content"]
    assert 'class JOB_TITLE(Entity):\n    """\n    JOB TITLE\n    """\n' in system["content"]


def test_the_constraint_writes_nothing_that_is_not_in_the_text() -> None:
    grammar = FORM.constraint(make())
    for call in ['TIME(span="6 pm")', 'TIME(span="Ada", occurrence=2)', 'JOB_TITLE(span="Ada")']:
        assert find_path(grammar, f"[\n    {call},\n]") is not None
    for call in ['TIME(span="7 pm")', 'DATE(span="6 pm")', 'NAME(span="Ada", occurrence=1)', 'NAME(span="Ada", occurrence=3)']:
        assert find_path(grammar, f"[\n    {call},\n]") is None


def test_the_range_of_an_entity_is_its_call() -> None:
    answer = '[TIME(span="6 pm"), NAME(span="Ada")]'
    first, second = sorted(FORM.parse(answer, make()).found, key=lambda one: one.start)
    assert answer[first.start : first.end] == 'TIME(span="6 pm")' and answer[second.start : second.end] == 'NAME(span="Ada")'


GOOD = '[\n    TIME(span="6 pm"),\n]'


@pytest.mark.parametrize(
    ("written", "spans", "problems"),
    [
        pytest.param(GOOD, [SIX], [], id="good"),
        pytest.param("[]", [], [], id="no-entity"),
        pytest.param("[TIME(\"6 pm\"), NAME('Ada', 2)]", [SIX, LAST_ADA], [], id="positional"),
        pytest.param('[TIME(span="6 " "pm")]', [SIX], [], id="two-literals"),
        pytest.param("result = " + GOOD, [SIX], [], id="assignment"),
        pytest.param(f"```python\n{GOOD}\n```", [SIX], ["markdown fence"], id="fence"),
        pytest.param(f"```python\nresult = {GOOD}", [SIX], ["markdown fence"], id="open-fence"),
        pytest.param(f"Sure! Here you go:\n{GOOD}", [SIX], ["text around"], id="text-before"),
        pytest.param(f"{GOOD}\nLet me know.", [SIX], ["text around"], id="text-after"),
        pytest.param(f"Sure:\n```\n{GOOD}\n```\nBye.", [SIX], ["markdown fence", "text around", "text around"], id="all-around"),
        pytest.param(f'<think>[NAME(span="Ada")]</think>{GOOD}', [SIX], ["text around"], id="thought"),
        pytest.param(f'Hm, NAME(span="Ada")?</think>\n{GOOD}', [SIX], ["text around"], id="end-of-a-thought"),
        pytest.param("I cannot help with that.", [], ["no answer"], id="refusal"),
        pytest.param("", [], ["no answer"], id="nothing"),
        pytest.param("None", [], ["no answer"], id="none"),
        pytest.param('[PLACE(span="6 pm")]', [], ["unknown label"], id="unknown-label"),
        pytest.param('[time(span="6 pm")]', [SIX], [], id="class-in-another-case"),
        pytest.param('[JOB_TITLE(span="Ada")]', [Span(0, 1, "JOB TITLE")], [], id="class-of-a-label"),
        pytest.param('[TIME(span="7 pm")]', [], ["not in the text"], id="hallucination"),
        pytest.param('[NAME(span="da")]', [], ["not in the text"], id="inside-a-word"),
        pytest.param('[TIME(span="6 pm"), TIME(span="6 pm")]', [SIX], ["duplicate"], id="duplicate"),
        pytest.param('[TIME(span="6 pm"), NAME(span="6 pm")]', [SIX], ["overlap"], id="two-labels"),
        pytest.param('[TIME(span="6 pm"), TIME(span="6", occurrence=1)]', [SIX], ["overlap"], id="overlap"),
        pytest.param('[NAME(span="Ada"), NAME(span="Ada")]', [ADA, LAST_ADA], [], id="both-places"),
        pytest.param('[NAME(span="Ada", occurrence=2)]', [LAST_ADA], [], id="second-occurrence"),
        pytest.param('[NAME(span="Ada", occurrence=3)]', [ADA], ["no such occurrence"], id="occurrence-too-high"),
        pytest.param('[NAME(span="Ada", occurrence=0)]', [ADA], ["no such occurrence"], id="occurrence-zero"),
        pytest.param('[NAME(span="Ada", occurrence="2")]', [ADA], ["no such occurrence"], id="occurrence-as-a-string"),
        pytest.param('[NAME(span="Ada", occurrence=None)]', [ADA], [], id="occurrence-none"),
        pytest.param('[TIME(span="6 pm"), NAME(span="Ada", occurrence=1)]', [ADA, SIX], [], id="another-order"),
        pytest.param('[TIME(span="6 PM")]', [SIX], ["inexact"], id="another-case"),
        pytest.param('[TIME(span=" 6 pm ")]', [SIX], [], id="white-space-around"),
        pytest.param('[TIME(span="")]', [], ["malformed"], id="empty-span"),
        pytest.param("[TIME(span=6)]", [], ["malformed"], id="span-is-a-number"),
        pytest.param("[TIME()]", [], ["malformed"], id="no-span"),
        pytest.param('[TIME(span="6 pm", span="6")]', [], ["malformed"], id="two-spans"),
        pytest.param('[TIME(span="6 pm", score="x")]', [SIX], [], id="more-arguments"),
        pytest.param('[TIME(span=open("x").read())]', [], ["malformed", "malformed", "unknown label"], id="code"),
        pytest.param('[TIME(span=f"{x}"), NAME(span="Ada")]', [ADA], ["malformed"], id="f-string"),
        pytest.param('[os.system("6 pm"), NAME(span="Ada")]', [ADA], ["malformed"], id="attribute"),
        pytest.param('[TIME(span="\\x"), NAME(span="Ada")]', [ADA], ["malformed"], id="bad-escape"),
        pytest.param('[TIME(span="6 \\pm")]', [SIX], ["inexact"], id="unknown-escape"),
        pytest.param('["6 pm", "Ada"]', [], ["malformed"], id="strings"),
        pytest.param('[{"span": "6 pm"}]', [], ["malformed"], id="json"),
        pytest.param('[\n  TIME(span="6 pm"),\n  NAME(span="Ad', [SIX], ["cut off"], id="cut-off-inside"),
        pytest.param('[\n  TIME(span="6 pm"),', [SIX], ["cut off"], id="cut-off-between"),
        pytest.param("[", [], ["cut off"], id="cut-off-at-the-start"),
        pytest.param('[\n  TIME(span="6 pm),\n  NAME(span="Ada"),\n]', [ADA], ["malformed"], id="no-closing-quote"),
        pytest.param('[\n  TIME(span="6" pm"),\n  NAME(span="Ada"),\n]', [ADA], ["malformed"], id="open-quote"),
        pytest.param('[\n  TIME(span="6 pm",\n  NAME(span="Ada"),\n]', [ADA], ["malformed"], id="no-bracket"),
        pytest.param('[TIME(span=), NAME(span="Ada"), TIME(=)]', [ADA], ["malformed", "malformed"], id="no-value"),
        pytest.param('TIME(span="6 pm")\nNAME(span="Ada")', [SIX, LAST_ADA], ["malformed"], id="no-list"),
        pytest.param("(" * 5000 + GOOD, [SIX], ["text around"], id="deep"),
        pytest.param("\ud83d" + GOOD, [SIX], ["text around"], id="half-a-character"),
        pytest.param('[TIME(span="\ud83d")]', [], ["malformed"], id="half-a-character-inside"),
    ],
)
def test_answers_of_any_kind_are_read(written: str, spans: list[Span], problems: list[str]) -> None:
    parsed = FORM.parse(written, make())
    assert (parsed.spans, kinds(parsed.problems)) == (spans, problems)


@pytest.mark.parametrize(
    ("written", "intent", "problems"),
    [
        pytest.param('intent = "cancel"\n[]', "cancel", [], id="known"),
        pytest.param("intent: Cancel\n[]", "cancel", [], id="without-quotes"),
        pytest.param('[]\nintent = "f(\\"x\\")"', 'f("x")', [], id="behind-the-list"),
        pytest.param('intent = "refuse"\n[]', None, ["unknown intent"], id="unknown"),
        pytest.param("[]", None, ["no intent"], id="none"),
        pytest.param("I cannot.", None, ["no answer"], id="refusal"),
        pytest.param('intent = "cancel"\n[TIME(', "cancel", ["cut off"], id="cut-off"),
    ],
)
def test_intents_are_read(written: str, intent: Optional[str], problems: list[str]) -> None:
    parsed = Gollie(["TIME"], ["cancel", 'f("x")']).parse(written, make())
    assert (parsed.intent, kinds(parsed.problems)) == (intent, problems)


@given(docs())
def test_an_empty_list_has_no_entity(doc: Doc) -> None:
    assert FORM.parse("[\n]", doc) == ([], None, [])
    assert find_path(FORM.constraint(doc), "[\n]") is not None
