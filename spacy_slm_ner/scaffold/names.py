"""Names of labels and intents: which are allowed, and how files and command lines hold them."""

import json
import re
from typing import Sequence

from ..errors import LabelError
from ..labels import OUTSIDE
from ..labels.names import is_name

# What the shell, weasel, CSV or a JSON list reads as something else.
NEEDS_LIST = re.compile(r"""[,"'\\$\[\]{}]""")


def check_names(names: Sequence[str], kind: str) -> None:
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


def as_option(names: Sequence[str]) -> str:
    """Write names as the options --labels and --intents take them, safe in single quotes on a command line of the project."""
    if not any(map(NEEDS_LIST.search, names)):
        return ",".join(names)
    # JSON can write the marks that mean something to a shell or to weasel as numbers.
    return json.dumps(names, ensure_ascii=False).replace("'", r"\u0027").replace("$", r"\u0024")


def as_yaml(text: str) -> str:
    """Write a text as a double-quoted YAML scalar on one line."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
