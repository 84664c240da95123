"""The component around a generator: most of the time one that answers by a script."""

import ast
import json
import logging
import random
import re
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
import srsly
from hypothesis import example, given
from hypothesis import strategies as st
from mock_generator import Mock, answer_of, bio_lines, mock_config, mock_nlp, mock_of
from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.constraints.guide import Answer
from spacy_slm_ner.errors import LabelError
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.pipeline.slm_ner import SlmNer
from spacy_slm_ner.pipeline.training_requests import make_training_requests

WORDS = {"Ana": "NAME", "Jo Lee": "NAME", "Friday": "DATE", "noon": "TIME"}
TEXT = "Ana and Jo Lee come on Friday at noon."
ENTITIES = [("Ana", "NAME"), ("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")]


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def component(nlp: Language, name: str = "slm_ner") -> SlmNer:
    slm_ner = nlp.get_pipe(name)
    assert isinstance(slm_ner, SlmNer)
    return slm_ner


def scripted(script: Callable[[str], Any], **config: Any) -> Language:
    nlp = mock_nlp(WORDS, **config)
    mock_of(nlp).script = script
    return nlp


# What it reads


def test_entities_are_those_that_the_generator_writes() -> None:
    assert entities(mock_nlp(WORDS)(TEXT)) == ENTITIES


def test_a_call_and_a_stream_give_the_same() -> None:
    nlp = mock_nlp(WORDS, intent="cancel", cats=True, intents=["cancel", "inquiry"], save_io=True, annotate="both")
    texts = [TEXT, "", "Nobody.", "Friday " * 200, "noon"]
    alone, together = [nlp(text) for text in texts], list(nlp.pipe(texts, batch_size=2))
    assert [doc.to_bytes() for doc in together] == [doc.to_bytes() for doc in alone]


def test_a_stream_asks_the_generator_once_a_batch() -> None:
    nlp = mock_nlp(WORDS)
    calls = []
    mock = mock_of(nlp)
    mock.script = lambda text: calls.append(len(mock.asked)) or ""
    list(nlp.pipe([TEXT] * 6, batch_size=3))
    assert calls == [3] * 3 + [6] * 3


def test_predicting_changes_nothing() -> None:
    nlp = mock_nlp(WORDS)
    doc = nlp.make_doc(TEXT)
    before = doc.to_bytes()
    assert component(nlp).predict([doc])[0].response.found
    assert doc.to_bytes() == before


STRANGE = [
    pytest.param("", id="empty"),
    pytest.param(" ", id="space"),
    pytest.param(" \n\t \n", id="white-space"),
    pytest.param("x", id="one-token"),
    pytest.param("Friday", id="one-entity"),
    pytest.param("\x00\x01\x1b[31m\x7f\x85", id="control-characters"),
    pytest.param("\u200b\u200d\ufeff\u202e", id="no-width"),
    pytest.param("\ufffd \U0001f44d\U0001f3fd \U0010ffff", id="astral"),
    pytest.param("<|im_end|>", id="chat-marker"),
    pytest.param("<|im_start|>system\n<|im_end|><|im_start|>assistant\n<|endoftext|>", id="chat-markers"),
    pytest.param("\\ : B-DATE [2] <DATE></DATE> intent: cancel", id="marks-of-the-formats"),
    pytest.param("a\r\nb\u2028c\x0bd", id="line-breaks"),
]
FORMAT_NAMES = ["BioLines", "SpanLines", "InlineTags", "TokenLines", "TrailingTags", "Json", "Gollie"]
FORMATS = pytest.mark.parametrize("format", FORMAT_NAMES)


@pytest.mark.parametrize("text", STRANGE)
def test_any_text_gives_a_doc(text: str) -> None:
    doc = mock_nlp(WORDS, "cancel", cats=True, intents=["cancel", "inquiry"], save_io=True)(text)
    assert doc.text == text
    assert doc.has_annotation("ENT_IOB")
    assert entities(doc) == [("Friday", "DATE")] * ("Friday" in text)


@pytest.fixture(scope="module")
def tiny(tiny_base: Path) -> Callable[..., Language]:
    """A pipeline over a model with random weights, which writes anything that it may write."""

    def make(**config: Any) -> Language:
        model = {"base": str(tiny_base), "lora": None, "precision": "fp32"}
        nlp = spacy.blank("en")
        settings = {"labels": ["DATE", "TIME"], "intents": ["cancel", "inquiry"], "cats": True, "model": model}
        nlp.add_pipe("slm_ner", config={**settings, **config})
        nlp.initialize()
        return nlp

    return make


@FORMATS
@pytest.mark.parametrize("constrained", [True, False], ids=["constrained", "free"])
def test_any_text_gives_a_doc_with_a_language_model(tiny: Callable[..., Language], format: str, constrained: bool) -> None:
    nlp = tiny(format={"@misc": f"spacy-slm-ner.{format}.v1"}, constrained=constrained)
    texts = [parameter.values[0] for parameter in STRANGE]
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert {ent.label_ for doc in docs for ent in doc.ents} <= {"DATE", "TIME"}
    if constrained:
        assert [problem for doc in docs for problem in doc.user_data.get("slm_ner", {}).get("problems", [])] == []
        read = [doc for doc in docs if doc.text.strip()]
        assert all(sum(doc.cats.values()) == pytest.approx(1.0) for doc in read)


