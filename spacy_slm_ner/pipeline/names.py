"""Which names labels and intents may have, so that every format can write them and read them back."""

from typing import Any, Sequence

from ..errors import LabelError

MARKS = ":<>[]/\\"


def check_name(name: Any, kind: str, others: Sequence[str]) -> None:
    """RAISES (LabelError): If something cannot be the name of a label or an intent beside the others of its kind."""
    if not isinstance(name, str) or not name or not name.isprintable() or name != name.strip() or set(name) & set(MARKS):
        raise LabelError(
            f"Got {name!r} among the {kind}. Allowed is text on one line, without white space at its ends and without "
            f"{' '.join(MARKS)}."
        )
    if name.casefold() in map(str.casefold, others):
        raise LabelError(f"Got {name!r} among the {kind}, which differs from another one in case only. Rename one of them.")
