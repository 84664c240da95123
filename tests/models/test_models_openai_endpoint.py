"""An endpoint as the generator: gold answers, every fault by name, cost, cache, processes. The server is on this machine."""

import asyncio
import copy
import json
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest
import spacy
from scripted_server import AZURE, Kind, Raw, Said, Server, error, repeat
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slm_ner.errors import BaseModelError, EndpointError
from spacy_slm_ner.evaluation.strict import agreed_scores
from spacy_slm_ner.models.openai_endpoint import OpenAIShim, create_openai
from spacy_slm_ner.pipeline.slm_ner import SlmNer

FORMATS = ("BioLines", "InlineTags", "SpanLines", "TokenLines", "TrailingTags")
LABELS = ["DATE", "NAME"]
TEXTS = ("Ana comes on Friday.", "Bo left on Monday.", "Nobody came.", "May met Jo Lee in May.")
ENTITIES = {"Ana": "NAME", "Bo": "NAME", "Jo Lee": "NAME", "Friday": "DATE", "Monday": "DATE"}
ANSWER = "NAME: Ana\nDATE: Friday\n"
FOUND = [("Ana", "NAME"), ("Friday", "DATE")]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def pipeline(url: str, format: str = "SpanLines", config: Optional[dict[str, Any]] = None, **model: Any) -> Language:
    """A pipeline over an endpoint, without retries unless they are asked for."""
    nlp = spacy.blank("en")
    of_model = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": "gpt-4.1-mini", "base_url": url, "retries": 0, **model}
    form = {"@misc": f"spacy-slm-ner.{format}.v1"}
    more = {"labels": LABELS, "constrained": False, "window": 4000, "overlap": 200, **(config or {})}
    nlp.add_pipe("slm_ner", config={"model": of_model, "format": form, **more})
    return nlp


def component(nlp: Language) -> SlmNer:
    pipe = nlp.get_pipe("slm_ner")
    assert isinstance(pipe, SlmNer)
    return pipe


def shim_of(nlp: Language) -> OpenAIShim:
    shim = component(nlp).model.shims[0]
    assert isinstance(shim, OpenAIShim)
    return shim


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def problems(doc: Doc) -> list[str]:
    return doc.user_data.get("slm_ner", {}).get("problems", [])


def gold_doc(nlp: Language, text: str) -> Doc:
    doc = nlp.make_doc(text)
    spans = [doc.char_span(text.index(words), text.index(words) + len(words), label) for words, label in ENTITIES.items()
             if words in text]  # fmt: skip
    doc.set_ents([span for span in spans if span], default="outside")
    return doc


class GoldServer(Server):
    """Answers with the target of a format."""

    answers: dict[str, str]

    def next_kind(self, body: dict[str, Any]) -> Kind:
        super().next_kind(body)
        return Said(self.answers[body["messages"][-1]["content"]])


# Answers


@pytest.mark.parametrize("format", FORMATS)
def test_gold_answers_give_the_gold_entities(format: str) -> None:
    with GoldServer() as server:
        nlp = pipeline(server.url, format)
        gold = [gold_doc(nlp, text) for text in TEXTS]
        server.answers = {doc.text: component(nlp).format.target(doc) for doc in gold}
        predicted = list(nlp.pipe(TEXTS, batch_size=3))
    assert agreed_scores([Example(*pair) for pair in zip(predicted, gold)])["all"] == (1.0, 1.0, 1.0)
    assert [problems(doc) for doc in predicted] == [[]] * len(TEXTS)
    assert all(ent._.score is None for doc in predicted for ent in doc.ents)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(f"<think>Perhaps NAME: Friday</think>\n\n{ANSWER}", id="think"),
        pytest.param(f"```\n{ANSWER}```", id="fence"),
        pytest.param(f"Sure, here it is:\n```text\n{ANSWER}```\nAnything else?", id="fence-in-a-talk"),
        pytest.param(f"<think>hm</think>```\n{ANSWER}```", id="think-and-fence"),
        pytest.param(ANSWER.strip(), id="without-a-last-line-break"),
    ],
)
def test_only_the_final_answer_counts(said: str) -> None:
    with Server(repeat(Said(said))) as server:
        doc = pipeline(server.url)(TEXTS[0])
    assert (entities(doc), problems(doc)) == (FOUND, [])


