"""Docs as CoNLL."""

import json
from typing import Iterator

from spacy.tokens import Doc


def conll_lines(doc: Doc) -> Iterator[bytes]:
    """Write the words of a Doc with their IOB2 tags, separated by tabs; white space is left out.

    doc (Doc): The Doc, whose `user_data["row"]` goes into a comment before it.
    """
    yield f"# {json.dumps(doc.user_data['row'])}\n".encode("ascii")
    begins = True
    for token in doc:
        # An entity that begins with white space begins at its first word.
        begins = token.ent_iob_ == "B" or (begins and token.ent_iob_ == "I")
        if not token.is_space:
            tag = f"{'B' if begins else 'I'}-{token.ent_type_}" if token.ent_type_ else "O"
            yield f"{token.text}\t{tag}\n".encode()
            begins = False
    yield b"\n"
