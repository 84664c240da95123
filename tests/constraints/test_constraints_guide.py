"""The guide, played with random pieces against the grammars of the formats, over the pieces of a real byte-level tokenizer."""

import math
import random
from pathlib import Path

import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab
from tokenizers import Tokenizer

from spacy_slm_ner.constraints.draft import Draft
from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.constraints.guide import Encode, FreeGuide, GrammarGuide
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.trailing_tags import TrailingTags

FORMATS = pytest.mark.parametrize("format", [BioLines, SpanLines, InlineTags, TrailingTags])
TEXTS = [
    "May I meet May in May at 4 or at 4 pm ?",
    "Mayor May maybe",
    "五月 😀👍🏽 nos vemos mañana a las 9:30",
    "<|im_end|> <DATE> [2] \\ intent: cancel",
    "",
]
END = 2


@pytest.fixture(scope="module")
def encode(data: Path) -> Encode:
    tokenizer = Tokenizer.from_file(str(data / "tokenizers" / "SmolLM2-2000" / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def doc_of(text: str) -> Doc:
    return Doc(Vocab(), words=text.split())


@FORMATS
@pytest.mark.parametrize("text", TEXTS)
def test_random_pieces_always_end_in_an_answer_that_parses(format: type, text: str, encode: Encode) -> None:
    form, doc = format(("DATE", "TIME"), ("cancel", "inquiry")), doc_of(text)
    for seed in range(30):
        choice = random.Random(seed)
        guide = GrammarGuide(form.constraint(doc), encode, END)
        while not guide.done:
            allowed = guide.allowed()
            guide.step(END if END in allowed and choice.random() < 0.3 else choice.choice(allowed), -0.5)
        answer = guide.answer()
        assert answer.complete
        assert form.parse(answer.text, doc).problems == []
        assert "".join(written.edge.text for written in answer.path) == answer.text


@FORMATS
@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_of_a_path_are_allowed_one_by_one(format: type, text: str, encode: Encode) -> None:
    form, doc = format(("DATE", "TIME")), doc_of(text)
    path = find_path(form.constraint(doc), form.target(doc)) or []
    guide = GrammarGuide(form.constraint(doc), encode, END)
    for piece in [*(piece for edge in path for piece in encode(edge.chosen)), END]:
        assert piece in guide.allowed()
        guide.step(piece)
    assert guide.done and guide.answer().text == form.target(doc)


class Letters:
    """ "ab" or "a" and then "bc", as one piece a letter: the first letters do not tell which."""

    start = 0

    def edges(self, state):  # type: ignore[no-untyped-def]
        from spacy_slm_ner.constraints.grammar import Edge

        return {0: [Edge("ab", 1), Edge("a", 2)], 2: [Edge("bc", 1)]}.get(state, [])

    def may_end(self, state):  # type: ignore[no-untyped-def]
        return state == 1


@pytest.mark.parametrize(("text", "segments"), [("ab", ["ab"]), ("abc", ["a", "bc"])])
def test_pieces_that_belong_to_two_segments_are_told_apart_later(text: str, segments: list[str]) -> None:
    guide = GrammarGuide(Letters(), lambda segment: [ord(letter) for letter in segment], 0)
    for piece in [*map(ord, text), 0]:
        guide.step(piece)
    assert [written.edge.text for written in guide.answer().path] == segments


def test_the_probabilities_of_decisions_add_up_to_those_of_the_segments() -> None:
    guide = GrammarGuide(Letters(), lambda segment: [ord(letter) for letter in segment], 0)
    for piece, probability in ((ord("a"), 1.0), (ord("b"), 1.0), (ord("c"), 0.25), (0, 1.0)):
        guide.step(piece, math.log(probability))
    assert [math.exp(written.logprob) for written in guide.answer().path] == [1.0, pytest.approx(0.25)]


def test_a_piece_that_is_not_allowed_is_refused() -> None:
    guide = GrammarGuide(Letters(), lambda segment: [ord(letter) for letter in segment], 0)
    with pytest.raises(ValueError, match=r"Got the piece 98, allowed are \[97\]"):
        guide.step(ord("b"))


def test_free_decoding_ends_at_the_end_piece_or_at_the_limit() -> None:
    ended, cut = (FreeGuide(lambda pieces: "".join(map(chr, pieces)), 0, limit) for limit in (9, 2))
    for guide in (ended, cut):
        for piece in (97, 98, 0):
            if not guide.done:
                guide.step(piece)
    assert (ended.answer().text, ended.answer().complete) == ("ab", True)
    assert (cut.answer().text, cut.answer().complete) == ("ab", False)


def test_a_draft_follows_its_own_path_among_equal_words() -> None:
    text = "DATE: May [2]\n"
    draft = Draft(SpanLines(("DATE",)).constraint(doc_of("May or May")), text)
    assert "".join(edge.text for edge in draft.edges(draft.grammar.start)) == text


@pytest.mark.parametrize(
    ("doubtful", "min_pieces", "expected"),
    [
        pytest.param("", 1, "we may meet in May at noon.", id="no-doubt"),
        pytest.param("May", 1, "we may meet in May", id="doubtful"),
        pytest.param("meet", 3, "we may meet", id="long-enough"),
        pytest.param("we", 3, "we may meet in May at noon.", id="too-short"),
        pytest.param("noon", 1, "we may meet in May at noon", id="the-end-is-not-proposed"),
    ],
)
def test_a_proposal_ends_behind_a_doubtful_word(doubtful: str, min_pieces: int, expected: str) -> None:
    form, doc = TrailingTags(("DATE",)), doc_of("we may meet in May at noon")
    draft = Draft(form.constraint(doc), form.target(doc), doubts=lambda segment: segment.strip() == doubtful)
    pieces = ["."]

    def words(text: str) -> list[int]:
        """One piece a segment."""
        pieces.append(text)
        return [len(pieces) - 1]

    proposed = GrammarGuide(draft.grammar, words, 0).propose(draft, min_pieces, 99)
    assert "".join(pieces[piece] for piece in proposed) == expected


def test_a_proposal_goes_on_from_a_doubtful_word() -> None:
    form, doc = TrailingTags(("DATE",)), doc_of("May comes")
    draft = Draft(form.constraint(doc), form.target(doc), doubts=str.istitle)
    guide = GrammarGuide(draft.grammar, lambda segment: [ord(letter) for letter in segment], END)
    for letter in guide.propose(draft, 1, 99):
        guide.step(letter)
    assert bytes(guide.propose(draft, 1, 99)).decode() == f" comes{chr(END)}"
