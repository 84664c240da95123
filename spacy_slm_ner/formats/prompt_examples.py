"""Labelled texts that a prompt shows: read from a DocBin, or written out in a config."""

from pathlib import Path
from typing import Any, Iterable, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from ..errors import ReadError
from ..user_files import faults_of


class PromptExample(BaseModel):
    """A labelled text.

    words (tuple[str, ...]): Its tokens.
    spaces (tuple[bool, ...]): Whether a space follows each.
    ents (tuple[tuple[int, int, str], ...]): Entities: first token, token after the last one, label.
    cats (dict[str, float]): Its intents with 1.0 or 0.0; empty if it has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...]
    spaces: tuple[bool, ...]
    ents: tuple[tuple[int, int, str], ...] = ()
    cats: dict[str, float] = {}

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(word + " " * space for word, space in zip(self.words, self.spaces))

    def to_doc(self, vocab: Vocab, labels: Sequence[str]) -> Doc:
        """Make a Doc with the entities of some labels, and the intents."""
        doc = Doc(vocab, words=list(self.words), spaces=list(self.spaces))
        doc.ents = [Span(doc, start, end, label) for start, end, label in self.ents if label in labels]
        doc.cats = dict(self.cats)
        return doc


def read_examples(path: Path) -> list[PromptExample]:
    """Read the Docs of a DocBin.

    RAISES (ReadError): If it cannot be read, or holds no Docs with entity annotation.
    """
    try:
        docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    except OSError as error:
        raise ReadError(f"Cannot read {path}: {error.strerror}. Name a DocBin that `convert` wrote.") from None
    except Exception as error:
        raise ReadError(f"{path} is not a DocBin ({error}). Name a file that `convert` wrote, such as train.spacy.") from None
    examples = [from_doc(doc) for doc in docs if len(doc) and doc.has_annotation("ENT_IOB")]
    if not examples:
        raise ReadError(f"{path} holds no texts with entity annotation. Name a DocBin that `convert` wrote, such as train.spacy.")
    return examples


def from_doc(doc: Doc) -> PromptExample:
    """Make an example of a Doc with gold annotation."""
    return PromptExample(
        words=tuple(token.text for token in doc),
        spaces=tuple(bool(token.whitespace_) for token in doc),
        ents=tuple((ent.start, ent.end, ent.label_) for ent in doc.ents),
        cats=dict(doc.cats),
    )


def parse_examples(entries: Iterable[Any]) -> list[PromptExample]:
    """Read the examples of a config.

    RAISES (ReadError): If one is something else, or its numbers do not fit its words.
    """
    examples = []
    for number, entry in enumerate(entries, 1):
        try:
            example = PromptExample.model_validate(entry)
            example.to_doc(Vocab(), [label for *_, label in example.ents])
        except ValidationError as error:
            raise ReadError(f"Example {number} of the config: {faults_of(error, 'an example')}.") from None
        except (ValueError, IndexError) as error:
            raise ReadError(f"Example {number} of the config: its spaces or ents do not fit its words: {error}") from None
        examples.append(example)
    if not examples:
        raise ReadError("The config has no examples. Name a DocBin that `convert` wrote, such as train.spacy.")
    return examples
