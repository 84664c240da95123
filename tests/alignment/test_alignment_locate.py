import time
import unicodedata
from itertools import accumulate, chain, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.alignment import Mention, locate
from spacy_slm_ner.alignment.boundaries import UNSPACED
from spacy_slm_ner.alignment.folding import fold_loosely
from spacy_slm_ner.alignment.search import Status
from spacy_slm_ner.types import Span

WORDS = ["4", "14", "May", "may", "in", "US", "bus", "omnibus", "p.m.", "🍕", "İ", "یوم"]


@st.composite
def labelled_texts(draw):
    """A text of few different words, its entities as ranges of characters, and what somebody would copy of them.

    The occurrence is written where a cursor that takes the next place of the words would come to another one.
    """
    few = draw(st.lists(st.sampled_from(WORDS), min_size=3, max_size=3, unique=True))
    # different words within an entity, as occurrences of "4 4" in "4 4 4" would overlap
    blocks = draw(st.lists(st.tuples(st.sampled_from(["X", "Y", ""]), st.permutations(few), st.integers(1, 3)), max_size=8))
    runs = [(label, tuple(some[:length])) for label, some, length in blocks]
    words = [word for _, run in runs for word in run]
    spaces = draw(st.lists(st.sampled_from([" ", "  ", "\n"]), min_size=len(words), max_size=len(words)))
    ends = list(accumulate(map(len, chain.from_iterable(zip(words, spaces)))))[::2]
    spans, mentions, places, position, cursor = [], [], [], 0, 0
    for label, run in runs:
        alike = [i for i in range(len(words)) if tuple(words[i : i + len(run)]) == run]
        ranges = [(ends[i] - len(words[i]), ends[i + len(run) - 1]) for i in alike]
        if label:
            by_cursor = next(i for i in alike if i >= cursor)
            mentions.append(Mention(run, label, None if by_cursor == position else alike.index(position) + 1))
            spans.append(Span(*ranges[alike.index(position)], label))
            places.append(ranges)
            cursor = position + len(run)
        position += len(run)
    text = "".join(chain.from_iterable(zip(words, spaces)))
    return text, spans, mentions, places


@given(labelled_texts())
def test_every_entity_is_found_exactly_where_it_stands(labelled):
    text, spans, mentions, _ = labelled
    assert [found.span for found in locate(text, mentions)] == spans


@given(labelled_texts())
def test_an_entity_is_ambiguous_if_its_words_also_stand_outside_of_all_entities(labelled):
    text, spans, mentions, places = labelled
    for found, mention, alike in zip(locate(text, mentions), mentions, places):
        free = any(all(end <= span.start or span.end <= start for span in spans) for start, end in alike)
        assert found.statuses == (("ambiguous",) if free and mention.occurrence is None else ())


PIECES = ["a", "A", "4", "44", "aA", "a-4", "a’", "A'", "İ", "ß", "😀", "e\u0301", "ا", "五", "."]


@st.composite
def anything(draw):
    """A text of few pieces, and mentions of the same pieces."""
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)) + [draw(st.text(st.characters(), min_size=1))]
    piece, space = st.sampled_from(pieces), st.sampled_from([" ", ", ", "\u00a0", ""])
    text = "".join(draw(st.lists(st.builds("".join, st.tuples(piece, space)), max_size=20)))
    words = st.lists(piece, min_size=1, max_size=3).map(tuple)
    return text, draw(st.lists(st.builds(Mention, words, st.just("X"), st.sampled_from([None, None, 1, 2])), max_size=6))


@given(anything())
def test_ranges_never_overlap_whatever_is_asked(asked):
    text, mentions = asked
    spans = sorted(found.span for found in locate(text, mentions) if found.span is not None)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert not any(left.overlaps(right) for left, right in pairwise(spans))


@given(anything())
def test_no_word_of_a_mention_gets_lost(asked):
    text, mentions = asked
    words = [word for mention in mentions for word in mention.words if word.strip()]
    assert [word for found in locate(text, mentions) for word in found.words] == words