def test_a_label_that_is_named_like_a_mark_of_reasoning_is_a_label() -> None:
    with Server(repeat(Said("<REASON>Ana</REASON> comes on Friday."))) as server:
        doc = pipeline(server.url, "InlineTags", {"labels": ["REASON"]})(TEXTS[0])
    assert entities(doc) == [("Ana", "REASON")]


def test_a_text_with_code_fences_is_copied_as_it_is() -> None:
    with GoldServer() as server:
        nlp = pipeline(server.url, "TrailingTags")
        gold = gold_doc(nlp, "```\nAna\n``` comes.")
        server.answers = {gold.text: component(nlp).format.target(gold)}
        doc = nlp(gold.text)
    assert (entities(doc), problems(doc)) == ([("Ana", "NAME")], [])


def with_logprobs(tokens: list[tuple[str, float]], **more: Any) -> Raw:
    text = "".join(token for token, _ in tokens)
    content = [{"token": token, "logprob": logprob, "bytes": list(token.encode())} for token, logprob in tokens]
    choice = {"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": content}}
    return Raw(200, {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 5}, **more})


def test_scores_come_from_the_probabilities_of_tokens() -> None:
    tokens = [("<think>", -9.0), ("x</think>\n", -9.0), ("NAME: ", -0.1), ("Ana\n", -0.2), ("DATE: Friday", -0.5)]
    with Server(repeat(with_logprobs(tokens))) as server:
        doc = pipeline(server.url)(TEXTS[0])
    assert [ent._.score for ent in doc.ents] == pytest.approx([2.718281828**-0.3, 2.718281828**-0.5])
    assert server.requests[0]["logprobs"] is True


def test_an_entity_without_a_score_passes_any_threshold() -> None:
    with Server(repeat(Said(ANSWER))) as server:
        doc = pipeline(server.url, config={"threshold": 1.0, "annotate": "both"})(TEXTS[0])
    assert entities(doc) == FOUND
    assert doc.spans["sc"].attrs["scores"] == [None, None]
    assert Doc(doc.vocab).from_bytes(doc.to_bytes()).ents[0]._.score is None


# Faults

TEXT_FAULTS = [
    pytest.param("refusal", "the model refused: I cannot help with that.", id="refusal"),
    pytest.param(Said("NAME: Ana\n", "length"), "(at its longest length)", id="length"),
    pytest.param(Said("", "length"), "(at its longest length)", id="length-of-nothing"),
    pytest.param(Said("<think>NAME: Ana"), "the answer ends within its reasoning", id="think-without-end"),
    pytest.param(Said("", "content_filter"), "the endpoint filtered the answer (content_filter)", id="filtered"),
    pytest.param(Said("I do not know."), "malformed: 'I do not know.' (a line is `LABEL: words`)", id="talk"),
    pytest.param(Raw(400, AZURE), "content management policy", id="refused-by-code"),
    pytest.param(Raw(200, '{"choices": [{"mess'), "sent no JSON", id="malformed-json"),
    pytest.param(Raw(200, ""), "an empty body", id="empty-body"),
    pytest.param("server_error", "No answer after 1 tries (500): Sorry", id="500"),
    pytest.param("time_out", "Raise the timeout", id="time-out"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), TEXT_FAULTS)
def test_one_failing_text_costs_itself_alone(fault: Kind, said: str) -> None:
    """The others are asked once, and have their entities."""
    script = iter([Said(ANSWER), fault, Said("DATE: Monday"), Said("")])
    with Server(script) as server:
        nlp = pipeline(server.url, concurrency=1, timeout=0.5)
        docs = list(nlp.pipe([TEXTS[0], "Ana went.", TEXTS[1], TEXTS[2]]))
    assert len(server.requests) == 4
    assert [len(doc.ents) for doc in docs][::2] == [2, 1]
    assert [bool(problems(doc)) for doc in docs] == [False, True, False, False]
    assert any(said in problem for problem in problems(docs[1]))