def test_a_language_model_answers_alone_as_in_a_batch(tiny: Callable[..., Language]) -> None:
    nlp = tiny(annotate="both")
    texts = [TEXT, "x", "See you at 6 pm on Friday. " * 5]
    alone, together = [nlp(text) for text in texts], list(nlp.pipe(texts))
    assert list(map(entities, together)) == list(map(entities, alone))
    scores = [[doc.spans["sc"].attrs["scores"] for doc in docs] for docs in (together, alone)]
    assert scores[0] == [pytest.approx(row, abs=1e-5) for row in scores[1]]


def test_a_model_that_was_never_loaded_is_an_error(tiny_base: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", config={"labels": ["DATE"], "model": {"base": str(tiny_base)}})
    with pytest.raises(ValueError, match=r"The model of slm_ner is not loaded: call `nlp\.initialize\(\)`"):
        nlp("Friday")


# Long texts


def long_text(characters: int, seed: int = 0) -> str:
    choice = random.Random(seed)
    words = ["we", "meet", "Ana", "or", "Jo Lee", ",", "Friday", "noon", "unquestionably", "\n\n", "?", "if"]
    text = ""
    while len(text) < characters:
        text += choice.choice(words) + " "
    return text[:characters]


@pytest.mark.parametrize(("window", "overlap"), [(384, 64), (100, 99), (40, 30)])
def test_a_long_text_is_read_whole_and_no_request_is_longer_than_a_window(window: int, overlap: int) -> None:
    text = long_text(20_000 if window == 384 else 5_000)
    nlp = mock_nlp(WORDS, window=window, overlap=overlap)
    doc = nlp(text)
    script = bio_lines(WORDS)(text)
    assert len(doc.ents) == script.count(": B-") > 100
    assert set(entities(doc)) <= set(ENTITIES)
    lengths = [len(request.messages[-1]["content"]) for request in mock_of(nlp).asked]
    assert max(lengths) <= window
    assert len(lengths) <= 3 * len(text) / (window - overlap)


@pytest.mark.parametrize("before", range(24))
def test_an_entity_is_found_wherever_the_edge_of_a_window_falls(before: int) -> None:
    # "Jo " and "Lee " are 7 pieces of the 8 that half the overlap has.
    text = "a " * before + "Jo Lee " + "b " * 20
    assert entities(mock_nlp(WORDS, window=24, overlap=16)(text)) == [("Jo Lee", "NAME")]


@pytest.mark.parametrize("length", range(24, 39, 2))
def test_an_entity_is_found_where_a_long_word_stands_before_the_edge(length: int) -> None:
    text = "x" * length + " Jo Lee " + "b " * 20
    assert entities(mock_nlp(WORDS, window=40, overlap=16)(text)) == [("Jo Lee", "NAME")]


def test_a_word_longer_than_a_window_is_a_problem_and_the_rest_is_read() -> None:
    doc = mock_nlp(WORDS, window=20, overlap=4)("Ana " + "x" * 50 + " Friday")
    assert entities(doc) == [("Ana", "NAME"), ("Friday", "DATE")]
    said = "token 1 has 51 tokens of the base's tokenizer, more than a window of 20, and was not read"
    assert doc.user_data["slm_ner"]["problems"] == [said]


def test_one_word_of_a_hundred_thousand_characters_is_not_read() -> None:
    nlp = mock_nlp(WORDS)
    doc = nlp("x" * 100_000)
    assert (doc.ents, mock_of(nlp).asked) == ((), [])
    assert len(doc.user_data["slm_ner"]["problems"]) == 1


@pytest.mark.parametrize(
    ("window", "overlap"),
    [pytest.param(0, 0, id="no-window"), pytest.param(8, 8, id="overlap-too-large"), pytest.param(8, -1, id="negative-overlap")],
)
def test_windows_that_could_not_move_on_are_refused(window: int, overlap: int) -> None:
    with pytest.raises(
        ValueError,
        match=rf"Got window = {window} and overlap = {overlap}, in tokens of the base's tokenizer\. Allowed are a window of",
    ):
        mock_nlp(WORDS, window=window, overlap=overlap)


# Problems, prompts and answers


def test_problems_are_kept_with_the_doc_and_counted_in_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    nlp = scripted(lambda text: "Ana: B-NAME\nPeter: B-NAME\n", constrained=False)
    with caplog.at_level(logging.WARNING, "spacy_slm_ner"):
        docs = list(nlp.pipe([TEXT, "Nobody", "Ana"]))
    assert [doc.user_data["slm_ner"]["problems"] for doc in docs] == [
        ["not in the text: 'Peter' (behind the line before)"],
        ["not in the text: 'Ana' (behind the line before)", "not in the text: 'Peter' (behind the line before)"],
        ["not in the text: 'Peter' (behind the line before)"],
    ]
    records = [record for record in caplog.records if record.name == "spacy_slm_ner"]
    assert [record.getMessage() for record in records] == ["slm_ner: 4 parts of texts or answers could not be used in a batch."]


def test_of_a_doc_without_problems_numbers_alone_are_kept_and_nothing_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    doc = mock_nlp(WORDS)(TEXT)
    assert doc.user_data["slm_ner"].keys() == {"counts"}
    assert caplog.records == []


def test_what_was_kept_of_an_earlier_reading_goes_with_the_next() -> None:
    nlp = scripted(lambda text: "Peter: B-NAME\n", constrained=False)
    doc = nlp(TEXT)
    mock_of(nlp).script = bio_lines(WORDS)
    doc = component(nlp)(doc)
    assert entities(doc) == ENTITIES
    assert doc.user_data["slm_ner"].keys() == {"counts"}


def test_prompts_and_answers_of_every_window_are_kept_where_asked_for() -> None:
    doc = mock_nlp(WORDS, name="finder", window=24, overlap=4, save_io=True)(TEXT)
    io = doc.user_data["finder"]["io"]
    assert len(io) > 1
    assert all(one["prompt"][0]["role"] == "system" and "DATE, NAME, TIME" in one["prompt"][0]["content"] for one in io)
    assert all(one["prompt"][-1]["role"] == "user" and one["prompt"][-1]["content"] in TEXT for one in io)
    assert [one["answer"] for one in io] == [bio_lines(WORDS)(one["prompt"][-1]["content"]) for one in io]
    json.dumps(io)


def test_prompts_and_answers_survive_to_bytes() -> None:
    doc = mock_nlp(WORDS, save_io=True)(TEXT)
    assert Doc(doc.vocab).from_bytes(doc.to_bytes()).user_data["slm_ner"] == doc.user_data["slm_ner"]


# Free answers

GARBAGE = [
    "",
    "\n\n\n",
    "I am sorry, but I cannot help with that.",
    "Friday: B-DATE",
    "Friday: B-DATE\n" * 50,
    "friday: b-date",
    "Friday: B-PLANET",
    "Friday: X-DATE",
    "Friday: I-DATE",
    "Friday [2]: B-DATE",
    "Friday [0]: B-DATE",
    "Peter [0]: B-NAME",
    "Friday [99999999999999999999]: B-DATE",
    f"Friday [{'9' * 5000}]: B-DATE",
    "Friday [٣]: B-DATE",
    "DATE: Friday",
    "DATE: Friday [0]",
    "DATE: Peter [0]",
    f"DATE: Friday [{'9' * 5000}]",
    "DATE:",
    ": Friday",
    "DATE: [0]",
    "intent: cancel",
    "intent: nonsense\nFriday: B-DATE",
    "<DATE>Friday</DATE>",
    "<DATE>Friday</TIME>",
    "<DATE><TIME>Friday</TIME></DATE>",
    "<DATE></DATE>",
    "<DATE>" * 200,
    "<DATE> </DATE>",
    "<DATE>\\</DATE>",
    TEXT.replace("Friday", "<DATE>Fri</DATE>day"),
    TEXT.replace("Friday", "<DATE>Friday</DATE>") + " And more.",
    TEXT.replace("Ana and Jo Lee", "<NAME>Ana and <NAME>Jo Lee</NAME></NAME>"),
    "<|im_end|><|im_start|>",
    "\\u", "\\ud800", "\\u000a: B-DATE", "\ufffd\ufffd", "\x00: B-DATE",
]  # fmt: skip


@pytest.fixture(scope="module")
def free() -> Callable[[str], Language]:
    """A pipeline of each format whose generator writes what it likes."""
    config = {"constrained": False, "cats": True, "intents": ["cancel", "inquiry"]}
    return {name: mock_nlp(WORDS, format={"@misc": f"spacy-slm-ner.{name}.v1"}, **config) for name in FORMAT_NAMES}.__getitem__


def check_free(nlp: Language, answer: str, complete: bool = True) -> Doc:
    """Whatever is written, a Doc comes out that is annotated within the rules."""
    mock = mock_of(nlp)
    mock.script = lambda text: answer_of(mock.asked[-1], answer)._replace(complete=complete)
    doc = nlp(TEXT)
    assert {ent.label_ for ent in doc.ents} <= set(WORDS.values())
    assert all(0.0 <= ent._.score <= 1.0 for ent in doc.ents)
    assert set(doc.cats) <= {"cancel", "inquiry"}
    return doc


@FORMATS
@pytest.mark.parametrize("answer", GARBAGE, ids=lambda answer: repr(answer)[:40])
def test_any_answer_is_read_as_far_as_possible(free: Callable[[str], Language], format: str, answer: str) -> None:
    doc = check_free(free(format), answer)
    says_something = bool(doc.ents) or any(doc.cats.values())
    assert says_something or not answer.strip() or doc.user_data["slm_ner"]["problems"]


@FORMATS
@given(
    answer=st.lists(
        st.one_of(st.sampled_from([*GARBAGE, *WORDS, ": B-DATE", "DATE: ", "\n", " [", "]", "0"]), st.text(max_size=8))
    )
)
def test_any_mixture_of_answers_is_read(free: Callable[[str], Language], format: str, answer: list[str]) -> None:
    check_free(free(format), "".join(answer))


def test_an_answer_that_was_cut_off_is_a_problem(free: Callable[[str], Language]) -> None:
    doc = check_free(free("BioLines"), "Friday: B-DATE\nnoon: B-TIME\nAn", complete=False)
    assert entities(doc) == [("Friday", "DATE")]
    assert doc.user_data["slm_ner"]["problems"] == ["cut off: 'noon: B-TIME\\nAn' (at its longest length)"]


# Windows that are too long for the model


def context_of(length: int, nlp: Language) -> Language:
    """A generator that cannot read more characters than some."""
    mock = mock_of(nlp)
    script = mock.script
    mock.script = lambda text: Answer("", problems=("no answer",), too_long=True) if len(text) > length else script(text)
    return nlp


@pytest.mark.parametrize("length", [400, 100, 60])
def test_a_window_that_does_not_fit_is_halved_until_it_does(length: int) -> None:
    text = " ".join([TEXT] * 8)
    nlp = context_of(length, mock_nlp(WORDS, window=350, overlap=40))
    doc = nlp(text)
    assert entities(doc) == ENTITIES * 8
    assert doc.user_data["slm_ner"].keys() == {"counts"}
    assert len({request.messages[-1]["content"] for request in mock_of(nlp).asked}) <= 2 * len(text) // 20


def test_a_window_that_never_fits_is_a_problem_of_its_text() -> None:
    nlp = context_of(0, mock_nlp(WORDS))
    doc = nlp(TEXT)
    assert doc.ents == () and set(doc.user_data["slm_ner"]["problems"]) == {"no answer"}
    assert len(mock_of(nlp).asked) < 2**6


@pytest.mark.parametrize("constrained", [True, False], ids=["constrained", "free"])
def test_the_generator_is_told_whether_it_is_constrained(constrained: bool) -> None:
    nlp = mock_nlp(WORDS, constrained=constrained)
    nlp(TEXT)
    assert [request.constrained for request in mock_of(nlp).asked] == [constrained]


# Intents


def test_intents_are_written_with_their_probabilities() -> None:
    doc = mock_nlp(WORDS, "cancel", cats=True, intents=["inquiry", "cancel"])(TEXT)
    assert doc.cats == {"inquiry": pytest.approx(0.1), "cancel": pytest.approx(0.9)}


def test_intents_of_the_windows_of_a_text_are_averaged() -> None:
    nlp = mock_nlp(WORDS, cats=True, intents=["inquiry", "cancel"], window=24, overlap=0)
    mock_of(nlp).script = lambda text: "intent: cancel\n" if "Ana" in text else "intent: inquiry\n"
    cats = nlp("Ana and so on and on and on and on and on and on").cats
    assert len(mock_of(nlp).asked) == 3
    assert cats == {"cancel": pytest.approx((0.9 + 0.1 + 0.1) / 3), "inquiry": pytest.approx((0.1 + 0.9 + 0.9) / 3)}


def test_without_any_intent_entities_alone_are_asked_for() -> None:
    doc = mock_nlp(WORDS, cats=True, save_io=True)(TEXT)
    assert doc.ents and doc.cats == {}
    assert "intent" not in str(doc.user_data["slm_ner"]["io"][0]["prompt"])


def test_intents_are_not_asked_for_unless_wanted() -> None:
    nlp = mock_nlp(WORDS, intents=["inquiry", "cancel"])
    doc = nlp(TEXT)
    assert doc.cats == {}
    assert "intent" not in mock_of(nlp).asked[0].messages[0]["content"]


def test_categories_of_other_components_stay() -> None:
    nlp = mock_nlp(WORDS, "cancel", cats=True, intents=["cancel"])
    doc = nlp.make_doc(TEXT)
    doc.cats = {"spam": 0.25}
    assert component(nlp)(doc).cats == {"spam": 0.25, "cancel": pytest.approx(0.9)}


def test_a_temperature_makes_scores_less_sure() -> None:
    nlp = mock_nlp({"Friday": "DATE"})
    before = nlp(TEXT).ents[0]._.score
    component(nlp).temperature = 2.0
    assert before == pytest.approx(0.81)
    assert nlp(TEXT).ents[0]._.score == pytest.approx(1 / (1 + (0.19 / 0.81) ** 0.5))


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")], ids=str)
def test_a_temperature_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"Got the temperature {value}, allowed is anything above 0"):
        component(mock_nlp(WORDS)).temperature = value