@given(anything())
def test_what_has_no_status_stands_in_the_text_as_written(asked):
    text, mentions = asked
    for found in locate(text, mentions):
        if not found.statuses:
            assert "".join(text[found.span.start : found.span.end].split()) == "".join("".join(found.words).split())


@given(anything())
def test_a_range_never_cuts_a_run_of_digits_and_one_of_letters_only_where_it_says_so(asked):
    text, mentions = asked
    for found in locate(text, mentions):
        for cut in (found.span.start, found.span.end) if found.span else ():
            around = text[max(cut - 1, 0) : cut + 1]
            unspaced = any(map(UNSPACED.match, around)) or ("inside_word" in found.statuses and not around.isdigit())
            assert len(around) < 2 or unspaced or not (around.isalpha() or around.isdigit())


STATUSES = [
    pytest.param("See Ann at 4pm", ["4 pm"], [("4pm", ("respaced",))], id="respaced"),
    pytest.param("Mail john@gmail.com", ["john @ gmail .com"], [("john@gmail.com", ("respaced",))], id="respaced e-mail"),
    pytest.param("on Tuesday, August 28th", ["Tuesday|August|28th"], [("Tuesday, August 28th", ("joined",))], id="joined"),
    pytest.param("from Mon - Fri", ["Mon|Fri"], [("Mon - Fri", ("joined",))], id="joined over three characters"),
    pytest.param("from Mon -- Fri", ["Mon|Fri"], [("Mon", ("split",)), ("Fri", ("split",))], id="split by four"),
    pytest.param("see you friday", ["Friday"], [("friday", ("folded",))], id="folded case"),
    pytest.param("Mr O’Brien", ["O'Brien"], [("O’Brien", ("folded",))], id="folded quote mark"),
    pytest.param("May 9–11", ["9-11"], [("9–11", ("folded",))], id="folded dash"),
    pytest.param("on tuesday, august", ["Tuesday|August"], [("tuesday, august", ("folded", "joined"))], id="folded and joined"),
    pytest.param("Ann on Friday", ["Friday", "Ann"], [("Friday", ()), ("Ann", ("reordered",))], id="reordered"),
    pytest.param("ann on Friday", ["Friday", "Ann"], [("Friday", ()), ("ann", ("folded", "reordered"))], id="folded, reordered"),
    pytest.param(
        "on Monday or maybe next Friday",
        ["Monday|next|Friday"],
        [("Monday", ("split",)), ("next Friday", ("split",))],
        id="split",
    ),
    pytest.param("May 4", ["4|of|May"], [("4", ("split",)), (None, ("missing",)), ("May", ("reordered", "split"))], id="torn"),
    pytest.param("Take 4 at 4 sharp", ["4"], [("4", ("ambiguous",))], id="ambiguous"),
    pytest.param(
        "서울에서 김민수가 왔다",
        ["서울", "김민수"],
        [("서울", ("inside_word",)), ("김민수", ("inside_word",))],
        id="inside words with particles",
    ),
    pytest.param("Helsingissä sataa", ["helsingi"], [("Helsingi", ("folded", "inside_word"))], id="folded, inside a word"),
    pytest.param("Ona, Quillin mukaan Ona", ["Quill", "Ona"], [("Quill", ("inside_word",)), ("Ona", ("ambiguous",))], id="both"),
    pytest.param("the bus", ["us"], [(None, ("missing",))], id="missing: inside a word"),
    pytest.param("the bus", ["US"], [(None, ("missing",))], id="missing: inside a word, another case"),
    pytest.param("at 14:30", ["4"], [(None, ("missing",))], id="missing: inside a number"),
    pytest.param("on Friday", ["Friday", "Friday"], [("Friday", ()), (None, ("missing",))], id="missing: taken"),
    pytest.param("", ["Friday"], [(None, ("missing",))], id="missing: no text"),
    pytest.param("on Friday", [""], [(None, ("missing",))], id="missing: empty word"),
]


@pytest.mark.parametrize(("text", "entities", "expected"), STATUSES)
def test_status(text, entities, expected):
    located = locate(text, [Mention(tuple(words.split("|")), "X") for words in entities])
    assert [(found.span and text[found.span.start : found.span.end], found.statuses) for found in located] == expected


