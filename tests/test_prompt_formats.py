"""Every format against an endpoint that knows the right answers: all of them are found, and what is spoiled is told apart."""

from collections import Counter
from pathlib import Path

import pytest
import spacy
from scripted_prompts import FORMATS, PromptServer, component, pipeline, script
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_slm_ner.cli.convert import convert
from spacy_slm_ner.evaluation.evaluate import bare_doc
from spacy_slm_ner.evaluation.rates import measure_rates
from spacy_slm_ner.evaluation.strict import agreed_scores
from spacy_slm_ner.types import Span

ASSETS = Path(__file__).parent.parent / "assets"
TEXTS = 30
LABELS = ["DATE", "TIME", "NAME", "EMAIL"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the development records, and training records as examples."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("train", "dev"):
        convert([ASSETS / f"{name}.json"], folder / f"{name}.spacy")
    return folder


def ask(corpus: Path, format: str, noise: float, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Gold Docs, what the pipeline makes of their texts, and what it should find out about the answers."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    with PromptServer() as server:
        nlp = pipeline(server.url, format, LABELS, str(corpus / "train.spacy"))
        gold = list(DocBin().from_disk(corpus / "dev.spacy").get_docs(nlp.vocab))[:TEXTS]
        server.answers, expected = script(nlp, gold, noise)
        docs = [bare_doc(nlp, doc, gold_preproc=True) for doc in gold]
        return gold, list(component(nlp).pipe(docs)), expected


@pytest.mark.parametrize("format", FORMATS)
def test_right_answers_give_all_entities(format: str, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, found, expected = ask(corpus, format, 0.0, monkeypatch)
    assert agreed_scores([Example(*pair) for pair in zip(found, gold)])["all"] == (1.0, 1.0, 1.0)
    assert not any(doc.user_data["slm_ner"].get("problems") for doc in found)
    rates = measure_rates(found, ["slm_ner"])
    assert (rates.hallucination, rates.copied, rates.conflict, rates.unparsable, rates.unusable) == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert rates.queries_per_text == expected.queries / len(gold)


@pytest.mark.parametrize("format", FORMATS)
def test_spoiled_answers_invent_nothing_and_are_counted(format: str, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, found, expected = ask(corpus, format, 0.6, monkeypatch)
    for one, other in zip(gold, found):
        known, seen = ({Span(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in (one, other))
        assert seen <= known
    counts = Counter[str]()
    for doc in found:
        counts.update(doc.user_data["slm_ner"]["counts"])
    kinds = Counter(problem.partition(":")[0] for doc in found for problem in doc.user_data["slm_ner"].get("problems", []))
    assert (counts["queries"], counts["unparsable"], counts["hallucinated"]) == expected[:3]
    assert (kinds["not in the text"], kinds["unknown label"]) == expected[2:]
    assert expected.unparsable > 0 and expected.hallucinated > 0
    assert agreed_scores([Example(*pair) for pair in zip(found, gold)])["all"][2] > 0.6


def test_an_endpoint_is_asked_in_every_format_that_there_is() -> None:
    names = {name.removeprefix("spacy-slm-ner.").removesuffix(".v1") for name in spacy.registry.misc.get_all()}
    assert {*FORMATS} <= names
