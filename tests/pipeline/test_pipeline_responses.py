"""From answers to entities with scores."""

import math

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_slm_ner.constraints.grammar import Edge, find_path
from spacy_slm_ner.constraints.guide import Answer, ScoredSegment
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.formats.trailing_tags import TrailingTags
from spacy_slm_ner.labels.temperature import scale
from spacy_slm_ner.pipeline.responses import ParsedResponse, read_response
from spacy_slm_ner.types import ScoredSpan, Span

# White space is told by the language.
VOCAB = spacy.blank("en").vocab
LABELS = ("DATE", "TIME")
INTENTS = ("cancel", "inquiry", "offer")
WORDS = ["Friday", "at", "6", "pm"]
PROBABILITIES = st.floats(0.0, 1.0)
TEMPERATURES = st.floats(0.01, 100.0)


def path_of(parts: list[tuple[str, float]]) -> tuple[ScoredSegment, ...]:
    """Segments with probabilities."""
    return tuple(ScoredSegment(Edge(text, ()), math.log(probability)) for text, probability in parts)


def answer_of(parts: list[tuple[str, float]], complete: bool = True) -> Answer:
    return Answer("".join(text for text, _ in parts), path_of(parts), complete)


def read(parts: list[tuple[str, float]], words: list[str] = WORDS, intents: tuple = (), **kwargs: float) -> ParsedResponse:
    doc, answer = Doc(VOCAB, words=words), answer_of(parts)
    return read_response(answer, BioLines(LABELS, intents), doc, kwargs.get("temperature", 1.0))


@pytest.mark.parametrize(
    ("start", "end", "probability"),
    [
        pytest.param(0, 6, 0.5 * 0.25 * 0.8, id="all"),
        pytest.param(0, 2, 0.5, id="one"),
        pytest.param(2, 6, 0.25 * 0.8, id="two"),
        pytest.param(1, 3, 0.5 * 0.25, id="parts-of-two"),
        pytest.param(3, 3, 0.25, id="a-place-inside"),
        pytest.param(9, 12, 1.0, id="behind-the-end"),
    ],
)
def test_the_probability_of_a_range_is_that_of_the_segments_it_touches(start: int, end: int, probability: float) -> None:
    answer = answer_of([("ab", 0.5), ("cd", 0.25), ("ef", 0.8)])
    assert math.exp(answer.logprob(start, end)) == pytest.approx(probability)


def test_the_score_of_an_entity_is_the_probability_of_its_own_decisions() -> None:
    parts = [("Friday", 0.5), (": B-DATE\n", 0.8), ("6", 0.9), (": B-TIME\n", 0.9), ("pm", 0.7), (": I-TIME\n", 1.0)]
    found = read(parts).found
    assert [tuple(one.span) for one in found] == [(0, 1, "DATE"), (2, 4, "TIME")]
    assert [one.score for one in found] == pytest.approx([0.4, 0.9 * 0.9 * 0.7])


@pytest.mark.parametrize("format", [BioLines, SpanLines, InlineTags, TokenLines])
@pytest.mark.parametrize("sure", [1.0, 0.5])
def test_each_entity_of_an_answer_is_scored_by_its_own_segments(format: type, sure: float) -> None:
    doc = Doc(VOCAB, words=WORDS)
    doc.set_ents([doc.char_span(0, 6, "DATE"), doc.char_span(10, 14, "TIME")], default="outside")
    form = format(LABELS)
    text = form.target(doc)
    path = find_path(form.constraint(doc), text) or []
    # Only the segments behind the first entity are unsure.
    first = form.parse(text, doc).found[0].end
    position, written = 0, []
    for edge in path:
        written.append(ScoredSegment(edge, 0.0 if position < first else math.log(sure)))
        position += len(edge.text)
    found = read_response(Answer(text, tuple(written)), form, doc, 1.0).found
    assert [tuple(one.span) for one in found] == [(0, 1, "DATE"), (2, 4, "TIME")]
    assert found[0].score == pytest.approx(1.0)
    assert found[1].score == pytest.approx(1.0) if sure == 1.0 else found[1].score <= sure + 1e-9


def test_an_answer_without_probabilities_gives_entities_without_scores() -> None:
    doc, answer = Doc(VOCAB, words=WORDS), Answer("intent: cancel\n6: B-TIME\n", problems=("the model refused: no",))
    reading = read_response(answer, BioLines(LABELS, INTENTS), doc, 2.0)
    assert reading.found == [ScoredSpan(Span(2, 3, "TIME"), None)]
    assert reading.cats == {"cancel": 1.0, "inquiry": 0.0, "offer": 0.0}
    assert reading.problems == ["the model refused: no"]


def test_a_temperature_makes_entities_less_sure() -> None:
    parts = [("Friday", 0.9), (": B-DATE\n", 1.0)]
    assert read(parts, temperature=2.0).found[0].score == pytest.approx(0.75)