# Labels


def gold(nlp: Language, text: str, words: dict[str, str], **cats: float) -> Example:
    """An example in which words are entities."""
    reference = nlp.make_doc(text)
    spans = [reference.char_span(text.index(word), text.index(word) + len(word), label) for word, label in words.items()]
    reference.set_ents(spans, default="outside")
    reference.cats = cats
    return Example(nlp.make_doc(text), reference)


def initialized(labels: list[str] = (), data: dict[str, str] = WORDS, **config: Any) -> Language:  # type: ignore[assignment]
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", config={**mock_config(data), "labels": list(labels), **config})
    nlp.initialize(lambda: [gold(nlp, TEXT, data, cancel=1.0, inquiry=0.0)])
    return nlp


def test_labels_of_the_training_data_are_added_in_order() -> None:
    assert component(initialized()).labels == ("DATE", "NAME", "TIME")


def test_labels_of_the_config_come_first() -> None:
    assert component(initialized(["TIME", "PLACE"])).labels == ("TIME", "PLACE", "DATE", "NAME")


def test_intents_of_the_training_data_are_added() -> None:
    assert component(initialized(cats=True, intents=["offer"])).intents == ("offer", "cancel", "inquiry")


def test_labels_are_words_of_the_prompt() -> None:
    nlp = initialized(["TIME", "PLACE"])
    nlp(TEXT)
    assert "TIME, PLACE, DATE, NAME" in mock_of(nlp).asked[0].messages[0]["content"]


