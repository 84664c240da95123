from itertools import pairwise
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slm_ner.errors import EvaluationError
from spacy_slm_ner.evaluation.evaluate import char_spans
from spacy_slm_ner.evaluation.pairing import pair_spans
from spacy_slm_ner.evaluation.scores import PRF, score_labels, score_pairs
from spacy_slm_ner.evaluation.strict import agreed_scores, seqeval_scores, spacy_scores

MakeExample = Callable[[str, str, str], Example]


def as_iob2(tags: list[str]) -> str:
    """Tags in which every entity begins with B."""
    opens = [i == 0 or tags[i - 1][1:] != tag[1:] for i, tag in enumerate(tags)]
    return " ".join(f"B{tag[1:]}" if tag[0] == "I" and first else tag for tag, first in zip(tags, opens))


TAG = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])
# Gold and predicted tags of the tokens of one text.
ANNOTATED = st.lists(st.tuples(TAG, TAG), min_size=1, max_size=7).map(lambda rows: tuple(map(as_iob2, map(list, zip(*rows)))))


def figures(score: PRF) -> tuple[float, float, float]:
    return score.precision, score.recall, score.f1


@given(texts=st.lists(ANNOTATED, min_size=1, max_size=4))
def test_both_libraries_and_the_pairs_agree_on_random_annotations(example: MakeExample, texts: list[tuple[str, str]]) -> None:
    examples = [example(" ".join("w" * len(gold.split())), gold, predicted) for gold, predicted in texts]
    pairs = [pair for eg in examples for pair in pair_spans(char_spans(eg.reference), char_spans(eg.predicted))]
    agreed = agreed_scores(examples)
    assert agreed.pop("all") == pytest.approx(figures(score_pairs(pairs)))
    assert agreed.keys() == score_labels(pairs).keys()
    for label, score in score_labels(pairs).items():
        assert agreed[label] == pytest.approx(figures(score))


@pytest.mark.parametrize("scores", [spacy_scores, seqeval_scores, agreed_scores])
@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        pytest.param("B-X I-X O", "B-X I-X O", (1.0, 1.0, 1.0), id="same"),
        pytest.param("B-X B-X O", "B-X B-X O", (1.0, 1.0, 1.0), id="touching"),
        pytest.param("B-X B-X O", "B-X I-X O", (0.0, 0.0, 0.0), id="touching-read-as-one"),
        pytest.param("B-X I-X O", "B-X B-X O", (0.0, 0.0, 0.0), id="one-read-as-touching"),
        pytest.param("B-X I-X B-X", "B-X I-X I-X", (0.0, 0.0, 0.0), id="second-swallowed"),
        pytest.param("B-X B-X B-X", "B-X B-X O", (1.0, 2 / 3, 0.8), id="last-of-three-missed"),
        pytest.param("O O O", "O O O", (0.0, 0.0, 0.0), id="no-entity"),
        pytest.param("O O O", "O B-X O", (0.0, 0.0, 0.0), id="spurious-only"),
        pytest.param("O B-X O", "O O O", (0.0, 0.0, 0.0), id="missed-only"),
    ],
)
def test_scores_computed_by_hand(
    example: MakeExample, scores: Callable, gold: str, predicted: str, expected: tuple[float, float, float]
) -> None:
    assert scores([example("a b c", gold, predicted)])["all"] == pytest.approx(expected)


def test_scores_of_each_label_computed_by_hand(example: MakeExample) -> None:
    texts = [example("a b c", "B-X B-Y O", "B-X B-X O"), example("a b c", "B-Y O O", "B-Y O O")]
    assert agreed_scores(texts) == {
        "all": pytest.approx((2 / 3, 2 / 3, 2 / 3)),
        "X": pytest.approx((0.5, 1.0, 2 / 3)),
        "Y": pytest.approx((1.0, 0.5, 2 / 3)),
    }


def test_spurious_entities_of_a_text_without_entities_cost_precision(example: MakeExample) -> None:
    texts = [example("a", "B-X", "B-X"), example("a", "O", "B-X")]
    assert agreed_scores(texts)["all"] == pytest.approx((0.5, 1.0, 2 / 3))


def test_gold_text_without_annotation_is_an_error(nlp: Language, example: MakeExample) -> None:
    bare = Example(nlp.make_doc("never labelled"), nlp.make_doc("never labelled"))
    with pytest.raises(EvaluationError, match=r"1 of 2 gold texts carry no entity annotation, the first is 'never labelled'"):
        agreed_scores([example("a", "B-X", "B-X"), bare])


def test_disagreement_is_an_error_that_names_the_label_and_the_way_out(nlp: Language) -> None:
    gold = Doc(nlp.vocab, words=["at", "4pm"], ents=["O", "B-TIME"])
    predicted = Doc(nlp.vocab, words=["at", "4", "pm"], spaces=[True, False, False], ents=["O", "B-TIME", "O"])
    with pytest.raises(EvaluationError, match=r"Two scorers disagree on TIME: .*--gold-preproc"):
        agreed_scores([Example(predicted, gold)])


@st.composite
def parted(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """One text in random tokens with random IOB2 tags."""
    cuts = [0, *draw(st.lists(st.integers(1, 4), unique=True).map(sorted)), 5]
    words = ["abcde"[start:end] for start, end in pairwise(cuts)]
    tags = draw(st.lists(TAG, min_size=len(words), max_size=len(words)))
    return words, as_iob2(tags).split()


@given(gold=parted(), predicted=parted())
def test_agreed_figures_are_those_of_the_pairs_where_tokens_differ(
    nlp: Language, gold: tuple[list[str], list[str]], predicted: tuple[list[str], list[str]]
) -> None:
    reference, answer = (Doc(nlp.vocab, words, spaces=[False] * len(words), ents=tags) for words, tags in (gold, predicted))
    pairs = pair_spans(char_spans(reference), char_spans(answer))
    try:
        agreed = agreed_scores([Example(answer, reference)])
    except EvaluationError:
        return
    assert agreed["all"] == pytest.approx(figures(score_pairs(pairs)))