class SmallServer(Server):
    """Takes texts of up to 60 characters."""

    def next_kind(self, body: dict[str, Any]) -> Kind:
        super().next_kind(body)
        overflow = Raw(400, error("This model's maximum context length is 9 tokens", code="context_length_exceeded"))
        return (
            overflow
            if len(body["messages"][-1]["content"]) > 60
            else Said("NAME: Ana" if "Ana" in body["messages"][-1]["content"] else "")
        )


def test_a_text_that_does_not_fit_into_the_context_is_halved() -> None:
    with SmallServer() as server:
        doc = pipeline(server.url)(
            "Ana comes on Friday with a large number of other guests. Then Ana leaves again, and so do they."
        )
    assert (entities(doc), problems(doc)) == ([("Ana", "NAME"), ("Ana", "NAME")], [])
    assert len(server.requests) > 2


def test_a_text_that_never_fits_names_the_setting() -> None:
    with SmallServer() as server:
        nlp = pipeline(server.url)
        doc = nlp("A" * 70)
    assert len(server.requests) == 1
    assert "Lower `window` of the component" in problems(doc)[0]


@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "time_out"])
def test_what_passes_is_tried_again(fault: Kind) -> None:
    with Server(repeat(fault, Said(ANSWER))) as server:
        doc = pipeline(server.url, retries=2, timeout=0.5)(TEXTS[0])
    assert (entities(doc), len(server.requests)) == (FOUND, 2)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        pytest.param(Raw(401, error("wrong")), "key", "Set OPENAI_API_KEY", id="key"),
        pytest.param("no_credit", "credit", "Add credit", id="credit"),
        pytest.param(Raw(404, error("model not found")), "request", "See `model`", id="model"),
        pytest.param(Raw(400, error("temperature must be 1")), "request", "Set `temperature`", id="temperature"),
        pytest.param(Raw(400, error("Unknown field: seed")), "request", "Set `seed`", id="seed"),
    ],
)
def test_a_fault_that_meets_every_text_is_raised(fault: Kind, kind: str, said: str) -> None:
    with Server(repeat(fault)) as server, pytest.raises(EndpointError, match=said) as caught:
        pipeline(server.url)(TEXTS[0])
    assert caught.value.kind == kind


def test_no_server_is_an_error_at_once() -> None:
    with pytest.raises(EndpointError, match="No server listens there"):
        list(pipeline("http://127.0.0.1:9/v1").pipe(TEXTS))


def test_an_endpoint_that_goes_away_is_an_error_and_what_it_answered_is_not_asked_again() -> None:
    texts = [f"Ana {number}." for number in range(9)]
    seen: list[str] = []
    with Server(iter([Said("NAME: Ana")] * 3 + ["server_error"] * 99)) as server:
        nlp = pipeline(server.url, concurrency=1)
        with pytest.raises(EndpointError, match="Sorry"):
            seen += (doc.text for doc in nlp.pipe(texts))
    answered = [body["messages"][-1]["content"] for body in server.requests[:3]]
    assert seen == answered == texts[:3]
    assert [body["messages"][-1]["content"] for body in server.requests].count(texts[0]) == 1


@pytest.mark.parametrize(
    ("refused", "changed"),
    [
        pytest.param(Raw(400, error("'max_tokens' is not supported. Use 'max_completion_tokens'.")), "max_tokens", id="limit"),
        pytest.param(Raw(403, error("You are not allowed to request logprobs from this model")), "logprobs", id="logprobs"),
    ],
)
def test_a_refused_parameter_is_left_out_from_then_on(refused: Raw, changed: str) -> None:
    with Server(repeat(refused, Said(ANSWER))) as server:
        nlp = pipeline(server.url)
        assert [entities(nlp(text)) for text in (TEXTS[0], TEXTS[0] + " ")] == [FOUND, FOUND]
    assert [changed in body for body in server.requests] == [True, False, False]