@pytest.mark.parametrize("cats", [True, False], ids=["with-intents", "without-intents"])
def test_label_data_initializes_another_component(cats: bool) -> None:
    data = component(initialized(cats=cats)).label_data
    nlp = mock_nlp({}, cats=cats)
    component(nlp).initialize(lambda: [gold(nlp, "Nothing", {})], nlp=nlp, labels=data)
    assert component(nlp).label_data == data
    assert component(nlp).labels == ("DATE", "NAME", "TIME")


def test_labels_from_a_file_replace_a_look_at_all_examples(tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "labels.json", {"labels": ["NAME", "DATE", "TIME"], "intents": []})
    nlp = mock_nlp({})
    nlp.config["initialize"]["components"]["slm_ner"] = {
        "labels": {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "labels.json")}
    }
    nlp.initialize(lambda: [gold(nlp, "Ana", {"Ana": "PERSON"})])
    assert component(nlp).labels == ("NAME", "DATE", "TIME")


def test_categories_that_are_not_asked_for_may_have_any_name() -> None:
    nlp = mock_nlp(WORDS)
    nlp.initialize(lambda: [gold(nlp, TEXT, WORDS, **{"sci/tech": 1.0, "news: world": 0.0})])
    assert entities(nlp(TEXT)) == ENTITIES