def test_every_status_has_an_example():
    shown = {status for example in STATUSES for _, statuses in example.values[2] for status in statuses}
    assert shown == set(get_args(Status))


@pytest.mark.parametrize(
    ("text", "mentions", "starts"),
    [
        pytest.param("Move the 4 PM call on May 4", [(("4", "PM"), None), (("May", "4"), None)], [9, 22], id="two 4"),
        pytest.param("Move the 4 PM call on May 4", [(("4",), None), (("4",), None)], [9, 26], id="two 4 alone"),
        pytest.param("May I meet May in May?", [(("May",), 2), (("May",), None)], [11, 18], id="the first May is a verb"),
        pytest.param("May I meet May in May?", [(("May",), 3)], [18], id="the last May only"),
        pytest.param("the bus to the US", [(("US",), None)], [15], id="US is not in bus"),
        pytest.param("the 14 or 4", [(("4",), None)], [10], id="4 is not in 14"),
        pytest.param("come at 4pm on May4", [(("4",), None), (("4",), None)], [8, 18], id="a digit may touch a letter"),
        pytest.param("may or May", [(("May",), None)], [7], id="as written goes before another case"),
        pytest.param("4 x 4", [(("4",), 2), (("4",), 1)], [4, 0], id="occurrences in any order"),
    ],
)
def test_the_right_one_of_several_places_is_taken(text, mentions, starts):
    located = locate(text, [Mention(words, "X", occurrence) for words, occurrence in mentions])
    assert [found.span.start for found in located] == starts
    assert not {"missing", "reordered", "split"} & {status for found in located for status in found.statuses}


@pytest.mark.parametrize(
    ("text", "word", "start"),
    [
        pytest.param("👨‍👩‍👧🎉 see you Friday🎉", "Friday", 15, id="emoji"),
        pytest.param("İİİ ŞİŞLİ ist am FREITAG", "Freitag", 17, id="characters that lower case makes longer"),
        pytest.param("תיאום ביום ראשון בשעה 4", "ראשון", 11, id="Hebrew"),
        pytest.param("الاجتماع يوم الجمعة", "الجمعة", 13, id="Arabic"),
        pytest.param("会议在5月4日", "5月4日", 3, id="Chinese between digits"),
        pytest.param("see\u00a0you\u2009on\u3000Friday", "Friday", 11, id="kinds of space"),
        pytest.param("a\x00b \ud83d Friday", "Friday", 6, id="NUL and a lone surrogate"),
    ],
)
def test_scripts_and_symbols(text, word, start):
    assert [found.span for found in locate(text, [Mention((word,), "X")])] == [Span(start, start + len(word), "X")]


@pytest.mark.parametrize("word", [r".*", r"\d", "(", "[4", "a|b", "$5", "x{2}"])
def test_words_are_no_regular_expressions(word):
    text = f"a 4 xx {word} b"
    assert locate(text, [Mention((word,), "X")])[0].span == Span(7, 7 + len(word), "X")


def test_a_reordered_entity_does_not_take_the_cursor_back():
    located = locate("Ann 4 Friday 4", [Mention((word,), "X") for word in ("Friday", "Ann", "4")])
    assert [found.span.start for found in located] == [6, 0, 13]


def test_an_occurrence_that_is_taken_or_not_there_is_missing():
    located = locate("May or May", [Mention(("May",), "X"), Mention(("May",), "Y", 1), Mention(("May",), "Y", 3)])
    assert [found.statuses for found in located[1:]] == [("missing",), ("missing",)]


