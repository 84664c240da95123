"""What is written to a Doc, and what of what was there before stays."""

import pytest
import spacy
from mock_generator import mock_nlp
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_slm_ner.pipeline.annotate import AnnotationPolicy, add_score_extension
from spacy_slm_ner.types import ScoredSpan
from spacy_slm_ner.types import Span as Range

WORDS = ["Ana", "meets", "Bo", "Lee", "on", "Friday", "at", "noon"]
Entities = list[tuple[int, int, str]]
# Set upstream: "Ana" alone, "Lee on", which cuts "Bo Lee", and "noon".
OLD = [(0, 1, "ORG"), (3, 5, "GPE"), (7, 8, "MISC")]
NEW = [
    ScoredSpan(Range(2, 4, "NAME"), 0.9),
    ScoredSpan(Range(5, 6, "DATE"), 0.5),
    ScoredSpan(Range(7, 8, "TIME"), 0.3),
]
FOUND = [(2, 4, "NAME"), (5, 6, "DATE"), (7, 8, "TIME")]


def policy(annotate: str = "ents", overwrite: str = "replace", threshold: float = 0.0) -> AnnotationPolicy:
    add_score_extension()
    return AnnotationPolicy(annotate, "found", overwrite, threshold)  # type: ignore[arg-type]


def doc_with(entities: Entities = OLD) -> Doc:
    doc = Doc(Vocab(), words=WORDS)
    doc.ents = [Span(doc, start, end, label=label) for start, end, label in entities]
    return doc


def plain(spans) -> Entities:  # type: ignore[no-untyped-def]
    return [(span.start, span.end, span.label_) for span in spans]


@pytest.mark.parametrize("annotate", ["ents", "both"])
@pytest.mark.parametrize(
    ("overwrite", "threshold", "entities"),
    [
        pytest.param("replace", 0.0, FOUND, id="replace"),
        pytest.param("replace", 0.5, FOUND[:2], id="replace-threshold"),
        pytest.param("replace", 1.0, [], id="replace-nothing-found"),
        pytest.param("merge", 0.0, [(0, 1, "ORG"), *FOUND], id="merge"),
        pytest.param("merge", 0.5, [(0, 1, "ORG"), *FOUND[:2], (7, 8, "MISC")], id="merge-threshold"),
        pytest.param("merge", 1.0, OLD, id="merge-nothing-found"),
        pytest.param("keep", 0.0, [(0, 1, "ORG"), (3, 5, "GPE"), (5, 6, "DATE"), (7, 8, "MISC")], id="keep"),
        pytest.param("keep", 0.6, OLD, id="keep-threshold"),
    ],
)
def test_the_entities_are_then(annotate: str, overwrite: str, threshold: float, entities: Entities) -> None:
    doc = doc_with()
    policy(annotate, overwrite, threshold).write(doc, NEW)
    assert plain(doc.ents) == entities


@pytest.mark.parametrize("overwrite", ["replace", "merge", "keep"])
@pytest.mark.parametrize(("threshold", "count"), [(0.0, 3), (0.5, 2), (0.51, 1), (1.0, 0)])
@pytest.mark.parametrize("annotate", ["spans", "both"])
def test_the_span_group_has_all_that_was_found_with_its_scores(
    annotate: str, overwrite: str, threshold: float, count: int
) -> None:
    doc = doc_with()
    policy(annotate, overwrite, threshold).write(doc, NEW)
    assert plain(doc.spans["found"]) == FOUND[:count]
    assert doc.spans["found"].attrs["scores"] == [0.9, 0.5, 0.3][:count]


def test_spans_alone_leave_the_entities_as_they_are() -> None:
    doc = doc_with()
    policy("spans").write(doc, NEW)
    assert plain(doc.ents) == OLD


def test_entities_alone_make_no_span_group() -> None:
    doc = doc_with()
    policy("ents").write(doc, NEW)
    assert "found" not in doc.spans


def test_the_group_is_written_anew_and_other_groups_stay() -> None:
    doc = doc_with()
    doc.spans["other"] = [doc[0:2]]
    policy("spans").write(doc, NEW)
    policy("spans").write(doc, NEW[1:2])
    assert plain(doc.spans["found"]) == FOUND[1:2]
    assert doc.spans["found"].attrs["scores"] == [0.5]
    assert plain(doc.spans["other"]) == [(0, 2, "")]