def test_a_label_is_added_once() -> None:
    slm_ner = component(mock_nlp(WORDS))
    assert (slm_ner.add_label("PLACE"), slm_ner.add_label("PLACE")) == (1, 0)
    assert slm_ner.labels == ("DATE", "NAME", "TIME", "PLACE")


def test_a_label_that_is_added_later_can_be_written() -> None:
    nlp = mock_nlp(WORDS)
    component(nlp).add_label("PLACE")
    mock_of(nlp).script = bio_lines({"Friday": "PLACE"})
    assert entities(nlp(TEXT)) == [("Friday", "PLACE")]


BAD_LABELS = ["", " ", "\n", "A\nB", "A\tB", " A", "A\u00a0", "A\u2028B"]
MARKED_LABELS = ["person/actor", "A:B", "A: B", "<A>", "[A]", "A\\B", "JOB TITLE", "a, b", "日付"]


@pytest.mark.parametrize("label", [*BAD_LABELS, 7, None], ids=repr)
def test_bad_labels_are_refused(label: Any) -> None:
    slm_ner = component(mock_nlp(WORDS))
    with pytest.raises(LabelError, match=r"among the labels\. Allowed is text on one line"):
        slm_ner.add_label(label)
    assert slm_ner.labels == ("DATE", "NAME", "TIME")


@pytest.mark.parametrize("label", MARKED_LABELS)
def test_labels_of_the_training_data_may_hold_any_marks(label: str) -> None:
    nlp = initialized(data={"Ana": label})
    assert component(nlp).labels == (label,)
    doc = gold(nlp, TEXT, {"Friday": label}).reference
    form = component(nlp).format
    assert form.parse(form.target(doc), doc).spans == gold_spans(doc)


def test_labels_that_differ_in_case_only_are_refused() -> None:
    slm_ner = component(mock_nlp(WORDS))
    with pytest.raises(LabelError, match="'Date' among the labels, which differs from another one in case only"):
        slm_ner.add_label("Date")


@pytest.mark.parametrize("label", ["", "A\nB", "A "], ids=repr)
@pytest.mark.parametrize("kind", ["labels", "intents"])
def test_bad_labels_of_the_config_are_refused(kind: str, label: str) -> None:
    with pytest.raises(LabelError, match=f"Got {re.escape(repr(label))} among the {kind}"):
        nlp = mock_nlp(WORDS, cats=True, **{"labels": ["DATE"], "intents": ["cancel"], kind: [label]})
        nlp.initialize(lambda: [gold(nlp, TEXT, {}, cancel=1.0)])


def test_bad_labels_of_the_training_data_are_refused() -> None:
    with pytest.raises(LabelError, match="Got 'A ' among the labels"):
        initialized(data={"Ana": "A "})


@pytest.fixture(scope="module")
def open_to_labels() -> Callable[[str], Language]:
    return {name: mock_nlp({}, format={"@misc": f"spacy-slm-ner.{name}.v1"}) for name in FORMAT_NAMES}.__getitem__


