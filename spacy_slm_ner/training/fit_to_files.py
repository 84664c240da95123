"""Files that a config names, taken into the config, so that a trained pipeline needs them no more."""

from pathlib import Path

from spacy.language import Language

from ..labels.guidelines import read_guidelines


def take_guidelines(nlp: Language) -> None:
    """Put guidelines in the place of the names of their files.

    nlp (Language): Pipeline with the config of its training, which is changed.
    RAISES (ReadError): If a file cannot be read, or holds something else.
    """
    for config in nlp.config["components"].values():
        form = config.get("format")
        if isinstance(form, dict) and isinstance(form.get("guidelines"), str):
            form["guidelines"] = read_guidelines(Path(form["guidelines"])).to_config()
