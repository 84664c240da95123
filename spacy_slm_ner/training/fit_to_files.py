"""Files that a config names, taken into the config, so that a trained pipeline needs them no more."""

from pathlib import Path

from spacy.language import Language

from ..formats.prompt_examples import read_examples
from ..labels.guidelines import read_guidelines


def take_prompt_files(nlp: Language) -> None:
    """Put guidelines and examples of prompts in the place of the names of their files.

    nlp (Language): Pipeline with the config of its training, which is changed.
    RAISES (ReadError): If a file cannot be read, or holds something else.
    """
    for config in nlp.config["components"].values():
        form = config.get("format")
        # A format may hold another one.
        while isinstance(form, dict):
            if isinstance(form.get("guidelines"), str):
                form["guidelines"] = read_guidelines(Path(form["guidelines"])).to_config()
            if isinstance(form.get("examples"), str):
                form["examples"] = [example.model_dump(mode="json") for example in read_examples(Path(form["examples"]))]
            form = form.get("format")