def test_white_space_at_the_end_of_an_entity_is_left_aside() -> None:
    parts = [("Friday", 0.9), (": B-DATE\n", 0.9), ("\\u000a", 0.5), (": I-DATE\n", 1.0)]
    reading = read(parts, words=["Friday", "\n", "bye"])
    assert [tuple(one.span) for one in reading.found] == [(0, 1, "DATE")]
    assert reading.problems == []


def test_an_entity_of_white_space_alone_is_a_problem() -> None:
    reading = read([("\\u000a", 0.5), (": B-DATE\n", 1.0)], words=["hi", "\n", "bye"])
    assert (reading.found, reading.problems) == ([], ["an entity of white space alone"])


@pytest.mark.parametrize(
    ("format", "written", "spans", "lost"),
    [
        pytest.param(BioLines, "6: B-TIME\n", [], "6: B-TIME\n", id="may-go-on"),
        pytest.param(
            BioLines, "Friday: B-DATE\n6: B-TIME\npm: I-TI", [(0, 1, "DATE")], "6: B-TIME\npm: I-TI", id="cut-in-a-line"
        ),
        pytest.param(TokenLines, "Friday: B-DATE\nat: O\n6: ", [(0, 1, "DATE")], "6: ", id="ended-before"),
        pytest.param(SpanLines, "DATE: Friday\nTIME: 6", [(0, 1, "DATE")], "TIME: 6", id="cut-in-a-span"),
        pytest.param(TrailingTags, "Friday<DATE> at 6<TIME> p", [(0, 1, "DATE")], "<TIME> p", id="cut-in-a-copy"),
        pytest.param(InlineTags, "<DATE>Friday</DATE> at <TIME>6", [(0, 1, "DATE")], "E> at <TIME>6", id="cut-in-a-tag"),
    ],
)
def test_an_answer_that_was_cut_off_is_a_problem_and_what_it_says_for_sure_stays(
    format: type, written: str, spans: list[tuple[int, int, str]], lost: str
) -> None:
    doc, answer = Doc(VOCAB, words=WORDS), Answer(written, complete=False)
    reading = read_response(answer, format(LABELS), doc, 1.0)
    assert [tuple(one.span) for one in reading.found] == spans
    [problem] = [problem for problem in reading.problems if problem.startswith("cut off")]
    assert lost in problem.encode().decode("unicode_escape")


def test_the_problems_of_the_format_are_kept() -> None:
    assert read([("six: B-TIME\n", 1.0)]).problems == ["not in the text: 'six' (behind the line before)"]


def test_an_intent_has_the_probability_it_was_written_with_and_the_others_share_the_rest() -> None:
    cats = read([("intent: inquiry\n", 0.7), ("6", 0.2), (": B-TIME\n", 0.2)], intents=INTENTS).cats
    assert cats == {"cancel": pytest.approx(0.15), "inquiry": pytest.approx(0.7), "offer": pytest.approx(0.15)}


def test_an_only_intent_takes_no_share_of_others() -> None:
    assert read([("intent: cancel\n", 1.0)], intents=("cancel",)).cats == {"cancel": 1.0}


def test_an_answer_without_an_intent_gives_no_categories() -> None:
    assert read([("6", 1.0), (": B-TIME\n", 1.0)], intents=INTENTS).cats == {}


@given(PROBABILITIES, PROBABILITIES, TEMPERATURES)
def test_scaling_keeps_the_order(first: float, second: float, temperature: float) -> None:
    low, high = sorted((first, second))
    assert scale(low, temperature) <= scale(high, temperature)


@given(PROBABILITIES)
def test_a_temperature_of_one_changes_nothing(value: float) -> None:
    assert scale(value, 1.0) == pytest.approx(value, abs=1e-9)


@given(PROBABILITIES, TEMPERATURES)
def test_scaled_scores_are_probabilities(value: float, temperature: float) -> None:
    assert 0.0 <= scale(value, temperature) <= 1.0


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
@pytest.mark.parametrize("temperature", [0.01, 0.1, 1.0], ids=str)
def test_the_ends_and_the_middle_of_the_scale_stay_where_they_are(
    probability: float, expected: float, temperature: float
) -> None:
    assert scale(probability, temperature) == pytest.approx(expected, abs=1e-9)


@given(PROBABILITIES, st.floats(1.01, 100.0))
def test_a_high_temperature_moves_scores_towards_one_half(value: float, temperature: float) -> None:
    assert abs(scale(value, temperature) - 0.5) <= abs(value - 0.5) + 1e-9


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 4.0))
def test_the_log_odds_are_divided_by_the_temperature(value: float, temperature: float) -> None:
    def log_odds(probability: float) -> float:
        return math.log(probability) - math.log1p(-probability)

    assert log_odds(scale(value, temperature)) == pytest.approx(log_odds(value) / temperature, rel=1e-4, abs=1e-4)