# Limits


def test_the_limit_of_cost_is_passed_by_what_is_on_its_way_alone() -> None:
    """A request costs $0.001, so the third one reaches the limit."""
    usage = {"prompt_tokens": 2500, "completion_tokens": 0}
    paid = Raw(200, {"choices": [{"message": {"content": "NAME: Ana"}}], "usage": usage})
    texts = [f"Ana {number}." for number in range(40)]
    done: list[Doc] = []
    with Server(repeat(paid), latency=0.02) as server:
        nlp = pipeline(server.url, max_cost=0.0025, concurrency=4)
        with pytest.raises(EndpointError, match=r"max_cost = 0\.0025") as caught:
            done += nlp.pipe(texts)
    assert caught.value.kind == "cost"
    assert 3 <= len(server.requests) <= 2 + 4
    assert [entities(doc) for doc in done] == [[("Ana", "NAME")]] * len(done) and done


def test_tokens_that_are_not_counted_are_estimated() -> None:
    with Server(repeat(Raw(200, {"choices": [{"message": {"content": ANSWER}}]}))) as server:
        nlp = pipeline(server.url, max_cost=1.0)
        nlp(TEXTS[0])
    assert 0.0 < shim_of(nlp).history.paid < 0.001


def test_no_more_requests_at_a_time_than_allowed() -> None:
    with Server(repeat(Said("")), latency=0.05) as server:
        list(pipeline(server.url, concurrency=3).pipe(f"Text {number}" for number in range(12)))
    assert server.most_busy == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"concurrency": 0}, "concurrency = 0"),
        ({"retries": -1}, "retries = -1"),
        ({"timeout": 0}, "timeout = 0"),
        ({"max_cost": 1.0, "model": "llama"}, "known price"),
        ({"base_url": "localhost:1"}, "An address looks like"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        create_openai(**{"model": "gpt-4.1-mini", **changes})


# The cache


def test_an_answer_in_the_cache_is_not_asked_for_again(tmp_path: Path) -> None:
    cache = str(tmp_path / "new" / "answers.sqlite")
    with Server(repeat(Said(ANSWER))) as server:
        docs = [pipeline(server.url, cache=cache)(TEXTS[0]) for _ in range(2)]
        assert len(server.requests) == 1
        pipeline(server.url, cache=cache, seed=1)(TEXTS[0])
        assert len(server.requests) == 2
    assert [entities(doc) for doc in docs] == [FOUND, FOUND]
    # Not even a server is needed, nor a key.
    assert entities(pipeline(server.url, cache=cache)(TEXTS[0])) == FOUND


def test_the_same_text_is_asked_once_a_batch() -> None:
    with Server(repeat(Said(ANSWER))) as server:
        docs = list(pipeline(server.url).pipe([TEXTS[0]] * 5))
    assert (len(server.requests), [entities(doc) for doc in docs]) == (1, [FOUND] * 5)


KILLED = """
import sys, spacy
nlp = spacy.load(sys.argv[1])
print("loaded", flush=True)
for doc in nlp.pipe(f"Ana {number}." for number in range(12)):
    pass
"""


def test_what_was_answered_before_a_kill_is_not_paid_again(tmp_path: Path) -> None:
    with Server(repeat(Said("NAME: Ana")), latency=0.05) as server:
        nlp = pipeline(server.url, cache=str(tmp_path / "answers.sqlite"), concurrency=1)
        nlp.to_disk(tmp_path / "nlp")
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "nlp")], stdout=subprocess.PIPE)
        while len(server.requests) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.2)
        before = len(server.requests)
        docs = list(nlp.pipe(f"Ana {number}." for number in range(12)))
    # That which was on its way is asked for again.
    assert len(server.requests) - before in (12 - before, 12 - before + 1)
    assert [entities(doc) for doc in docs] == [[("Ana", "NAME")]] * 12