def test_long_runs_of_punctuation_do_not_take_long():
    start = time.perf_counter()
    assert all(found.span is None for found in locate("." * 200, [Mention((*["-"] * 12, "x"), "X")]))
    locate("-" * 200, [Mention((*["-"] * 11, "x"), "X")])
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("text", "mention", "expected"),
    [
        pytest.param(
            "14 4 4",
            Mention(("4", "4"), "X"),
            (3, 6),
            id="whole words behind half ones, digits",
        ),
        pytest.param(
            "a business business bus",
            Mention(("business", "bus"), "X"),
            (11, 23),
            id="whole words behind half ones, letters",
        ),
        pytest.param(
            "bye bye bye",
            Mention(("bye", "bye"), "X", 2),
            (4, 11),
            id="overlapping occurrence",
        ),
        pytest.param(
            "come into the hall and in to dinner",
            Mention(("in", "to"), "X"),
            (23, 28),
            id="two words are not one",
        ),
        pytest.param(
            "कमी है, कम नहीं",
            Mention(("कम",), "X"),
            (8, 10),
            id="Hindi vowel sign",
        ),
        pytest.param(
            "Jose\u0301 met Jose",
            Mention(("Jose",), "X"),
            (10, 14),
            id="decomposed accent",
        ),
        pytest.param(
            "我们星期五见",
            Mention(("星期五",), "X"),
            (2, 5),
            id="Chinese",
        ),
        pytest.param(
            "来週の金曜日に会いましょう",
            Mention(("金曜日",), "X"),
            (3, 6),
            id="Japanese",
        ),
        pytest.param(
            "may I come in may",
            Mention(("May",), "X", 2),
            (14, 17),
            id="occurrence in another case",
        ),
        pytest.param(
            "pay Acme & Co. now",
            Mention(("Acme", "Co", "."), "X"),
            (4, 14),
            id="listed full stop",
        ),
    ],
)
def test_one_range(text, mention, expected):
    assert [found.span and found.span[:2] for found in locate(text, [mention])] == [expected]


def test_an_occurrence_that_is_not_there_gives_no_part_elsewhere():
    assert all(found.span is None for found in locate("May Day, then May", [Mention(("May", "Day"), "X", 2)]))


def test_a_symbol_that_is_not_in_the_text_is_missing():
    located = locate("See Ann today", [Mention(("Ann", "🍕"), "X")])
    assert [found.statuses for found in located] == [("split",), ("missing",)]


@pytest.mark.parametrize("words", [("a", " "), (" ", "b"), (" ", " ")], ids=["behind", "before", "alone"])
def test_a_range_has_no_white_space_at_its_ends(words):
    spans = [found.span for found in locate("a b", [Mention(words, "X")]) if found.span]
    assert all("a b"[start:end].strip() == "a b"[start:end] for start, end, _ in spans)


INSIDE = [
    pytest.param("서울에서 왔다", "서울", "서울", id="korean"),
    pytest.param("집에 있어요", "집", "집", id="korean, one syllable"),
    pytest.param("김 민수가 왔다", "김|민수", "김 민수", id="korean, two words"),
    pytest.param("국립서울대학교에서", "서울대학교", "서울대학교", id="korean, in the middle"),
    pytest.param("Ankarada kaldım", "Ankara", "Ankara", id="turkish"),
    pytest.param("Olen Helsingissä nyt", "Helsingi", "Helsingi", id="finnish"),
    pytest.param("Soitan Onan kanssa", "Ona", "Ona", id="finnish, a short name"),
    pytest.param("Mit Ada Quills Bericht", "Ada|Quill", "Ada Quill", id="german genitive"),
    pytest.param("Der Zahnarzttermin", "Termin", "termin", id="german compound"),
    pytest.param("Am Montagmorgen", "Montag", "Montag", id="german compound, its start"),
    pytest.param("גר בירושלים", "ירושלים", "ירושלים", id="hebrew"),
    pytest.param("سافر إلى بالقاهرة", "القاهرة", "القاهرة", id="arabic"),
    pytest.param("दिल्लीमें", "दिल्ली", "दिल्ली", id="hindi"),
]