@FORMATS
@given(label=st.text(max_size=4), other=st.sampled_from(["DATE", "Date", "I-DATE", "intent"]))
@example(label="date", other="DATE")
@example(label="DATE ", other="Date")
def test_with_every_label_that_is_taken_a_target_reads_back(
    open_to_labels: Callable[[str], Language], format: str, label: str, other: str
) -> None:
    nlp = open_to_labels(format)
    slm_ner = component(nlp)
    slm_ner.cfg["labels"] = [other]
    try:
        slm_ner.add_label(label)
    except LabelError:
        return
    doc = gold(nlp, "Ana on Friday", {"Ana": label, "Friday": other}).reference
    parsed = slm_ner.format.parse(slm_ner.format.target(doc), doc)
    assert [(span.start, span.end, span.label) for span in parsed.spans] == [(0, 1, label), (2, 3, other)]


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        pytest.param({"labels": []}, "labels", id="labels"),
        pytest.param({"labels": [], "cats": True}, "labels", id="both"),
    ],
)
def test_nothing_to_look_for_is_an_error(config: dict, missing: str) -> None:
    message = f"The component 'slm_ner' has no {missing}. Name them in its config, add them with `add_label`, or let"
    with pytest.raises(LabelError, match=message):
        mock_nlp({}, **config)(TEXT)


def test_training_data_without_entities_is_an_error_at_initialization() -> None:
    with pytest.raises(LabelError, match="The component 'slm_ner' has no labels"):
        initialized(data={})


# Errors


def failing(text: str) -> str:
    if "boom" in text:
        raise RuntimeError("the generator fell over")
    return bio_lines(WORDS)(text)


TEXTS = ["Ana", "boom", "Friday", "boom boom", "noon"]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_a_doc_that_fails_costs_itself_alone(batch_size: int) -> None:
    nlp = scripted(failing)
    failed: list[tuple[str, list[str], str]] = []

    def remember(name: str, proc: Pipe, docs: list[Doc], error: Exception) -> None:
        failed.append((name, [doc.text for doc in docs], str(error)))

    nlp.set_error_handler(remember)
    docs = list(nlp.pipe(TEXTS, batch_size=batch_size))
    assert list(map(entities, docs)) == [[("Ana", "NAME")], [("Friday", "DATE")], [("noon", "TIME")]]
    assert failed == [("slm_ner", [text], "the generator fell over") for text in ("boom", "boom boom")]


def test_a_doc_that_fails_raises_unless_it_is_handled() -> None:
    nlp = scripted(failing)
    with pytest.raises(RuntimeError, match="the generator fell over"):
        list(nlp.pipe(TEXTS))
    with pytest.raises(RuntimeError, match="the generator fell over"):
        nlp("boom")


# Training


def training_requests(nlp: Language, examples: list[Example]) -> list[tuple[str, str]]:
    """Text and target of each request that an update makes."""
    nlp.update(examples)
    return [(request.messages[-1]["content"], request.target or "") for request in mock_of(nlp).asked]


def test_a_training_request_is_a_text_and_its_answer() -> None:
    nlp = mock_nlp(WORDS)
    assert training_requests(nlp, [gold(nlp, TEXT, WORDS)]) == [(TEXT, bio_lines(WORDS)(TEXT))]


def test_a_text_without_entities_is_a_training_request() -> None:
    nlp = mock_nlp(WORDS)
    assert training_requests(nlp, [gold(nlp, "Nobody comes", {})]) == [("Nobody comes", "")]


def test_a_training_request_names_the_intent() -> None:
    nlp = mock_nlp(WORDS, cats=True, intents=["cancel", "inquiry"])
    assert training_requests(nlp, [gold(nlp, "Ana", {"Ana": "NAME"}, cancel=0.0, inquiry=1.0)]) == [
        ("Ana", "intent: inquiry\nAna: B-NAME\n")
    ]


def test_examples_without_annotation_are_left_out() -> None:
    nlp = mock_nlp(WORDS)
    blank = Example(nlp.make_doc("Ana"), nlp.make_doc("Ana"))
    assert training_requests(nlp, [blank, gold(nlp, "Bo", {})]) == [("Bo", "")]


def test_a_batch_without_annotation_changes_nothing() -> None:
    nlp = mock_nlp(WORDS)
    losses = nlp.update([Example(nlp.make_doc("Ana"), nlp.make_doc("Ana"))])
    assert (losses, mock_of(nlp).asked) == ({"slm_ner": 0.0}, [])


@pytest.mark.parametrize("cats", [{}, {"spam": 1.0}], ids=["none", "others"])
def test_examples_without_an_intent_are_left_out_where_intents_are_learned(cats: dict[str, float]) -> None:
    nlp = mock_nlp(WORDS, cats=True, intents=["cancel"])
    assert training_requests(nlp, [gold(nlp, "Ana", {"Ana": "NAME"}, **cats)]) == []


@pytest.mark.parametrize("text", ["", " \n"], ids=repr)
def test_a_text_of_white_space_is_no_training_request(text: str) -> None:
    nlp = mock_nlp(WORDS)
    assert training_requests(nlp, [gold(nlp, text, {})]) == []


@FORMATS
def test_the_entities_of_a_long_text_are_cut_into_its_windows(format: str) -> None:
    text = long_text(2_000)
    nlp = mock_nlp(WORDS, window=60, overlap=24, format={"@misc": f"spacy-slm-ner.{format}.v1"})
    doc = mock_nlp(WORDS)(text)
    reference = nlp.make_doc(text)
    reference.set_ents([Span(reference, ent.start, ent.end, ent.label_) for ent in doc.ents], default="outside")
    nlp.update([Example(nlp.make_doc(text), reference)])
    asked = mock_of(nlp).asked
    contents = [request.messages[-1]["content"] for request in asked]
    texts = [ast.literal_eval(content.removeprefix("text = ")) if format == "Gollie" else content for content in contents]
    assert max(map(len, texts)) <= 60
    # The generator learns what it would have to write, and writing it gives the entities back.
    answers = {request.messages[-1]["content"]: request.target for request in asked}
    assert all(find_path(request.grammar, request.target or "") is not None for request in asked)
    mock_of(nlp).script = answers.__getitem__
    assert entities(nlp(text)) == entities(doc)


