"""The files of a tokenizer, read and written such that every version of transformers cuts a text into the same pieces.

Versions differ in what they take from a folder: from 5 on, the classes of some models make a tokenizer of their own from its
vocabulary, whatever else tokenizer.json says; and what one version writes names classes that another does not have. The plain
class alone takes the file as it is, so that is what is written.
"""

import json
import re
from pathlib import Path
from typing import Any, Optional

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from ...errors import BaseModelError

FILE, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
VOCABULARIES = (FILE, "*vocab*", "*.model", "*.tiktoken")
# The plain class, which takes the file as it is: its name in all versions, and the one that transformers writes from 5 on.
PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")
# What is kept beside the file.
NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
SETTINGS = ("model_max_length", "model_input_names", "clean_up_tokenization_spaces")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the tokenizer of a base.

    folder (Path): As the hub has it, or as `save_tokenizer` or any version of transformers has written it.
    RAISES (BaseModelError): If it has no fast one.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf8")) if (folder / CONFIG).is_file() else {}
    if config.get("tokenizer_class") in PLAIN and (folder / FILE).is_file():
        return plain_tokenizer(Tokenizer.from_file(str(folder / FILE)), config, template_of(folder, config))
    if not any(file for pattern in VOCABULARIES for file in folder.glob(pattern)):
        # Some versions make an empty one in its place.
        raise BaseModelError(f"The base in {folder} has no tokenizer. It needs a {FILE}, or a vocabulary that gives one.")
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise BaseModelError(f"The base in {folder} has no fast tokenizer ({FILE}), which is needed.")
    if (folder / FILE).is_file():
        filed = Tokenizer.from_file(str(folder / FILE))
        if steps(filed) != steps(tokenizer.backend_tokenizer):
            return plain_tokenizer(filed, kept_of(tokenizer), tokenizer.chat_template)
    return tokenizer


def steps(tokenizer: Tokenizer) -> list[list[str]]:
    """Kinds of the steps before the model of a tokenizer. Their settings may be those of its config, such as lower case."""
    settings = json.loads(tokenizer.to_str())
    return [re.findall('"type": "([^"]*)"', json.dumps(settings[part])) for part in ("normalizer", "pre_tokenizer")]


def template_of(folder: Path, config: dict[str, Any]) -> Any:
    """Return the chat template, which is a file of its own or a part of the config."""
    file = folder / TEMPLATE
    return file.read_text(encoding="utf8") if file.is_file() else config.get("chat_template")


def plain_tokenizer(tokenizer: Tokenizer, config: dict[str, Any], template: Any) -> PreTrainedTokenizerFast:
    """Make a tokenizer of the plain class.

    config (dict[str, Any]): Of which `NAMES`, texts or what transformers writes in their place, and `SETTINGS` are taken.
    template (Any): Of chats, or None.
    """
    found = {name: config[name] for name in (*NAMES, *SETTINGS) if config.get(name) is not None}
    texts = {name: value["content"] if isinstance(value, dict) else value for name, value in found.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, **texts)


def kept_of(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return what is kept of a tokenizer beside its file."""
    found = {name: getattr(tokenizer, name, None) for name in (*NAMES, *SETTINGS)}
    return {name: str(value) if name in NAMES else value for name, value in found.items() if value is not None}


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path, settings: Optional[str] = None) -> None:
    """Write a tokenizer for any version of transformers.

    folder (Path): Is made if it is not there.
    settings (Optional[str]): Content of its tokenizer.json, if that is not to be its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bare = Tokenizer.from_str(settings or tokenizer.backend_tokenizer.to_str())
    # What calls have set, and not the model.
    bare.no_truncation()
    bare.no_padding()
    bare.save(str(folder / FILE))
    config = {"tokenizer_class": PLAIN[0], **kept_of(tokenizer)}
    if tokenizer.chat_template:
        config["chat_template"] = tokenizer.chat_template
    (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf8")
    # One that is there would come before that of the config.
    (folder / TEMPLATE).unlink(missing_ok=True)
