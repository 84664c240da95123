"""Names of labels and intents: which are allowed, and how files and command lines hold them."""

import json
import re
from typing import Sequence

from ..errors import LabelError
from ..labels import OUTSIDE
from ..labels.names import is_name

# What CSV, a shell, weasel or JSON would read as something else.
NEEDS_LIST = re.compile(r"""[,"'\\$\[\]{}]""")
NEEDS_NUMBER = re.compile(r"""["'\\$]""")


def require_names(names: Sequence[str], kind: str) -> None:
    """Check the names of labels or intents.

    kind (str): "labels" or "intents".
    RAISES (LabelError): If one cannot be a name, or two differ in case only or not at all.
    """
    for number, name in enumerate(names):
        if not is_name(name) or name.upper() == OUTSIDE:
            raise LabelError(
                f"Got {name!r} among the {kind}. Allowed is text on one line, without white space at its ends and without "
                f"control characters, that is not {OUTSIDE!r}. Name it otherwise."
            )
        if name.casefold() in map(str.casefold, names[:number]):
            raise LabelError(
                f"Got {name!r} among the {kind}, which is there twice, or differs from another one in case only. Rename one."
            )


def as_variable(names: Sequence[str]) -> str:
    """Write names as the value of a variable in `project.yml`, whose commands have it in single quotes after --labels.

    RETURNS (str): A text with commas, or a list, where a name holds a character with a meaning. Weasel puts the texts of a list
        into a command as they are, so their quotes are written as JSON reads them, by their numbers.
    """
    if not any(map(NEEDS_LIST.search, names)):
        return as_yaml(",".join(names))
    numbered = (NEEDS_NUMBER.sub(lambda match: f"\\u{ord(match[0]):04x}", name) for name in names)
    return f"[{', '.join(map(as_yaml, numbered))}]"


def as_yaml(text: str) -> str:
    """Write a text as a double-quoted YAML scalar on one line."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