def test_an_entity_that_a_window_cuts_is_in_no_training_request_of_that_window() -> None:
    nlp = mock_nlp(WORDS, window=12, overlap=0)
    parts = training_requests(nlp, [gold(nlp, "come on , Jo Lee , come", {"Jo Lee": "NAME"})])
    assert parts == [("come on , ", ""), ("Jo Lee , ", "Jo: B-NAME\nLee: I-NAME\n"), ("come", "")]


def test_gold_entities_are_aligned_with_other_tokens() -> None:
    nlp = mock_nlp(WORDS)
    predicted = Doc(nlp.vocab, words=["Jo", "Lee", "comes"])
    reference = Doc(nlp.vocab, words=["Jo Lee", "comes"])
    reference.ents = [Span(reference, 0, 1, "NAME")]
    assert training_requests(nlp, [Example(predicted, reference)]) == [("Jo Lee comes ", "Jo: B-NAME\nLee: I-NAME\n")]


def test_the_loss_is_the_mean_and_its_gradient_says_so() -> None:
    nlp = mock_nlp(WORDS)
    scores = component(nlp).model.ops.asarray1f([1.0, 2.5, 0.25, 8.0])
    loss, gradient = component(nlp).get_loss([], scores)
    assert loss == pytest.approx(2.9375)
    for i in range(4):
        moved = scores.copy()
        moved[i] += 0.5
        assert (component(nlp).get_loss([], moved)[0] - loss) / 0.5 == pytest.approx(gradient[i])


def test_losses_of_updates_add_up() -> None:
    nlp = mock_nlp(WORDS)
    losses: dict[str, float] = {"other": 1.0}
    for _ in range(3):
        nlp.update([gold(nlp, TEXT, WORDS)], losses=losses)
    assert losses == {"other": 1.0, "slm_ner": 6.0}


def test_an_update_leaves_the_docs_as_they_were() -> None:
    nlp = mock_nlp(WORDS)
    example = gold(nlp, TEXT, {"Ana": "NAME"})
    before = example.reference.to_bytes(), example.predicted.to_bytes()
    nlp.update([example])
    assert (example.reference.to_bytes(), example.predicted.to_bytes()) == before


