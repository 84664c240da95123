"""The choice of the texts that are most worth asking about."""

from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from spacy.language import Language

from ..documents.read import Document
from ..errors import ReadError
from ..records.duplicates import NearIndex
from .endpoints import endpoints_of
from .files import LabelFiles
from .texts import Text, check_texts, explain_unusable
from .worth import Worth, measure_worth


class Chooser(NamedTuple):
    """Chooses texts.

    number (int): How many.
    cheap (Language): Pipeline whose doubts decide.
    against (Optional[Language]): Pipeline whose disagreement with it decides first.
    """

    number: int
    cheap: Language
    against: Optional[Language] = None

    def require_free(self) -> None:
        """RAISES (ReadError): If one of the pipelines asks an endpoint, which would be paid for every text."""
        for option, nlp in (("--cheap", self.cheap), ("--against", self.against)):
            if nlp is not None and endpoints_of(nlp):
                raise ReadError(
                    f"The pipeline of {option} asks an endpoint, which would be paid for all texts. Name a local one."
                )

    def choose(self, texts: Sequence[Text]) -> list[Text]:
        """Choose from texts that can be labelled."""
        worth = measure_worth([document.text for _, document in texts], self.cheap, self.against)
        return choose(texts, worth, self.number)


def select_texts(read: Callable[[], Iterator[Document]], files: LabelFiles, nlp: Language, chooser: Chooser) -> list[Text]:
    """Select the texts of a run, the most worthy first. The choice of an earlier process stands.

    read (Callable[[], Iterator[Document]]): Reads the input.
    files (LabelFiles): Files of the run.
    nlp (Language): Pipeline that is to label them.
    chooser (Chooser): Chooses them.
    RETURNS (list[Text]): Texts that cannot be labelled, so that each is accounted for, and the chosen ones.
    """
    texts = list(check_texts(read(), ()))
    usable = {key: document for key, document in texts if not explain_unusable(document, nlp)}
    if files.chosen is None:
        files.choose([key for key, _ in chooser.choose(list(usable.items()))])
    return [text for text in texts if text[0] not in usable] + [(key, usable[key]) for key in files.chosen or []]


def choose(texts: Sequence[Text], worth: Sequence[Worth], number: int) -> list[Text]:
    """Choose the texts of the greatest worth, of which no two are nearly the same.

    The hash of a text decides between equals, so that they come from all parts of the input, and the same ones each time.

    texts (Sequence[Text]): All texts.
    worth (Sequence[Worth]): Worth of each.
    number (int): How many to choose.
    RETURNS (list[Text]): The chosen ones, the most worthy first; fewer if there are no more that differ.
    """
    order = sorted(range(len(texts)), key=lambda i: (-worth[i].disagreement, -worth[i].doubt, texts[i][0].digest, i))
    index = NearIndex()
    chosen: list[Text] = []
    for i in order:
        if len(chosen) == number:
            break
        text = texts[i][1].text
        if not index.near(text):
            index.add(text)
            chosen.append(texts[i])
    return chosen
