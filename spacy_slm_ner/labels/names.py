"""Names that a label or an intent may have."""

import unicodedata
from typing import Any

# Control characters and line breaks, half characters, line and paragraph separators.
UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_name(name: Any) -> bool:
    """Whether something can be the name of a label or an intent: text on one line, without white space at its ends."""
    if not isinstance(name, str) or not name or name != name.strip():
        return False
    return not any(unicodedata.category(char) in UNWRITABLE for char in name)
