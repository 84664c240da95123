from typing import Callable, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.training import Example

from spacy_slm_ner.errors import EvaluationError
from spacy_slm_ner.evaluation.evaluate import char_spans
from spacy_slm_ner.evaluation.gollie import score_gollie
from spacy_slm_ner.evaluation.pairing import pair_spans
from spacy_slm_ner.evaluation.protocols import PROTOCOLS, check_protocols, score_protocols
from spacy_slm_ner.evaluation.scores import PRF, score_pairs
from spacy_slm_ner.evaluation.string_examples import StringExample
from spacy_slm_ner.evaluation.uniner import score_uniner
from spacy_slm_ner.types import Span

MakeExample = Callable[[str, str, str], Example]
# Correct, predicted and gold entities.
Counts = tuple[int, int, int]


class Scored(NamedTuple):
    """Counts by each protocol."""

    span: Counts
    published: Counts
    repaired: Counts
    gollie: Counts


def spans(text: str, entities: str) -> list[Span]:
    """Find entities, written as "LABEL: string | LABEL 2: string", where 2 stands for the second occurrence of the string."""
    found = []
    for entity in entities.split(" | ") if entities else []:
        label, string = entity.split(": ", 1)
        label, _, count = label.partition(" ")
        start = -1
        for _ in range(int(count or 1)):
            start = text.index(string, start + 1)
        found.append(Span(start, start + len(string), label))
    return found


def counts(prf: PRF) -> Counts:
    return int(prf.credit), prf.predicted, prf.gold


def to_string_example(text: str, gold: list[Span], predicted: list[Span]) -> StringExample:
    sides = ([(text[span.start : span.end], span.label) for span in side] for side in (gold, predicted))
    return StringExample(text, *sides)


def score(text: str, gold: list[Span], predicted: list[Span]) -> Scored:
    strings = [to_string_example(text, gold, predicted)]
    uniner = score_uniner(strings)
    return Scored(
        counts(score_pairs(pair_spans(gold, predicted))),
        counts(uniner.published),
        counts(uniner.repaired),
        counts(score_gollie(strings).prf),
    )


WRONG, RIGHT = (0, 1, 1), (1, 1, 1)
# Predicted is not gold, but the same string to UniNER; to GoLLIE it is another one, or the same.
UNINER_ALONE = Scored(WRONG, RIGHT, RIGHT, WRONG)
ALL_BUT_SPAN = Scored(WRONG, RIGHT, RIGHT, RIGHT)
# Everything is found, and UniNER counts two entities as one.
UNINER_MERGES = Scored((2, 2, 2), RIGHT, RIGHT, (2, 2, 2))

