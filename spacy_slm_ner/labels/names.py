"""Valid names of labels and intents."""

import unicodedata
from typing import Any

# Unicode categories: control characters and line breaks, lone surrogates, line and paragraph separators.
UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_name(name: Any) -> bool:
    """Whether a value is a valid name of a label or an intent: text on one line, without white space at its ends."""
    if not isinstance(name, str) or not name or name != name.strip():
        return False
    return not any(unicodedata.category(char) in UNWRITABLE for char in name)
