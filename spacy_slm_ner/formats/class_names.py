"""Names of Python classes for labels, for prompts that are code."""

import keyword
import unicodedata
from typing import Iterable

# Names that the prompt's code has for something else.
RESERVED = frozenset({"Entity", "Optional", "dataclass", "int", "intent", "occurrence", "result", "span", "str", "text"})


def name_classes(labels: Iterable[str]) -> dict[str, str]:
    """Name a class for each label: the label itself where that is a name, else one as much like it as possible.

    labels (Iterable[str]): Labels.
    RETURNS (dict[str, str]): Name of the class by label. Names differ, also if case is ignored where labels do.
    """
    labels = list(labels)
    names = {label: label for label in labels if is_class_name(label)}
    for label in labels:
        if label not in names:
            names[label] = free_name(readable_name(label), {name.casefold() for name in names.values()})
    return {label: names[label] for label in labels}


def is_class_name(text: str) -> bool:
    """Whether a text can name a class, and is read back as it is: Python normalizes the names in its code."""
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and not text.startswith("__")
        and text not in RESERVED
        and unicodedata.normalize("NFKC", text) == text
    )


def readable_name(label: str) -> str:
    """Write a label as a name, with an underscore for each character that a name cannot hold."""
    chars = unicodedata.normalize("NFKC", label)
    name = "".join(char if f"a{char}".isidentifier() else "_" for char in chars)
    return next((one for one in (name, f"Label_{name}") if is_class_name(one)), "Label")


def free_name(name: str, taken: set[str]) -> str:
    """Return a name with the lowest number that makes it differ from others."""
    number = 1
    numbered = name
    while numbered.casefold() in taken:
        number += 1
        numbered = f"{name}_{number}"
    return numbered