DIFFERENT = {
    # Repeated mentions
    "other-mention": ("Ada saw Ada", "N: Ada", "N 2: Ada", ALL_BUT_SPAN),
    "both-mentions": ("Ada saw Ada", "N: Ada | N 2: Ada", "N: Ada | N 2: Ada", UNINER_MERGES),
    "one-of-two-mentions": ("Ada saw Ada", "N: Ada | N 2: Ada", "N: Ada", Scored((1, 1, 2), RIGHT, RIGHT, (1, 1, 2))),
    "a-mention-too-many": ("Ada saw Ada", "N: Ada", "N: Ada | N 2: Ada", Scored((1, 2, 1), RIGHT, RIGHT, (1, 2, 1))),
    "mentions-with-a-wrong-type": (
        "Ada saw Ada", "N: Ada | N 2: Ada", "L: Ada | L 2: Ada",
        Scored((0, 2, 2), WRONG, WRONG, (0, 2, 2)),
    ),
    # Nothing on one side
    "empty-gold": ("Ada saw Ada", "", "N: Ada | N 2: Ada", Scored((0, 2, 0), (0, 1, 0), (0, 1, 0), (0, 2, 0))),
    "empty-prediction": ("Ada saw Ada", "N: Ada | N 2: Ada", "", Scored((0, 0, 2), (0, 0, 1), (0, 0, 1), (0, 0, 2))),
    # Closing brackets
    "bracket": ("use [X] now", "C: [X]", "C: [X]", Scored(RIGHT, (0, 0, 0), RIGHT, RIGHT)),
    "bracket-empties-its-query": (
        "use [X] and Y", "C: [X] | C: Y", "C: [X] | C: Y",
        Scored((2, 2, 2), (0, 0, 0), (2, 2, 2), (2, 2, 2)),
    ),
    "bracket-spares-other-types": (
        "[X] by Ada", "C: [X] | N: Ada", "C: [X] | N: Ada",
        Scored((2, 2, 2), RIGHT, (2, 2, 2), (2, 2, 2)),
    ),
    "bracket-in-gold": ("use [X] now", "C: [X]", "C: X", Scored(WRONG, (0, 1, 0), RIGHT, WRONG)),
    "bracket-in-prediction": ("use [X] now", "C: X", "C: [X]", Scored(WRONG, (0, 0, 1), RIGHT, WRONG)),
    "bracket-and-parenthesis": ("[1] or (1)", "C: [1]", "C: (1)", Scored(WRONG, (0, 1, 0), RIGHT, WRONG)),
    "bracket-in-empty-gold": ("use [X] now", "", "C: [X]", Scored((0, 1, 0), (0, 0, 0), (0, 1, 0), (0, 1, 0))),
    "opening-bracket": ("use [X now", "C: [X", "C: X", UNINER_ALONE),
    # Articles
    "The": ("The A play", "N: The", "N: A", UNINER_ALONE),
    "The-and-A": ("The A play", "N: The | N: A", "N: The | N: A", UNINER_MERGES),
    "article-in-gold": ("the Beatles play", "N: the Beatles", "N: Beatles", UNINER_ALONE),
    "article-in-prediction": ("an Apple phone", "N: Apple", "N: an Apple", UNINER_ALONE),
    "article-at-the-end": ("Vitamin A or vitamin", "N: Vitamin A", "N: vitamin", UNINER_ALONE),
    "article-only-after-punctuation-is-gone": ("A-ha or Aha", "N: A-ha", "N: Aha", UNINER_ALONE),
    # Punctuation
    "punctuation-only": ("so !! or ??", "C: !!", "C: ??", UNINER_ALONE),
    "punctuation-only-twice": ("so !! or ??", "C: !! | C: ??", "C: !! | C: ??", UNINER_MERGES),
    "punctuation-is-an-article": ("The !!", "N: The", "N: !!", UNINER_ALONE),
    "full-stop": ("call Ada.", "N: Ada", "N: Ada.", UNINER_ALONE),
    "quotes": ('"Ada" sang', "N: Ada", 'N: "Ada"', UNINER_ALONE),
    "backslash": ("C:\\ is C", "N: C:\\", "N 2: C", UNINER_ALONE),
    "hyphen": ("e-mail or email", "N: e-mail", "N: email", UNINER_ALONE),
    "decimal-point": ("3.5 or 35", "N: 3.5", "N: 35", UNINER_ALONE),
    "plus": ("C++ or C", "N: C++", "N 2: C", UNINER_ALONE),
    "U.S.-and-us": ("U.S. and us", "L: U.S.", "L: us", UNINER_ALONE),
    "duplicates-after-normalization": ("Ada, Ada.", "N: Ada", "N: Ada, | N: Ada.", Scored((0, 2, 1), RIGHT, RIGHT, (0, 2, 1))),
    # Case
    "case": ("Ada met ADA", "N: Ada", "N: ADA", ALL_BUT_SPAN),
    "case-of-both": ("Ada met ADA", "N: Ada | N: ADA", "N: Ada | N: ADA", UNINER_MERGES),
    "capital-sharp-s": ("STRAẞE, straße", "L: STRAẞE", "L: straße", ALL_BUT_SPAN),
    "dotted-capital-i": ("İzmir, i̇zmir", "L: İzmir", "L: i̇zmir", ALL_BUT_SPAN),
    "behind-dotted-capital-i": ("İİİ Ada saw Ada", "N: Ada", "N 2: Ada", ALL_BUT_SPAN),
    "final-sigma": ("ΟΔΟΣΑ", "L: ΟΔΟΣ", "L: ΟΔΟΣ", Scored(RIGHT, RIGHT, RIGHT, (0, 0, 1))),
    "final-sigma-once": (
        "ΟΔΟΣ ΟΔΟΣΑ", "L: ΟΔΟΣ | L 2: ΟΔΟΣ", "L: ΟΔΟΣ | L 2: ΟΔΟΣ",
        Scored((2, 2, 2), RIGHT, RIGHT, (1, 1, 2)),
    ),
    # Strings inside of words
    "us-in-bus": ("the bus to us", "N 2: us", "N: us", ALL_BUT_SPAN),
    "us-and-bus": ("the bus to us", "N 2: us", "N: us | N 2: us", Scored((1, 2, 1), RIGHT, RIGHT, (1, 2, 1))),
    # One string with two types
    "types-swapped": ("Jordan left Jordan", "N: Jordan | L 2: Jordan", "L: Jordan | N 2: Jordan",
                      Scored((0, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2))),
    "one-type-for-both": ("Jordan left Jordan", "N: Jordan | L 2: Jordan", "N: Jordan | N 2: Jordan",
                          Scored((1, 2, 2), (1, 1, 2), (1, 1, 2), (1, 2, 2))),
    # White space and Unicode forms
    "two-spaces": ("New  York, New York", "L: New  York", "L: New York", UNINER_ALONE),
    "line-break": ("New\nYork, New York", "L: New\nYork", "L: New York", UNINER_ALONE),
    "no-break-space": ("Ada\u00a0Quill, Ada Quill", "N: Ada\u00a0Quill", "N: Ada Quill", UNINER_ALONE),
    "space-at-the-end": ("see Ada now", "N: Ada", "N: Ada ", ALL_BUT_SPAN),
    "composed-and-decomposed": (
        "é e\u0301 é", "N: é | N: e\u0301 | N 2: é", "N: é | N: e\u0301 | N 2: é",
        Scored((3, 3, 3), (2, 2, 2), (2, 2, 2), (3, 3, 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("protocol", Scored._fields)
@pytest.mark.parametrize(("text", "gold", "predicted", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_protocols_differ_as_computed_by_hand(text: str, gold: str, predicted: str, expected: Scored, protocol: str) -> None:
    assert getattr(score(text, spans(text, gold), spans(text, predicted)), protocol) == getattr(expected, protocol)


def test_every_case_is_one_where_protocols_differ() -> None:
    assert [name for name, (*_, expected) in DIFFERENT.items() if len({*expected}) == 1] == []


@pytest.mark.parametrize(
    ("text", "gold", "predicted", "expected"),
    [
        pytest.param("Ada comes", "N: Ada", "N: Ada", RIGHT, id="found"),
        pytest.param("Ada comes", "N: Ada", "", (0, 0, 1), id="missed"),
        pytest.param("Ada comes", "", "N: Ada", (0, 1, 0), id="spurious"),
        pytest.param("Ada comes", "N: Ada", "L: Ada", WRONG, id="wrong-type"),
        pytest.param("Ada Quill", "N: Ada Quill", "N: Ada", WRONG, id="wrong-boundary"),
        pytest.param("", "", "", (0, 0, 0), id="empty-text"),
        pytest.param("nobody comes", "", "", (0, 0, 0), id="no-entity"),
        pytest.param("“Ada” sang", "N: Ada", "N: “Ada”", WRONG, id="typographic-quotes"),
        pytest.param("é e\u0301", "N: é", "N: e\u0301", WRONG, id="decomposed"),
        pytest.param("STRASSE, straße", "L: STRASSE", "L: straße", WRONG, id="sharp-s-is-not-folded"),
    ],
)
def test_protocols_agree_as_computed_by_hand(text: str, gold: str, predicted: str, expected: Counts) -> None:
    assert {*score(text, spans(text, gold), spans(text, predicted))} == {expected}


ASCII = st.text(alphabet="aAtheSu .![", max_size=12)
LABEL = st.sampled_from(["N", "L"])


@st.composite
def annotations(draw: st.DrawFn, text: str) -> list[Span]:
    """Entities that do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [Span(start, end, draw(LABEL)) for start, end in zip(cuts[::2], cuts[1::2])]


ANNOTATED = ASCII.flatmap(lambda text: st.tuples(st.just(text), annotations(text), annotations(text)))


@given(annotated=ANNOTATED)
def test_counts_and_figures_are_in_their_bounds(annotated: tuple[str, list[Span], list[Span]]) -> None:
    for correct, predicted, gold in score(*annotated):
        assert 0 <= correct <= min(predicted, gold)
        prf = PRF(correct, predicted, gold)
        assert all(0 <= figure <= 1 for figure in (prf.precision, prf.recall, prf.f1))


@given(annotated=ANNOTATED)
def test_gold_itself_is_all_right_where_lower_case_is_regular_and_no_string_has_a_closing_bracket(
    annotated: tuple[str, list[Span], list[Span]],
) -> None:
    """See the case "bracket", where the published UniNER finds nothing, and "final-sigma", where GoLLIE removes a gold entity."""
    text, gold, _ = annotated
    for correct, predicted, total in score(text, gold, gold):
        assert correct == predicted == total
        assert bool(total) == bool(gold)


@given(annotated=ANNOTATED)
def test_order_of_gold_matters_to_no_protocol(annotated: tuple[str, list[Span], list[Span]]) -> None:
    text, gold, predicted = annotated
    assert score(text, gold[::-1], predicted) == score(text, gold, predicted)


@given(annotated=ANNOTATED)
def test_order_of_entities_matters_to_no_protocol_where_they_are_spans(annotated: tuple[str, list[Span], list[Span]]) -> None:
    text, gold, predicted = annotated
    assert score(text, gold, predicted[::-1]) == score(text, gold, predicted)


# By name


@pytest.fixture
def examples(example: MakeExample) -> list[Example]:
    return [
        example("Ada saw Ada", "B-N O B-N", "B-N O O"),
        example("call Ada .", "O B-N O", "O B-N I-N"),
        example("nobody comes", "O O", "B-N O"),
    ]


def named(names: list[str], examples: list[Example]) -> dict:
    return score_protocols(names, examples, [pair_spans(char_spans(eg.reference), char_spans(eg.predicted)) for eg in examples])


def test_docs_are_scored_by_every_protocol(examples: list[Example]) -> None:
    figures = named(list(PROTOCOLS), examples)
    both = {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "gold": 2, "predicted": 3}
    assert figures == {
        "span": {"strict": pytest.approx({"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3, "gold": 3, "predicted": 3})},
        "uniner": {"published": pytest.approx(both), "repaired": pytest.approx(both)},
        "gollie": {"filtered": {"precision": 1 / 3, "recall": 1 / 3, "f1": 1 / 3, "gold": 3, "predicted": 3, "removed": 0}},
    }


@pytest.mark.parametrize("names", [["gollie"], ["gollie", "span"], ["uniner", "uniner"]], ids=" ".join)
def test_only_named_protocols_are_scored_each_once(examples: list[Example], names: list[str]) -> None:
    assert list(named(names, examples)) == [name for name in PROTOCOLS if name in names]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(["span", "unier"], "Got the protocol 'unier', allowed are span, uniner, gollie.", id="misspelt"),
        pytest.param(["UniNER"], "Got the protocol 'UniNER', allowed are", id="wrong-case"),
        pytest.param([""], "Got the protocol '', allowed are", id="empty-name"),
        pytest.param([], "Got no protocol, allowed are", id="none"),
    ],
)
def test_unknown_protocols_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        check_protocols(names)
