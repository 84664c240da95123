"""What an endpoint is told about the form of answers: a schema, a grammar, or nothing."""

import json
from pathlib import Path
from typing import Any, Iterator

import pytest
import spacy
from scripted_server import Kind, Raw, Said, Server, error, repeat
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.errors import EndpointError
from spacy_slm_ner.models import answer_structure
from spacy_slm_ner.models.openai_endpoint import create_openai

TEXT = 'Ana "A" 😀 comes\non May 4.'
LABELS = ["DATE", "NAME"]
EMPTY = {"Json": '{"entities": [\n]}', "SpanLines": "", "UniNER": "[]", "Gollie": "[\n]"}
FOUND = '{"entities": [\n{"text": "Ana", "label": "NAME", "occurrence": 1}\n]}'
SCHEMA_REFUSED = error(
    "Invalid parameter: this model takes no structured output", code="unsupported_value", param="response_format"
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")


def pipeline(url: str, format: Any = "Json", constrained: bool = False, config: Any = None, **model: Any) -> Language:
    nlp = spacy.blank("en")
    of_model = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": "llama", "base_url": url, "retries": 0, **model}
    form = {"@misc": f"spacy-slm-ner.{format}.v1"} if isinstance(format, str) else format
    more = {"labels": LABELS, "constrained": constrained, "window": 4000, "overlap": 200, **(config or {})}
    nlp.add_pipe("slm_ner", config={"model": of_model, "format": form, **more})
    return nlp


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def problems(doc: Doc) -> list[str]:
    return doc.user_data.get("slm_ner", {}).get("problems", [])


def extras(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in ("response_format", "structured_outputs", "grammar") if name in body}


# What is sent


def test_the_schema_of_a_format_is_sent_by_default() -> None:
    with Server(repeat(Said(FOUND))) as server:
        doc = pipeline(server.url)(TEXT)
    (sent,) = map(extras, server.requests)
    assert sent.keys() == {"response_format"}
    schema = sent["response_format"]["json_schema"]
    assert (sent["response_format"]["type"], schema["strict"]) == ("json_schema", True)
    assert schema["schema"]["properties"]["entities"]["items"]["properties"]["label"]["enum"] == LABELS
    assert (entities(doc), problems(doc)) == ([("Ana", "NAME")], [])


def test_the_schema_is_that_of_the_format_behind_examples() -> None:
    examples = [{"words": ["Bo", "left"], "spaces": [True, False], "ents": [[0, 1, "NAME"]]}]
    few = {"@misc": "spacy-slm-ner.FewShot.v1", "format": {"@misc": "spacy-slm-ner.Json.v1"}, "examples": examples}
    with Server(repeat(Said(FOUND))) as server:
        pipeline(server.url, few)(TEXT)
    assert extras(server.requests[0]).keys() == {"response_format"}


@pytest.mark.parametrize("format", ["SpanLines", "UniNER", "Gollie"])
def test_a_format_without_a_schema_sends_none(format: str) -> None:
    with Server(repeat(Said(EMPTY[format]))) as server:
        pipeline(server.url, format)(TEXT)
    assert [extras(body) for body in server.requests] == [{}] * len(server.requests)


def test_none_sends_nothing() -> None:
    with Server(repeat(Said(FOUND))) as server:
        pipeline(server.url, structure="none")(TEXT)
    assert extras(server.requests[0]) == {}


@pytest.mark.parametrize("format", EMPTY)
@pytest.mark.parametrize("structure", ["vllm", "llama.cpp"])
def test_the_grammar_is_sent_as_the_server_takes_it(structure: Any, format: str) -> None:
    with Server(repeat(Said(EMPTY[format]))) as server:
        doc = pipeline(server.url, format, constrained=True, structure=structure)(TEXT)
    assert server.requests and problems(doc) == []
    for body in server.requests:
        sent = extras(body)
        assert sent.keys() == ({"structured_outputs"} if structure == "vllm" else {"grammar"})
        grammar = sent["structured_outputs"]["grammar"] if structure == "vllm" else sent["grammar"]
        assert grammar.startswith("root ::= ") and "😀" in grammar and "Ana" in grammar


def test_each_text_has_its_own_grammar_and_the_cache_knows_it(tmp_path: Path) -> None:
    cache = str(tmp_path / "answers.sqlite")
    with Server(repeat(Said(EMPTY["Json"]))) as server:
        for structure, constrained in (
            ("llama.cpp", True),
            ("llama.cpp", True),
            ("vllm", True),
            ("none", False),
            ("json_schema", False),
        ):
            nlp = pipeline(server.url, constrained=constrained, structure=structure, cache=cache)
            list(nlp.pipe(["Ana comes.", "Bo comes."]))
    assert len(server.requests) == 2 * 4
    assert len({json.dumps(extras(body)) for body in server.requests}) == 2 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("structure", "constrained", "said"),
    [
        ("none", True, "Set `constrained = false`.* or `structure` of the model to vllm or llama.cpp"),
        ("json_schema", True, "Set `constrained = false`.* or `structure` of the model to vllm or llama.cpp"),
        ("vllm", False, "Set `constrained = true`"),
        ("llama.cpp", False, "Set `constrained = true`"),
    ],
)
def test_a_constraint_and_a_structure_that_do_not_fit_are_refused(structure: Any, constrained: bool, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pipeline("http://127.0.0.1:9/v1", constrained=constrained, structure=structure)(TEXT)


def test_an_unknown_structure_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Got structure = 'gbnf', allowed are none, json_schema, vllm, llama\.cpp"):
        create_openai("llama", structure="gbnf")  # type: ignore[arg-type]


# What an endpoint refuses


@pytest.mark.parametrize("takes", [("json_object",), ()], ids=["json-alone", "nothing"])
def test_a_refused_schema_is_left_out_from_then_on_with_one_warning(
    takes: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with Server(repeat(Said(FOUND)), structures=takes) as server:
        nlp = pipeline(server.url)
        docs = [*nlp.pipe([TEXT, "Ana comes."]), nlp("Ana goes.")]
    assert [entities(doc) for doc in docs] == [[("Ana", "NAME")]] * 3
    assert [body.get("response_format", {}).get("type", "none") for body in server.requests] == [*(takes or ["none"])] * 3
    assert [record.message for record in caplog.records].count(REFUSED) == 1


REFUSED = "The endpoint refused the JSON schema of the answers. They are asked for without it."
TEXT_REFUSED = [
    pytest.param(error("'our JSON schema' cannot be tokenized", code="invalid_text", param="messages"), id="by-its-parameter"),
    pytest.param(error("'our JSON schema' cannot be tokenized"), id="by-its-words-alone"),
    pytest.param(error("Bad Request"), id="without-a-reason"),
    pytest.param(error("flagged by our content filter for its grammar", code="content_filter"), id="by-its-content"),
]


class PickyServer(Server):
    """Refuses texts with the word `schema`."""

    refusal: dict[str, Any]

    def next_kind(self, body: dict[str, Any]) -> Kind:
        super().next_kind(body)
        return Raw(400, self.refusal) if "schema" in body["messages"][-1]["content"] else Said(FOUND)


@pytest.mark.parametrize("refusal", TEXT_REFUSED)
def test_a_refused_text_costs_itself_and_not_the_schema(refusal: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with PickyServer(repeat("good")) as server:
        server.refusal = refusal
        docs = list(pipeline(server.url, concurrency=1).pipe(["Ana comes.", "Our JSON schema.", "Ana goes."]))
    assert [entities(doc) for doc in docs] == [[("Ana", "NAME")], [], [("Ana", "NAME")]]
    assert [bool(problems(doc)) for doc in docs] == [False, True, False]
    assert extras(server.requests[-1])["response_format"]["type"] == "json_schema"
    assert REFUSED not in caplog.text


def test_a_refused_schema_is_told_by_its_parameter() -> None:
    with Server(iter([Raw(400, SCHEMA_REFUSED), Raw(400, SCHEMA_REFUSED), Said(FOUND)])) as server:
        assert entities(pipeline(server.url)(TEXT)) == [("Ana", "NAME")]
    assert [extras(body).get("response_format", {}).get("type") for body in server.requests] == [
        "json_schema",
        "json_object",
        None,
    ]


def test_a_refused_grammar_is_an_error_that_names_the_setting() -> None:
    refused = Raw(400, error("Unrecognized request argument supplied: grammar"))
    with Server(repeat(refused)) as server, pytest.raises(EndpointError, match="Set `structure` of the model"):
        pipeline(server.url, constrained=True, structure="llama.cpp")(TEXT)


def test_a_server_that_does_not_keep_to_the_grammar_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with Server(iter([Said(FOUND), Said("Sure! Ana is a NAME."), Said(FOUND[:9], "length")])) as server:
        nlp = pipeline(server.url, constrained=True, structure="vllm", concurrency=1)
        docs = list(nlp.pipe(["Ana comes.", "Ana goes.", "Ana stays."]))
    assert "1 of 2 answers are outside of the grammar that was sent" in caplog.text
    assert [bool(problems(doc)) for doc in docs] == [False, True, True]


# Grammars that are too large


@pytest.fixture
def few_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(answer_structure, "MOST_RULES", 60)
    yield


def test_a_text_with_too_large_a_grammar_is_halved(few_rules: None) -> None:
    text = " ".join(f"Ana comes on May {number}." for number in range(9))
    with Server(repeat(Said(""))) as server:
        doc = pipeline(server.url, "SpanLines", constrained=True, structure="vllm", config={"overlap": 20})(text)
    assert len(server.requests) > 1 and problems(doc) == []
    assert all(extras(body)["structured_outputs"]["grammar"].count("\n") <= 60 for body in server.requests)


def test_a_text_whose_grammar_is_always_too_large_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_structure, "MOST_RULES", 4)
    with Server(repeat(Said(""))) as server:
        long, short = pipeline(server.url, "SpanLines", constrained=True, structure="vllm").pipe(["A b c d e f g h. " * 9, "A"])
    assert "Lower `window` of the component" in problems(long)[0] and problems(long)[0].startswith("no answer: ")
    assert problems(short) == []
