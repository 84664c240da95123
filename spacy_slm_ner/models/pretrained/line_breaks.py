"""Line breaks for tokenizers that drop them.

WordPiece tokenizers of the BERT family read a line break as a space, so a model cannot see where a greeting or a signature
ends: in "Ada Quill\\nTel. 12" the name seems to go on. Their vocabularies keep unused pieces; one of them can stand
for the line break.
"""

import json
import logging
from pathlib import Path
from typing import Any, Optional

from tokenizers import Tokenizer

from .origin import drop_origin

logger = logging.getLogger("spacy_slm_ner")

# BERT's vocabularies have it, the cased and the uncased ones.
UNUSED = "[unused1]"


def mark_line_breaks(folder: Path) -> Optional[str]:
    """Let an unused piece of a tokenizer stand for the line break. Offsets into the text stay right.

    folder (Path): Folder of a pretrained model; the files of its tokenizer are rewritten.
    RETURNS (Optional[str]): The piece; None, and nothing changed, if the tokenizer keeps line breaks anyway, has no unused
        piece, or the folder has no tokenizer.json.
    """
    # The command `base` needs them here alone.
    from .tokenizer_files import FILE, load_tokenizer, save_tokenizer

    path = folder / FILE
    if not path.is_file() or keeps_line_breaks(Tokenizer.from_file(str(path))):
        return None
    settings = json.loads(path.read_text(encoding="utf8"))
    if UNUSED not in settings["model"].get("vocab", {}):
        logger.warning("The tokenizer in %s drops line breaks, and has no piece %s to stand for them.", folder, UNUSED)
        return None
    drop_origin(folder)
    add_piece(settings, UNUSED)
    save_tokenizer(load_tokenizer(folder), folder, json.dumps(settings))
    return UNUSED


def keeps_line_breaks(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer tells a line break from a space."""
    return list(tokenizer.encode("a\nb").ids) != list(tokenizer.encode("a b").ids)


def add_piece(settings: dict[str, Any], piece: str) -> None:
    """Rewrite a tokenizer's settings: line breaks become the piece before anything else is normalized."""
    replace = {"type": "Replace", "pattern": {"String": "\n"}, "content": f" {piece} "}
    normalizers = [replace, settings["normalizer"]] if settings.get("normalizer") else [replace]
    settings["normalizer"] = {"type": "Sequence", "normalizers": normalizers}
    shape = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    added = {"id": settings["model"]["vocab"][piece], "content": piece, **shape}
    settings["added_tokens"] = sorted([*settings.get("added_tokens", []), added], key=lambda token: token["id"])