@pytest.mark.parametrize("annotate", ["ents", "spans", "both"])
def test_every_entity_found_has_its_score(annotate: str) -> None:
    doc = doc_with([])
    policy(annotate).write(doc, NEW)
    spans = doc.ents if annotate == "ents" else doc.spans["found"]
    assert [span._.score for span in spans] == [0.9, 0.5, 0.3]


@pytest.mark.parametrize("overwrite", ["merge", "keep"])
def test_an_entity_from_upstream_has_no_score(overwrite: str) -> None:
    doc = doc_with()
    policy("ents", overwrite).write(doc, NEW)
    assert doc.ents[0]._.score is None


def test_an_entity_that_is_kept_does_not_take_the_score_of_the_one_left_out() -> None:
    doc = doc_with()
    policy("ents", "keep").write(doc, NEW)
    assert (doc.ents[-1].label_, doc.ents[-1]._.score) == ("MISC", None)


def test_entities_that_stay_keep_their_ids() -> None:
    doc = doc_with([])
    doc.ents = [Span(doc, 0, 1, label="NAME", kb_id="Q1", span_id="ana")]
    policy("ents", "keep").write(doc, NEW)
    assert (doc.ents[0].kb_id_, doc.ents[0].id_) == ("Q1", "ana")


@pytest.mark.parametrize("words", [[], WORDS], ids=["empty", "words"])
def test_a_doc_in_which_nothing_was_found_counts_as_annotated(words: list[str]) -> None:
    doc = Doc(Vocab(), words=words)
    policy("both").write(doc, [])
    assert doc.has_annotation("ENT_IOB")
    assert (doc.ents, list(doc.spans["found"]), doc.spans["found"].attrs["scores"]) == ((), [], [])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"annotate": "tokens"}, r"Got annotate = 'tokens', allowed are ents, spans, both\.", id="annotate"),
        pytest.param({"overwrite": "all"}, r"Got overwrite = 'all', allowed are replace, merge, keep\.", id="overwrite"),
        pytest.param({"threshold": 1.5}, r"Got threshold = 1\.5, allowed is 0\.0 to 1\.0\.", id="threshold-too-high"),
        pytest.param({"threshold": -0.1}, r"Got threshold = -0\.1, allowed is 0\.0 to 1\.0\.", id="threshold-too-low"),
        pytest.param({"threshold": float("nan")}, r"Got threshold = nan, allowed is", id="threshold-not-a-number"),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy(**settings)


@pytest.mark.parametrize("setting", ["annotate", "overwrite"])
def test_bad_settings_are_refused_when_the_component_is_added(setting: str) -> None:
    with pytest.raises(ValueError, match=f"Got {setting} = 'nonsense', allowed are"):
        mock_nlp({"Ana": "NAME"}, **{setting: "nonsense"})


TEXTS = ["Ana meets Bo on Friday .", "Nobody comes .", "Bo and Ana"]
PEOPLE = {"Ana": "NAME", "Bo": "NAME", "Friday": "DATE"}


def written(doc: Doc) -> list:
    """All that the component has written."""
    group = doc.spans["found"]
    return [plain(doc.ents), [ent._.score for ent in doc.ents], plain(group), [span._.score for span in group], group.attrs]


@pytest.fixture(scope="module")
def docs() -> list[Doc]:
    nlp = mock_nlp(PEOPLE, annotate="both", spans_key="found")
    docs = list(nlp.pipe(TEXTS))
    assert len(docs[0].ents) == 3 and all(ent._.score == pytest.approx(0.81) for ent in docs[0].ents)
    return docs


def test_all_survives_to_bytes_and_from_bytes(docs: list[Doc]) -> None:
    again = [Doc(Vocab()).from_bytes(doc.to_bytes()) for doc in docs]
    assert list(map(written, again)) == list(map(written, docs))


def test_all_survives_in_a_doc_bin(docs: list[Doc]) -> None:
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    again = list(DocBin().from_bytes(stored).get_docs(spacy.blank("en").vocab))
    assert list(map(written, again)) == list(map(written, docs))


def test_all_comes_back_from_other_processes(docs: list[Doc]) -> None:
    nlp = mock_nlp(PEOPLE, annotate="both", spans_key="found")
    assert list(map(written, nlp.pipe(TEXTS, n_process=2, batch_size=1))) == list(map(written, docs))