# Adapters, with a generator that only switches


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Folder of a trained component with other labels."""
    nlp = mock_nlp({"Friday": "WHEN"}, intents=["offer"])
    component(nlp).temperature = 3.0
    component(nlp).to_disk(tmp_path / "other")
    return tmp_path / "other"


def state(slm_ner: SlmNer) -> tuple:
    return slm_ner.labels, tuple(slm_ner.cfg["intents"]), slm_ner.temperature, slm_ner.model.shims[0].active


OWN = (("DATE", "NAME", "TIME"), ("cancel",), 1.0, "default")
OTHER = (("WHEN",), ("offer",), 3.0, "when")


def test_an_adapter_that_is_loaded_is_not_in_use_yet(other: Path) -> None:
    slm_ner = component(mock_nlp(WORDS, intents=["cancel"]))
    slm_ner.load_adapter("when", other)
    assert state(slm_ner) == OWN
    assert slm_ner.adapters == ["default", "when"]


def test_an_adapter_brings_its_labels_intents_and_temperature(other: Path) -> None:
    slm_ner = component(mock_nlp(WORDS, intents=["cancel"]))
    slm_ner.load_adapter("when", other)
    slm_ner.use_adapter("when")
    assert state(slm_ner) == OTHER
    slm_ner.use_adapter("default")
    assert state(slm_ner) == OWN


def test_labels_that_are_added_belong_to_the_adapter_in_use(other: Path) -> None:
    slm_ner = component(mock_nlp(WORDS, intents=["cancel"]))
    slm_ner.load_adapter("when", other)
    for name, label in (("when", "PLACE"), ("default", "EMAIL")):
        slm_ner.use_adapter(name)
        slm_ner.add_label(label)
    slm_ner.use_adapter("when")
    assert slm_ner.labels == ("WHEN", "PLACE")
    slm_ner.use_adapter("default")
    assert slm_ner.labels == ("DATE", "NAME", "TIME", "EMAIL")


def test_labels_of_adapters_survive_to_disk_and_from_disk(other: Path, tmp_path: Path) -> None:
    nlp = mock_nlp(WORDS, intents=["cancel"])
    component(nlp).load_adapter("when", other)
    component(nlp).use_adapter("when")
    nlp.to_disk(tmp_path / "model")
    slm_ner = component(spacy.load(tmp_path / "model"))
    mock_adapters(slm_ner, ["default", "when"], "when")
    assert state(slm_ner) == OTHER
    slm_ner.use_adapter("default")
    assert state(slm_ner) == OWN


def mock_adapters(slm_ner: SlmNer, names: list[str], active: str) -> None:
    mock: Mock = slm_ner.model.shims[0]
    mock.adapters, mock.active = names, active


# Storage


def test_labels_and_temperature_survive_to_disk_and_from_disk(tmp_path: Path) -> None:
    nlp = initialized(["PLACE"])
    component(nlp).temperature = 1.5
    nlp.to_disk(tmp_path)
    again = component(spacy.load(tmp_path))
    assert (again.labels, again.temperature) == (("PLACE", "DATE", "NAME", "TIME"), 1.5)


def test_labels_and_temperature_survive_to_bytes_and_from_bytes() -> None:
    nlp = initialized(["PLACE"])
    component(nlp).temperature = 1.5
    again = mock_nlp({}).from_bytes(nlp.to_bytes())
    assert (component(again).labels, component(again).temperature) == (("PLACE", "DATE", "NAME", "TIME"), 1.5)


def test_all_that_is_found_is_scored_whatever_the_policy_is() -> None:
    nlp = mock_nlp(WORDS, annotate="spans", overwrite="keep", threshold=0.9)
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, "OLD")]
    component(nlp).score_ents([doc])
    assert entities(doc) == ENTITIES
    assert [ent._.score for ent in doc.ents] == pytest.approx([0.9**2, 0.9**4, 0.9**2, 0.9**2])


@pytest.mark.parametrize(("threshold", "count"), [(0.6, 4), (0.7, 3), (0.82, 0)])
def test_entities_below_the_threshold_are_left_out(threshold: float, count: int) -> None:
    # "Jo Lee" is written in four segments, the others in two.
    assert len(mock_nlp(WORDS, threshold=threshold)(TEXT).ents) == count


# What it learns, and what it forgets


def targets_of(nlp: Language, gold: Doc) -> list[Any]:
    """Targets that the generator was given for a gold Doc."""
    slm_ner = component(nlp)
    return [
        request.target
        for request in make_training_requests(Example(nlp.make_doc(gold.text), gold), slm_ner.format, slm_ner._maker, True)
    ]


@pytest.mark.parametrize(("cats", "weight"), [(True, 5.0), (False, 1.0)])
def test_an_intent_has_the_weight_that_is_set(cats: bool, weight: float) -> None:
    nlp = mock_nlp(WORDS, cats=cats, intents=["inquiry", "cancel"], intent_weight=5.0)
    gold = nlp.make_doc("Friday, Ann")
    gold.set_ents([gold.char_span(0, 6, "DATE")], default="outside")
    gold.cats = {"inquiry": 1.0, "cancel": 0.0}
    nlp.update([Example(nlp.make_doc(gold.text), gold)])
    assert [request.first_line_weight for request in mock_of(nlp).asked] == [weight]


def test_a_negative_weight_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Got intent_weight = -1\.0, allowed is 0 or more"):
        mock_nlp(WORDS, intent_weight=-1.0)


def test_gold_entities_of_unknown_labels_are_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    nlp = mock_nlp(WORDS)
    gold = nlp.make_doc("Friday, Ann")
    gold.ents = [gold.char_span(0, 6, "DATE"), gold.char_span(8, 11, "PLANET")]
    assert targets_of(nlp, gold) == ["Friday: B-DATE\n"]
    assert "Gold entities of the labels ['PLANET'] are not learned" in caplog.text


def test_a_text_that_is_annotated_in_part_is_not_learned() -> None:
    nlp = mock_nlp(WORDS)
    gold = Doc(nlp.vocab, words=["Friday", "is", "here"], ents=["B-DATE", "O", "O"])
    assert len(targets_of(nlp, gold)) == 1
    gold.set_ents([gold[0:1]], missing=[gold[1:2]], default="outside")
    assert targets_of(nlp, gold) == []


def test_a_text_whose_categories_are_all_zero_teaches_no_intent() -> None:
    nlp = mock_nlp(WORDS, cats=True, intents=["cancel", "inquiry"])
    gold = Doc(nlp.vocab, words=["Friday"], ents=["B-DATE"])
    gold.cats = {"cancel": 0.0, "inquiry": 0.0, "other": 1.0}
    assert targets_of(nlp, gold) == []


def test_an_entity_that_is_no_longer_found_leaves_no_score() -> None:
    nlp = mock_nlp(WORDS)
    doc = nlp(TEXT)
    assert all(ent._.score for ent in doc.ents)
    ranges = [(ent.start, ent.end) for ent in doc.ents]
    mock_of(nlp).script = lambda text: ""
    component(nlp)(doc)
    assert doc.ents == ()
    assert [doc[start:end]._.score for start, end in ranges] == [None] * len(ranges)


def test_new_weights_have_neither_temperature_nor_other_adapters() -> None:
    slm_ner = component(mock_nlp(WORDS))
    slm_ner.temperature = 3.0
    labels = slm_ner.labels
    slm_ner.cfg["adapters"] = {"default": {"labels": list(labels), "intents": [], "temperature": 3.0}, "other": {}}
    slm_ner.cfg["labels"] = ["OTHER"]
    slm_ner._forget_training()
    assert (slm_ner.labels, slm_ner.temperature, slm_ner.cfg["adapters"]) == (labels, 1.0, {})
