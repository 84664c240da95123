"""Recognition of files that hold labelled texts in other formats than records, with advice on how to convert them."""

from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

OFFSETS = (
    "`doc.char_span(start, end, label)` of spaCy makes entities of offsets, and `doc_to_record` in "
    "`spacy_slm_ner.records.doc_to_record` makes records of Docs"
)


class OtherFormat(NamedTuple):
    """A format that other tools write.

    name (str): Name for messages.
    fits (Callable[[Any], bool]): Whether an entry of a file has this format.
    advice (str): How to convert it to records.
    """

    name: str
    fits: Callable[[Any], bool]
    advice: str


def has(*names: str) -> Callable[[Any], bool]:
    """Return a test for JSON objects with these names."""
    return lambda entry: isinstance(entry, Mapping) and set(names) <= entry.keys()


def has_list(name: str, of: type) -> Callable[[Any], bool]:
    """Return a test for JSON objects with a name whose value is a list of a type that is not empty."""

    def fits(entry: Any) -> bool:
        values = entry.get(name) if isinstance(entry, Mapping) else None
        return isinstance(values, list) and bool(values) and all(isinstance(value, of) for value in values)

    return fits


def is_pair(entry: Any) -> bool:
    """Whether an entry is `[text, {"entities": ...}]`."""
    return isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], Mapping)


CONLL = 'export it as "CONLL2003" and use --format conll'
# The first format that fits is used.
OTHER_FORMATS = (
    OtherFormat("an export of Label Studio", has("data", "annotations"), CONLL),
    OtherFormat("an export of Label Studio (JSON_MIN)", has("text", "annotator"), CONLL),
    OtherFormat("training data of spaCy 2", is_pair, OFFSETS),
    OtherFormat(
        "an export of Prodigy",
        has("text", "spans"),
        "`prodigy data-to-spacy` writes DocBin files, which need no conversion",
    ),
    OtherFormat(
        "token classification data of the Hugging Face hub",
        has("tokens", "ner_tags"),
        "write a line for each token with the name of its tag, an empty line behind each text, and use --format conll",
    ),
    OtherFormat("an export of doccano", has_list("label", list), OFFSETS),
    OtherFormat("an export of doccano", has_list("labels", list), OFFSETS),
    OtherFormat("texts with offsets", has("text", "entities"), OFFSETS),
    OtherFormat("texts with offsets", has("text", "ents"), OFFSETS),
    OtherFormat(
        "texts with a list of label names",
        has_list("labels", str),
        "list the words of the entities, each with its label",
    ),
    OtherFormat(
        "texts with labels by word",
        lambda entry: has("text", "labels")(entry) and isinstance(entry["labels"], Mapping),
        "list the words as objects, in the order of the text",
    ),
    OtherFormat(
        "texts without labels",
        lambda entry: isinstance(entry, str) or (has("text")(entry) and len(entry) == 1),
        "label them first; a text without entities has an empty list of labels",
    ),
)


def describe_entries(entries: Sequence[Any]) -> Optional[str]:
    """Describe the entries of a file, if all have one known format, and how to convert them."""
    for format in OTHER_FORMATS:
        if entries and all(format.fits(entry) for entry in entries):
            return f"It looks like {format.name}: {format.advice}."
    return None


def describe_text(content: str) -> Optional[str]:
    """Describe a file that is no JSON, and how to convert it."""
    lines = [line for line in content.split("\n") if line.strip()][:20]
    rows = [line.split() for line in lines]
    if rows and all(len(row) >= 2 and (row[-1] == "O" or row[-1][:2] in ("B-", "I-", "S-", "U-", "L-", "E-")) for row in rows):
        return "It looks like CoNLL columns: use --format conll."
    for name, separator in (("comma", ","), ("tab", "\t"), ("semicolon", ";")):
        if (
            len(lines) > 1
            and lines[0].count(separator)
            and "text" in lines[0].lower()
            and not lines[0].lstrip().startswith(("{", "["))
        ):
            return f"It looks like a table with {name}s between its columns: write a JSON object for each row instead."
    if any(line.startswith(("domain:", "labels:")) for line in lines):
        return "It looks like a spec for `generate`: name the file of records that `generate` wrote."
    return None


def describe_document(document: Any) -> Optional[str]:
    """Describe where the records of a JSON document may be, if it holds a list under another name."""
    if not isinstance(document, Mapping):
        return None
    names = [name for name, value in document.items() if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    return f'Its list {names[0]!r} may be meant: rename it to "dataset".' if len(names) == 1 else None
