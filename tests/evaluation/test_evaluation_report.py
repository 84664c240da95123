import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Callable, Optional

import pytest
from spacy.training import Example

from spacy_slm_ner.evaluation.calibration import Calibration, ScoredPrediction
from spacy_slm_ner.evaluation.evaluate import Evaluation, char_spans
from spacy_slm_ner.evaluation.intents import score_intents
from spacy_slm_ner.evaluation.pairing import pair_spans
from spacy_slm_ner.evaluation.report import confusion_rows, render_report
from spacy_slm_ner.evaluation.strict import agreed_scores
from spacy_slm_ner.records.html import PALETTE

Metrics = dict[str, Any]
MakeMetrics = Callable[..., Metrics]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SCRIPT = "<script>alert(1)</script>"


@dataclass
class Element:
    """A node of the page: what it is, and what text it holds."""

    tag: str
    attributes: dict[str, Optional[str]]
    parts: list[str] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """All elements below of this tag and these attributes, in order."""
        own = [child for child in self.children if child.tag == tag and attributes.items() <= child.attributes.items()]
        return [*own, *(found for child in self.children for found in child.all(tag, **attributes))]

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


class Page(HTMLParser):
    """Reads a page, and fails where a tag is not closed by its own end tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(html)
        self.close()
        assert [element.tag for element in self.open] == [""], "tags are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        self.handle_data(" ")
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> in {self.getpos()} ends another tag"
        self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.parts.append(data)

    def cards(self, pipeline: int) -> list[str]:
        """Texts of the error cards of a pipeline."""
        (section,) = self.root.all("section", **{"data-pipeline": str(pipeline)})
        return [card.text for card in section.all("article")]


@pytest.fixture
def metrics(example: Callable[[str, str, str], Example]) -> MakeMetrics:
    """Makes the metrics of a pipeline from texts: words, gold tags, predicted tags, and optionally both intents."""

    def make(name: str, *texts: tuple[str, ...]) -> Metrics:
        examples = [example(*text[:3]) for text in texts]
        for eg, (_, _, _, *intents) in zip(examples, texts):
            for doc, intent in zip((eg.reference, eg.predicted), intents):
                doc.cats = {intent: 1.0}
        pairs = [pair_spans(char_spans(eg.reference), char_spans(eg.predicted)) for eg in examples]
        intents = score_intents([eg.reference for eg in examples], [eg.predicted for eg in examples])
        figures = Evaluation(examples, pairs, agreed_scores(examples), intents, 1234.5).to_dict()
        return {
            "name": name,
            "model": "training/model",
            "data": "corpus/test.spacy",
            "machine": "a machine",
            "megabytes": 1.5,
            **figures,
        }

    return make


RIGHT = ("Ada comes today", "B-NAME O B-DATE", "B-NAME O B-DATE")
MISSED = ("Bob comes tomorrow", "B-NAME O B-DATE", "O O B-DATE")
SPURIOUS = ("nobody comes", "O O", "B-NAME O")
WRONG_LABEL = ("Jun comes", "B-NAME O", "B-DATE O")
WRONG_BOUNDARY = ("May 4 is off", "B-DATE I-DATE O O", "B-DATE O O O")


def test_page_is_balanced_and_links_to_nothing_outside(metrics: MakeMetrics) -> None:
    html = render_report([metrics("one", RIGHT, MISSED, WRONG_LABEL), metrics("two", RIGHT, SPURIOUS, WRONG_BOUNDARY)], "Test")
    page = Page(html)
    assert [len(page.root.all(tag)) for tag in ("html", "head", "body", "style", "script", "section")] == [1, 1, 1, 1, 1, 2]
    assert not re.search(r"https?:|[\"'(]//|url\(|@import|\b(src|href)=|<link", html)


def test_every_error_has_its_card_and_right_texts_have_none(metrics: MakeMetrics) -> None:
    first = metrics("one", RIGHT, MISSED, RIGHT, SPURIOUS, WRONG_LABEL, WRONG_BOUNDARY)
    second = metrics("two", MISSED, RIGHT)
    page = Page(render_report([first, second], "Test"))
    heads = [re.match(r"no\. \d+ [a-z ]+? gold", card) for card in page.cards(0)]
    assert [head and head.group() for head in heads] == [
        "no. 2 missed gold",
        "no. 4 spurious gold",
        "no. 5 wrong label gold",
        "no. 6 wrong boundary gold",
    ]
    assert [card.startswith("no. 1 missed") for card in page.cards(1)] == [True]


def test_card_shows_the_text_with_gold_and_predicted_entities(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", MISSED)], "Test"))
    assert page.cards(0) == ["no. 1 missed gold Bob NAME comes tomorrow DATE predicted Bob comes tomorrow DATE"]


def test_card_lists_every_kind_and_label_of_its_errors(metrics: MakeMetrics) -> None:
    mixed = ("Jun comes on May 4 at noon", "B-NAME O O B-DATE I-DATE O B-TIME", "B-DATE O B-DATE I-DATE I-DATE O B-TIME")
    (card,) = Page(render_report([metrics("one", mixed)], "Test")).root.all("article")
    assert card.attributes["data-kinds"] == "wrong_boundary wrong_label"
    assert card.attributes["data-labels"] == "DATE\nNAME"


def test_page_without_errors_says_so(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", RIGHT), metrics("two", MISSED)], "Test"))
    assert page.cards(0) == []
    assert [section.text.count("No errors.") for section in page.root.all("section")] == [1, 0]


def test_wrong_intent_alone_makes_a_card(metrics: MakeMetrics) -> None:
    texts = [(*RIGHT, "cancel", "inquiry"), (*RIGHT, "cancel", "cancel")]
    page = Page(render_report([metrics("one", *texts)], "Test"))
    assert [card.split(" gold ")[0] for card in page.cards(0)] == ["no. 1 intent: cancel read as inquiry"]


def test_intents_that_only_one_side_has_are_no_error(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", (*RIGHT, "cancel"))], "Test"))
    assert page.cards(0) == []


def test_pipeline_without_intents_has_dashes_and_no_table_of_intents(metrics: MakeMetrics) -> None:
    with_intents = metrics("one", (*RIGHT, "cancel", "cancel"), (*RIGHT, "cancel", "inquiry"))
    page = Page(render_report([with_intents, metrics("two", RIGHT)], "Test"))
    first, second = page.root.all("tbody")[0].all("tr")
    assert [cell.text for cell in first.all("td")][-5:] == ["0.500", "0.333", "–", "1,234", "1.5"]
    assert [cell.text for cell in second.all("td")][-5:] == ["–", "–", "–", "1,234", "1.5"]
    headings = [heading.text for heading in page.root.all("h3")]
    assert "one: intents" in headings
    assert "two: intents" not in headings


def test_figures_stand_beside_the_name_of_their_pipeline(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", RIGHT, WRONG_BOUNDARY), metrics("two", RIGHT)], "Test"))
    rows = [[cell.text for cell in row.all("td")] for row in page.root.all("tbody")[0].all("tr")]
    assert [row[:3] for row in rows] == [["0.667", "0.667", "0.667"], ["1.000", "1.000", "1.000"]]
    assert [row[4:6] for row in rows] == [["0.833", "1.000"], ["1.000", "1.000"]]
    assert [cell.text for cell in page.root.all("td", **{"class": "best"})] == ["1.000"]


def test_errors_are_counted_by_kind(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", RIGHT, MISSED, MISSED, WRONG_BOUNDARY, WRONG_LABEL)], "Test"))
    (panel,) = [p for p in page.root.all("div", **{"class": "panel"}) if p.text.startswith("one: errors by kind")]
    bars = [bar.text for bar in panel.all("div", **{"class": "bar"})]
    assert bars == ["wrong boundary 1", "wrong label 1", "missed 2", "spurious 0"]
    assert "4 entities are right." in panel.text


def test_label_that_only_one_pipeline_has_is_shown_for_both(metrics: MakeMetrics) -> None:
    noon = ("at noon", "O B-TIME", "O B-TIME")
    page = Page(render_report([metrics("one", RIGHT, noon), metrics("two", RIGHT)], "Test"))
    panels = {panel.all("h3")[0].text: panel for panel in page.root.all("div", **{"class": "panel"}) if panel.all("mark")}
    assert [bar.text for bar in panels["TIME"].all("div", **{"class": "bar"})] == ["one 1.000", "two 0.000"]
    (select,) = page.root.all("select", id="label")
    assert [option.text for option in select.all("option")] == ["all labels", "DATE", "NAME", "TIME"]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(("DATE", "TIME"), id="upper-case"),
        pytest.param(("date", "time"), id="lower-case"),
    ],
)
def test_entities_in_the_texts_have_the_colour_of_their_label(metrics: MakeMetrics, labels: tuple[str, str]) -> None:
    page = Page(render_report([metrics("one", ("a b", f"B-{labels[0]} B-{labels[1]}", "O O"))], "Test"))
    colours = [re.findall("#[0-9a-f]{6}", mark.attributes["style"] or "") for mark in page.root.all("mark")]
    legend, entities = colours[:2], colours[2:]
    assert entities == legend
    assert legend[0] != legend[1]


def test_more_labels_than_colours(metrics: MakeMetrics) -> None:
    tags = " ".join(f"B-L{i}" for i in range(len(PALETTE) + 1))
    page = Page(render_report([metrics("one", ("w " * (len(PALETTE) + 1), tags, tags))], "Test"))
    colours = [mark.attributes["style"] for mark in page.root.all("mark")]
    assert len(colours) == len(PALETTE) + 1
    assert colours[0] == colours[-1] != colours[1]


def test_title_stands_in_the_head_and_on_the_page(metrics: MakeMetrics) -> None:
    page = Page(render_report([metrics("one", RIGHT)], "Scheduling & more"))
    assert page.root.all("title")[0].text == page.root.all("h1")[0].text == "Scheduling & more"


HOSTILE = (f"Bob {SCRIPT} &amp; left", "B-NAME O O O", "O B-NAME O O")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda metrics: ([metrics("one", HOSTILE)], "Test"), id="text"),
        pytest.param(lambda metrics: ([metrics("one", MISSED)], SCRIPT), id="title"),
        pytest.param(lambda metrics: ([metrics(SCRIPT, MISSED)], "Test"), id="name"),
        pytest.param(lambda metrics: ([metrics("one", (*MISSED, "cancel", SCRIPT))], "Test"), id="intent"),
        pytest.param(lambda metrics: ([{**metrics("one", MISSED), "data": SCRIPT}], "Test"), id="path"),
        pytest.param(
            lambda metrics: ([metrics("one", ("Bob comes", f"B-{SCRIPT} O", "O O"))], "Test"),
            id="label",
        ),
    ],
)
def test_user_text_is_escaped(metrics: MakeMetrics, write: Callable) -> None:
    html = render_report(*write(metrics))
    page = Page(html)
    assert SCRIPT not in html
    assert len(page.root.all("script")) == 1
    assert SCRIPT in page.root.text


def test_card_shows_special_characters_as_they_are(metrics: MakeMetrics) -> None:
    (card,) = Page(render_report([metrics("one", HOSTILE)], "Test")).cards(0)
    assert f"gold Bob NAME {SCRIPT} &amp; left predicted Bob {SCRIPT} NAME &amp; left" in card


def test_card_keeps_the_lines_of_a_text(metrics: MakeMetrics) -> None:
    made = metrics("one", MISSED)
    made["texts"][0]["text"] = "Bob comes\ntomorrow"
    (card,) = Page(render_report([made], "Test")).root.all("article")
    assert len(card.all("br")) == 2


def test_confusion_table_is_square_with_outside_last() -> None:
    assert confusion_rows([("O", "TIME", 2), ("TIME", "TIME", 5), ("ZIP", "O", 1)]) == {
        "TIME": {"TIME": 5, "ZIP": 0, "O": 0},
        "ZIP": {"TIME": 0, "ZIP": 0, "O": 1},
        "O": {"TIME": 2, "ZIP": 0, "O": 0},
    }
    assert list(confusion_rows([("O", "TIME", 2), ("ZIP", "TIME", 5)])) == ["TIME", "ZIP", "O"]


def test_scores_are_shown_as_a_reliability_diagram_and_a_threshold_table(metrics: MakeMetrics) -> None:
    predictions = [ScoredPrediction(0.95, True), ScoredPrediction(0.9, True), ScoredPrediction(0.35, False)]
    page = Page(render_report([{**metrics("one", RIGHT), "calibration": Calibration(predictions, 3).to_dict()}], "Test"))
    assert page.root.all("tbody")[0].all("td")[-3].text == "0.167"
    assert [circle.text for circle in page.root.all("circle")] == [
        "1 entities of score 0.3 to 0.4: 0.00 are right",
        "2 entities of score 0.9 to 1.0: 1.00 are right",
    ]
    (panel,) = [div for div in page.root.all("div") if div.attributes.get("class") == "panel" and "threshold does" in div.text]
    rows = {row.all("th")[0].text: [cell.text for cell in row.all("td")] for row in panel.all("tr")[1:]}
    assert rows["0.00"] == ["0.667", "0.667", "0.667"]
    assert rows["0.40"] == ["1.000", "0.667", "0.800"]


def test_a_pipeline_without_scores_has_no_reliability_diagram(metrics: MakeMetrics) -> None:
    assert Page(render_report([metrics("one", RIGHT)], "Test")).root.all("svg") == []
