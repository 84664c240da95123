import pytest
import spacy
from scripted_server import Said, Server, repeat
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.evaluation.cost import paid_by
from spacy_slm_ner.evaluation.evaluate import evaluate_docs


def asking(url: str, model: str) -> Language:
    nlp = spacy.blank("en")
    of_model = {"@architectures": "spacy-slm-ner.OpenAI.v1", "model": model, "base_url": url, "retries": 0}
    form = {"@misc": "spacy-slm-ner.SpanLines.v1"}
    nlp.add_pipe("slm_ner", config={"model": of_model, "format": form, "labels": ["NAME"], "constrained": False})
    return nlp


def gold_of(nlp: Language) -> list[Doc]:
    docs = [nlp.make_doc(text) for text in ("Ana comes.", "Bo and Ana.")]
    for doc in docs:
        doc.set_ents([doc[i : i + 1] for i in ()], default="outside")
    return docs


def test_an_endpoint_is_asked_once_for_each_text_and_its_cost_is_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    with Server(repeat(Said("NAME: Ana\n"))) as server:
        nlp = asking(server.url, "gpt-4.1-mini")
        rates = evaluate_docs(nlp, gold_of(nlp)).rates
        assert len(server.requests) == 2
    assert rates is not None and rates.cost == paid_by(nlp) and rates.cost is not None and rates.cost > 0
    assert rates.queries_per_text == 1.0


def test_a_cost_that_is_not_known_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    with Server(repeat(Said("NAME: Ana\n"))) as server:
        nlp = asking(server.url, "a-model-of-my-own")
        rates = evaluate_docs(nlp, gold_of(nlp)).rates
        assert len(server.requests) == 2
    assert rates is not None and rates.cost is None
    assert paid_by(spacy.blank("en")) is None
