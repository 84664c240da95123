import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.evaluation.scores import PRF
from spacy_slm_ner.evaluation.string_examples import LabelledString, StringExample
from spacy_slm_ner.evaluation.uniner import make_queries, normalize, parse_published, score_queries, score_uniner


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("Ada", "ada", id="case"),
        pytest.param("The", "", id="article-alone"),
        pytest.param("the a an", "", id="all-articles"),
        pytest.param("The Who", "who", id="article-first"),
        pytest.param("Vitamin A", "vitamin", id="article-last"),
        pytest.param("Lord of the Rings", "lord of rings", id="article-inside"),
        pytest.param("Theo", "theo", id="article-in-a-word"),
        pytest.param("THE AN", "", id="capital-articles"),
        pytest.param("la Scala", "la scala", id="article-of-another-language"),
        pytest.param("A-ha", "aha", id="punctuation-goes-before-articles"),
        pytest.param("a.n", "", id="article-out-of-punctuation"),
        pytest.param("U.S.", "us", id="full-stops"),
        pytest.param("1,000", "1000", id="comma"),
        pytest.param("!?", "", id="punctuation-alone"),
        pytest.param("[a]\\{b}_`~", "ab", id="brackets-and-marks"),
        pytest.param("“Ada”", "“ada”", id="typographic-quotes-stay"),
        pytest.param("Ada！", "ada！", id="full-width-punctuation-stays"),
        pytest.param("  Ada \t\n Quill ", "ada quill", id="white-space"),
        pytest.param("Ada\u00a0Quill\u3000x", "ada quill x", id="unicode-white-space"),
        pytest.param("İ", "i\u0307", id="dotted-capital-i-grows"),
        pytest.param("ΟΔΟΣ", "οδος", id="final-sigma"),
        pytest.param("Straße", "straße", id="sharp-s-stays"),
        pytest.param("e\u0301", "e\u0301", id="decomposed-stays"),
        pytest.param("ﬁ", "ﬁ", id="ligature-stays"),
        pytest.param("日本", "日本", id="no-case"),
    ],
)
def test_strings_are_normalized(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("[]", [], id="empty-list"),
        pytest.param('["Ada"]', ["Ada"], id="one"),
        pytest.param('["Ada", "Bob"]', ["Ada", "Bob"], id="two"),
        pytest.param('["Ada", "Ada"]', ["Ada", "Ada"], id="repeated"),
        pytest.param('[ "Ada" ]', ["Ada"], id="spaces-inside"),
        pytest.param('["a \\" quote"]', ['a " quote'], id="escaped-quote"),
        pytest.param('["caf\\u00e9"]', ["café"], id="escaped-letter"),
        pytest.param('["a\\nb"]', ["a\nb"], id="escaped-line-break"),
        pytest.param('["Ada"] and more', ["Ada"], id="text-behind"),
        pytest.param('["Ada"]["Bob"]', ["Ada"], id="second-list-is-not-read"),
        pytest.param('["x[1"]', ["x[1"], id="opening-bracket"),
        pytest.param('["x]"]', [], id="closing-bracket"),
        pytest.param('["Ada", "x]"]', [], id="closing-bracket-behind-others"),
        pytest.param('[["Ada"]]', [], id="nested"),
        pytest.param(' ["Ada"]', [], id="space-before"),
        pytest.param('Answer: ["Ada"]', [], id="text-before"),
        pytest.param('```json\n["Ada"]\n```', [], id="fence"),
        pytest.param("['Ada']", [], id="single-quotes"),
        pytest.param('["Ada",]', [], id="comma-at-the-end"),
        pytest.param('["Ada", "Bo', [], id="cut-off"),
        pytest.param('["Ada",\n"Bob"]', [], id="line-break-between"),
        pytest.param("[Ada]", [], id="no-quotes"),
        pytest.param('["Ada", 4]', [], id="number"),
        pytest.param('["Ada", null]', [], id="null"),
        pytest.param('[{"text": "Ada"}]', [], id="object"),
        pytest.param("[NaN]", [], id="not-a-number"),
        pytest.param('{"a": ["Ada"]}', [], id="object-around"),
        pytest.param("", [], id="empty"),
        pytest.param("None", [], id="none"),
        pytest.param("[" * 100_000 + "]", [], id="deep"),
    ],
)
def test_answers_are_parsed_as_published(answer: str, expected: list[str]) -> None:
    assert parse_published(answer) == expected


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        pytest.param([], [], (0, 0, 0), id="nothing"),
        pytest.param(["Ada"], [], (0, 0, 1), id="empty-prediction"),
        pytest.param([], ["Ada"], (0, 1, 0), id="empty-gold"),
        pytest.param(["Ada"], ["Ada"], (1, 1, 1), id="same"),
        pytest.param(["Ada"], ["Bob"], (0, 1, 1), id="another"),
        pytest.param(["Ada"], ["the Ada!"], (1, 1, 1), id="same-after-normalization"),
        pytest.param(["Ada", "Ada"], ["Ada"], (1, 1, 1), id="repeated-gold"),
        pytest.param(["Ada"], ["Ada", "ada", "Ada."], (1, 1, 1), id="repeated-prediction"),
        pytest.param(["The"], ["!"], (1, 1, 1), id="both-empty-after-normalization"),
        pytest.param(["The", "Ada"], ["a", "an"], (1, 1, 2), id="articles-are-one"),
        pytest.param(["Ada"], [""], (0, 1, 1), id="empty-string-counts"),
        pytest.param(["bus"], ["us"], (0, 1, 1), id="us-is-not-bus"),
        pytest.param(["us"], ["us"], (1, 1, 1), id="a-string-need-not-be-in-a-text"),
    ],
)
def test_one_query_computed_by_hand(gold: list[str], predicted: list[str], expected: tuple[int, int, int]) -> None:
    assert score_queries([(gold, predicted)]) == PRF(*expected)