@pytest.mark.parametrize(("text", "words", "expected"), INSIDE)
def test_a_word_that_others_are_glued_to_is_located(text, words, expected):
    (found,) = locate(text, [Mention(tuple(words.split("|")), "X")])
    assert text[found.span.start : found.span.end] == expected and "inside_word" in found.statuses


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the bus", "us"),
        ("a party", "art"),
        ("the May", "y"),
        ("at 14:30", "4"),
        ("2026", "202"),
        ("e\u0301t", "e"),
        ("studied in Oxford", "Ford"),
        ("in comparison", "Paris"),
        ("an Announcement", "Ann"),
        ("the Danger", "Dan"),
        ("the mayor", "May"),
        ("in the Mission", "Sion"),
        ("a Johannesburg office", "Anne"),
    ],
)
def test_a_part_that_stands_there_by_chance_is_missing(text, word):
    (found,) = locate(text, [Mention((word,), "X")])
    assert found.span is None


def test_a_whole_word_wins_over_a_part_wherever_it_stands():
    text = "서울에서 서울 밖으로"
    (found,) = locate(text, [Mention(("서울",), "X")])
    assert (found.span.start, found.statuses) == (5, ())


def test_the_occurrence_counts_parts_as_well():
    text = "서울에서 서울까지"
    (found,) = locate(text, [Mention(("서울",), "X", 2)])
    assert (found.span.start, found.statuses) == (5, ("inside_word",))


SAME_TO_THE_EYE = [
    pytest.param("Zolta\u0301n Kova\u0301cs", "Zoltán|Kovács", id="NFD text"),
    pytest.param("Zoltán Kovács", "Zolta\u0301n|Kova\u0301cs", id="NFD words"),
    pytest.param("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국", id="Hangul in parts"),
    pytest.param("２０２７年", "2027年", id="full width"),
    pytest.param("ﬁnal oﬃce", "final|office", id="ligatures"),
    pytest.param("ｶﾞｰﾄﾞ", "ガード", id="half-width kana"),
    pytest.param("Ter\u00admin", "Termin", id="soft hyphen"),
    pytest.param("Ter\u200bmin", "Termin", id="zero-width space"),
    pytest.param("\u200eAda\u200f", "\u202aAda\u202c", id="marks of direction"),
    pytest.param("\ufeffAda", "Ada\ufeff", id="byte order mark"),
    pytest.param("می\u200cخواهم", "میخواهم", id="zero-width non-joiner"),
    pytest.param("محـــمد", "محمد", id="tatweel"),
    pytest.param("ﻣﺤﻤﺪ", "محمد", id="presentation forms"),
    pytest.param("İzmir", "I\u0307zmir", id="dotted capital"),
    pytest.param("DIYARBAKIR", "Diyarbakır", id="dotless i"),
    pytest.param("Straße", "STRASSE", id="sharp s"),
    pytest.param("10 m²", "10|m2", id="superscript"),
    pytest.param("Teil Ⅳ", "Teil|IV", id="number sign"),
    pytest.param("9\u20119", "9-9", id="non-breaking hyphen"),
    pytest.param("❤\ufe0f Ada", "❤|Ada", id="variation selector"),
    pytest.param("weiter…", "weiter...", id="ellipsis"),
]


@pytest.mark.parametrize(("text", "words"), SAME_TO_THE_EYE)
def test_what_looks_the_same_is_located(text, words):
    front = "İ e\u0301 ﬁ – "
    (found,) = locate(front + text + " x", [Mention(tuple(words.split("|")), "X")])
    assert found.span is not None and not {"missing", "split", "inside_word"} & set(found.statuses)
    start, end = found.span.start, found.span.end
    assert fold_loosely((front + text)[start:end]).text.strip() == fold_loosely(text).text.strip()


@given(st.text(st.characters(), max_size=12), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]), st.text(max_size=5))
def test_every_form_of_a_text_folds_alike_and_leads_back(text, form, front):
    folded = fold_loosely(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends))
    assert folded.starts == sorted(folded.starts) and folded.ends == sorted(folded.ends)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), st.sampled_from(["NFC", "NFD"]))
def test_a_word_in_another_form_is_located_as_a_whole(word, form):
    text = f"see {unicodedata.normalize(form, word)} now"
    (found,) = locate(text, [Mention((word,), "X")])
    if fold_loosely(word).text.strip():
        assert found.span is not None and text[found.span.start : found.span.end] == text[4:-4]