# Where it runs


def test_it_works_where_a_loop_runs_already() -> None:
    async def in_a_notebook(nlp: Language) -> list[Doc]:
        return list(nlp.pipe(TEXTS[:1]))

    with Server(repeat(Said(ANSWER))) as server:
        (doc,) = asyncio.run(in_a_notebook(pipeline(server.url)))
    assert entities(doc) == FOUND


def test_it_works_in_worker_processes(tmp_path: Path) -> None:
    texts = [f"Ana {number}." for number in range(8)]
    with Server(repeat(Said("NAME: Ana"))) as server:
        nlp = pipeline(server.url, cache=str(tmp_path / "answers.sqlite"))
        nlp(texts[0])
        docs = list(nlp.pipe(texts, n_process=2, batch_size=2))
    assert [entities(doc) for doc in docs] == [[("Ana", "NAME")]] * 8
    assert len(server.requests) == 8


@pytest.mark.parametrize(
    "travel",
    [
        pytest.param(lambda nlp, path: pickle.loads(pickle.dumps(nlp)), id="pickle"),
        pytest.param(lambda nlp, path: copy.deepcopy(nlp), id="deepcopy"),
        pytest.param(lambda nlp, path: type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes()), id="bytes"),
        pytest.param(lambda nlp, path: nlp.to_disk(path) or spacy.load(path), id="disk"),
    ],
)
def test_a_copy_asks_the_same(travel: Callable[[Language, Path], Language], tmp_path: Path) -> None:
    with Server(repeat(Said(ANSWER))) as server:
        nlp = pipeline(server.url)
        assert entities(nlp(TEXTS[0])) == entities(travel(nlp, tmp_path / "nlp")(TEXTS[0])) == FOUND


def files_of(folder: Path) -> Iterator[bytes]:
    return (file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_the_key_is_never_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-right")
    echo = Said("NAME: Ana\nYour key is sk-right")
    with Server(repeat(echo)) as server:
        cache = str(tmp_path / "answers.sqlite")
        nlp = pipeline(server.url, config={"save_io": True}, cache=cache, api_key_env="MY_KEY")
        doc = nlp(TEXTS[0])
        nlp.to_disk(tmp_path / "nlp")
    assert not any(b"sk-right" in content for content in [*files_of(tmp_path), doc.to_bytes(), pickle.dumps(nlp)])
    assert json.loads((tmp_path / "nlp" / "meta.json").read_text())["pipeline"] == ["slm_ner"]


# What it cannot do


def test_an_endpoint_cannot_be_trained() -> None:
    nlp = pipeline("http://127.0.0.1:9/v1")
    gold = gold_doc(nlp, TEXTS[0])
    examples = [Example(nlp.make_doc(TEXTS[0]), gold)]
    nlp.initialize(lambda: examples)
    with pytest.raises(ValueError, match="An endpoint cannot be trained"):
        nlp.update(examples)


def test_an_endpoint_needs_a_key_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": "gpt-4.1-mini"}
    nlp.add_pipe("slm_ner", config={"model": model, "labels": LABELS, "constrained": False})
    with pytest.raises(EndpointError, match="Set the environment variable OPENAI_API_KEY"):
        nlp.initialize()


def test_an_endpoint_has_no_adapters() -> None:
    slm_ner = component(pipeline("http://127.0.0.1:9/v1"))
    assert slm_ner.adapters == []
    with pytest.raises(BaseModelError, match="has no adapters"):
        slm_ner.use_adapter("default")


def test_windows_are_counted_in_characters() -> None:
    text = " ".join(f"Ana comes on May {number}." for number in range(20))
    with Server(repeat(Said("NAME: Ana"))) as server:
        doc = pipeline(server.url, config={"window": 100, "overlap": 20})(text)
    lengths = [len(body["messages"][-1]["content"]) for body in server.requests]
    assert len(lengths) > 4 and max(lengths) <= 100
    assert (entities(doc)[0], problems(doc)) == (("Ana", "NAME"), [])