def test_queries_are_summed_not_averaged() -> None:
    prf = score_queries([(["Ada", "Bob"], ["Ada", "Bob"]), ([], ["Ada", "May"]), (["May"], [])])
    assert (prf.precision, prf.recall, prf.f1) == pytest.approx((2 / 4, 2 / 3, 4 / 7))


def test_no_query_is_a_score_of_zero() -> None:
    prf = score_queries([])
    assert (prf.precision, prf.recall, prf.f1) == (0.0, 0.0, 0.0)


BOTH = StringExample("Jordan", [("Jordan", "N"), ("Jordan", "L")], [("Jordan", "L"), ("Bob", "L"), ("May", "D")])


def test_one_string_with_two_types_is_asked_for_twice() -> None:
    assert list(make_queries(BOTH)) == [([], ["May"]), (["Jordan"], ["Jordan", "Bob"]), (["Jordan"], [])]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param([], PRF(1, 3, 2), id="all"),
        pytest.param(["L", "N"], PRF(1, 2, 2), id="gold-types"),
        pytest.param(["L"], PRF(1, 2, 1), id="one"),
        pytest.param(["D"], PRF(0, 1, 0), id="empty-gold"),
        pytest.param(["T"], PRF(0, 0, 0), id="neither-side"),
        pytest.param(["L", "L"], PRF(1, 2, 1), id="named-twice"),
    ],
)
def test_only_types_that_are_asked_for_count(labels: list[str], expected: PRF) -> None:
    assert score_uniner([BOTH], labels).repaired == expected


def test_texts_are_not_merged() -> None:
    eg = StringExample("Ada", [("Ada", "N")], [("Ada", "N")])
    assert score_uniner([eg, eg]).published == PRF(2, 2, 2)


def test_an_answer_that_cannot_be_parsed_is_empty() -> None:
    assert score_uniner([StringExample("Ada", [("Ada", "N")], None)]).repaired == PRF(0, 0, 1)


def test_figures_are_those_that_json_can_hold() -> None:
    figures = score_uniner([StringExample("[X]", [("[X]", "C")], [("[X]", "C")])]).to_dict()
    assert json.loads(json.dumps(figures)) == figures
    assert (figures["published"]["f1"], figures["repaired"]["f1"]) == (0.0, 1.0)


STRING = st.text(alphabet='aAnthe []!."\\\nİΣ\ud800', max_size=6)
ENTITIES = st.lists(st.tuples(STRING, st.sampled_from(["N", "L"])), max_size=5)
EXAMPLES = st.lists(st.builds(StringExample, st.just(""), ENTITIES, st.none() | ENTITIES), max_size=4)


@given(examples=EXAMPLES)
def test_counts_are_in_their_bounds(examples: list[StringExample]) -> None:
    for prf in score_uniner(examples):
        assert 0 <= prf.credit <= min(prf.predicted, prf.gold)
        assert 0 <= prf.f1 <= 1


@given(examples=EXAMPLES)
def test_gold_itself_is_all_right_unless_the_published_parser_empties_every_query(examples: list[StringExample]) -> None:
    published, repaired = score_uniner([eg._replace(predicted=eg.gold) for eg in examples])
    assert published.credit == published.predicted == published.gold <= repaired.gold
    assert repaired.f1 == float(any(eg.gold for eg in examples))


@given(examples=EXAMPLES, data=st.data())
def test_neither_order_nor_repetition_matters(examples: list[StringExample], data: st.DataObject) -> None:
    def shuffled(entities: list[LabelledString]) -> list[LabelledString]:
        return data.draw(st.permutations([*entities, *entities]))

    others = [eg._replace(gold=shuffled(eg.gold), predicted=eg.predicted and shuffled(eg.predicted)) for eg in examples]
    assert score_uniner(data.draw(st.permutations(others))) == score_uniner(examples)


@given(examples=EXAMPLES)
def test_the_published_parser_changes_nothing_without_a_closing_bracket(examples: list[StringExample]) -> None:
    published, repaired = score_uniner(examples)
    brackets = any("]" in string for eg in examples for string, _ in [*eg.gold, *(eg.predicted or ())])
    assert brackets or published == repaired
