import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.evaluation.pairing import Pair, pair_spans
from spacy_slm_ner.evaluation.scores import CREDIT, bootstrap_f1, confusion, score_labels, score_pairs
from spacy_slm_ner.labels import decode_tags
from spacy_slm_ner.types import Span

DATE, LONGER_DATE, TIME = Span(0, 4, "DATE"), Span(0, 6, "DATE"), Span(0, 4, "TIME")
CORRECT, WRONG_BOUNDARY, WRONG_LABEL = Pair(DATE, DATE), Pair(DATE, LONGER_DATE), Pair(DATE, TIME)
MISSED, SPURIOUS = Pair(TIME, None), Pair(None, TIME)
# Five gold and six predicted entities.
PAIRS = [CORRECT, CORRECT, WRONG_BOUNDARY, WRONG_LABEL, MISSED, SPURIOUS, SPURIOUS]

TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])
ANNOTATIONS = st.lists(TAGS, max_size=10).map(lambda tags: decode_tags(tags)[0])


@pytest.mark.parametrize(("mode", "credit"), [("strict", 2), ("partial", 2.5), ("type_only", 3)], ids=str)
def test_scores_computed_by_hand(mode: str, credit: float) -> None:
    expected = {"precision": credit / 6, "recall": credit / 5, "f1": 2 * credit / 11, "gold": 5, "predicted": 6}
    assert score_pairs(PAIRS, mode).to_dict() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([], (0.0, 0.0, 0.0), id="nothing-at-all"),
        pytest.param([MISSED], (0.0, 0.0, 0.0), id="nothing-predicted"),
        pytest.param([SPURIOUS], (0.0, 0.0, 0.0), id="nothing-in-gold"),
        pytest.param([CORRECT, MISSED], (1.0, 0.5, 2 / 3), id="one-missed"),
        pytest.param([CORRECT, SPURIOUS], (0.5, 1.0, 2 / 3), id="one-spurious"),
    ],
)
def test_scores_with_an_empty_side(pairs: list[Pair], expected: tuple[float, float, float]) -> None:
    score = score_pairs(pairs)
    assert (score.precision, score.recall, score.f1) == pytest.approx(expected)


def test_scores_of_each_label_computed_by_hand() -> None:
    scores = score_labels(PAIRS)
    assert {label: (score.credit, score.predicted, score.gold) for label, score in scores.items()} == {
        "DATE": (2, 3, 4),
        "TIME": (0, 3, 1),
    }


def test_wrong_label_costs_recall_of_the_gold_label_and_precision_of_the_predicted_one() -> None:
    scores = score_labels([CORRECT, Pair(TIME, TIME), WRONG_LABEL])
    assert (scores["DATE"].precision, scores["DATE"].recall) == (1.0, 0.5)
    assert (scores["TIME"].precision, scores["TIME"].recall) == (0.5, 1.0)


def test_labels_are_sorted() -> None:
    assert list(score_labels([SPURIOUS, CORRECT])) == ["DATE", "TIME"]


@pytest.mark.parametrize("mode", CREDIT)
@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_labels_sum_up_to_the_whole(mode: str, gold: list[Span], predicted: list[Span]) -> None:
    pairs = pair_spans(gold, predicted)
    whole, parts = score_pairs(pairs, mode), score_labels(pairs, mode).values()
    assert whole.gold == sum(part.gold for part in parts)
    assert whole.predicted == sum(part.predicted for part in parts)
    assert whole.credit == sum(part.credit for part in parts)


@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_looser_scoring_never_scores_less(gold: list[Span], predicted: list[Span]) -> None:
    pairs = pair_spans(gold, predicted)
    assert score_pairs(pairs, "strict").f1 <= score_pairs(pairs, "partial").f1 <= score_pairs(pairs, "type_only").f1


def test_confusion_counts_by_hand() -> None:
    assert confusion(PAIRS) == {("DATE", "DATE"): 3, ("DATE", "TIME"): 1, ("TIME", "O"): 1, ("O", "TIME"): 2}


TEXTS = [[CORRECT]] * 12 + [PAIRS] * 4 + [[]] * 4 + [[SPURIOUS]] * 3 + [[MISSED, CORRECT]] * 5


def pooled(texts: list[list[Pair]]) -> list[Pair]:
    return [pair for pairs in texts for pair in pairs]


def test_bootstrap_interval_lies_around_the_f1() -> None:
    low, high = bootstrap_f1(TEXTS)
    assert 0 <= low < score_pairs(pooled(TEXTS)).f1 < high <= 1


def test_bootstrap_depends_on_its_seed_only() -> None:
    assert bootstrap_f1(TEXTS, seed=1) == bootstrap_f1(TEXTS, seed=1) != bootstrap_f1(TEXTS, seed=2)


def test_bootstrap_interval_of_a_higher_level_is_wider() -> None:
    (low, high), (lower, higher) = bootstrap_f1(TEXTS, level=0.5), bootstrap_f1(TEXTS, level=0.99)
    assert lower < low < high < higher


def test_bootstrap_interval_of_more_texts_is_narrower() -> None:
    (low, high), (lower, higher) = bootstrap_f1(TEXTS * 10), bootstrap_f1(TEXTS)
    assert high - low < 0.5 * (higher - lower)


def test_bootstrap_draws_whole_texts() -> None:
    in_two_texts, in_eight = [[CORRECT] * 4, [MISSED] * 4], [[CORRECT], [MISSED]] * 4
    assert bootstrap_f1(in_two_texts) == (0.0, 1.0)
    assert bootstrap_f1(in_eight) != (0.0, 1.0)


@pytest.mark.parametrize(
    ("texts", "f1"),
    [
        pytest.param([], 0.0, id="no-text"),
        pytest.param([PAIRS], 4 / 11, id="one-text"),
        pytest.param([[CORRECT]] * 3, 1.0, id="all-right"),
        pytest.param([[MISSED]] * 3, 0.0, id="all-wrong"),
        pytest.param([[]] * 3, 0.0, id="no-entities"),
    ],
)
def test_bootstrap_interval_without_spread_is_the_f1(texts: list[list[Pair]], f1: float) -> None:
    assert bootstrap_f1(texts) == pytest.approx((f1, f1))
