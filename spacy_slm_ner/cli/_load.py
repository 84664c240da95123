"""Loading of pipelines and DocBins, with clear errors."""

import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Optional

import spacy
from click import UsageError
from spacy.cli._util import parse_config_overrides
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_model_from_config
from thinc.api import Config

from ..errors import ReadError
from ..labelling.endpoints import endpoints_of

# Packages that a tokenizer needs, without an extra of spaCy.
NO_EXTRA = {"vi": ["pyvi"]}
# Languages with spaces between words, for which the tokenizer of "xx" works as well.
SPACED = frozenset({"ko", "vi"})


def blank_pipeline(lang: str) -> Language:
    """Make a pipeline that has only a tokenizer.

    RAISES (ReadError): If spaCy does not know the language, or its tokenizer needs a package that is not installed.
    """
    try:
        spacy.util.get_lang_class(lang)
    except ImportError as error:
        raise ReadError(f"Got the language {lang!r}, which spaCy does not know: {error} Name a code such as 'en'.") from None
    try:
        nlp = spacy.blank(lang)
        nlp.make_doc("a")  # Some tokenizers load their package at the first text.
        return nlp
    except (ImportError, OSError) as error:
        raise ReadError(explain_missing_package(lang, str(error))) from None


def explain_missing_package(lang: str, said: str) -> str:
    """Explain that the tokenizer of a language needs a package that is not installed.

    lang (str): The language.
    said (str): Message of spaCy.
    """
    packages = packages_of(lang)
    advice = f" Install it: pip install {' '.join(packages)}." if packages else ""
    without = (
        " Or name 'xx', whose tokenizer needs no package and cuts words at spaces and punctuation." if lang in SPACED else ""
    )
    return f"Got the language {lang!r}, which spaCy knows, but its tokenizer needs a package.{advice}{without} spaCy says: {said}"


def packages_of(lang: str) -> list[str]:
    """Return the packages that spaCy's extra for a language installs."""
    wanted = [line for line in requires("spacy") or [] if re.search(rf"extra == ['\"]{re.escape(lang)}['\"]", line)]
    return [re.split(r"[^\w.-]", line)[0] for line in wanted] or NO_EXTRA.get(lang, [])


def load_pipeline(model: str, gpu_id: int = -1, overrides: Optional[dict[str, Any]] = None) -> Language:
    """Load a pipeline from a folder or an installed package; or make one from a config file, as it is before training.

    model (str): Folder, package, or file whose name ends in `.cfg`. What the config names, such as its corpora and the base of a
        model, has to be there, as for `spacy train`. One without [training] has to name the labels of its components.
    gpu_id (int): Number of the GPU, -1 for the CPU.
    overrides (Optional[dict[str, Any]]): Values of its config by their dotted names.
    RAISES (ReadError): If it cannot be loaded, or there is no such GPU.
    """
    if gpu_id >= 0:
        try:
            spacy.require_gpu(gpu_id)
        except Exception as error:
            raise ReadError(
                f"Got --gpu-id {gpu_id}, but the GPU cannot be used: {error}. spaCy needs CuPy for it: pip install "
                "'spacy[cuda12x]', or the extra for another CUDA; or take --gpu-id -1, the CPU."
            ) from None
    try:
        if model.endswith(".cfg"):
            return initialize_pipeline(spacy.util.load_config(model, overrides or {}), gpu_id)
        return spacy.load(model, config=overrides or {})
    except (OSError, ValueError, ImportError) as error:
        raise ReadError(f"Cannot load the pipeline {model!r}: {error}") from None


def initialize_pipeline(config: Config, gpu_id: int) -> Language:
    """Make the pipeline of a config, as `spacy train` has it before its first step.

    One without [training] has to name its labels itself. Endpoints are not initialised: a key is needed when they are asked.
    """
    if "training" in config:
        return init_nlp(config, use_gpu=gpu_id)
    if not config.get("nlp", {}).get("pipeline"):
        raise ReadError(
            "The config has no [training], so it names no corpus to take labels from. Fill it: "
            "python -m spacy init fill-config PART.cfg WHOLE.cfg."
        )
    nlp = load_model_from_config(config, auto_fill=True)
    with nlp.select_pipes(disable=[one.name for one in endpoints_of(nlp)]):
        nlp.initialize()
    return nlp


def parse_overrides(arguments: list[str]) -> dict[str, Any]:
    """Parse options that change a config, such as `--components.slm_ner.draft false`.

    RETURNS (dict[str, Any]): Values by dotted names.
    RAISES (ReadError): If an option has no dot in its name, so that it is none of a config.
    """
    try:
        return parse_config_overrides(arguments)
    except UsageError as error:
        raise ReadError(f"{error.message} Allowed are those of --help, and values of the config, as --nlp.batch_size.") from None


def load_docbin(path: Path) -> DocBin:
    """Load a DocBin that `convert` wrote.

    RAISES (ReadError): If the file is not a DocBin, or cannot be read.
    """
    try:
        return DocBin().from_disk(path)
    except OSError as error:
        raise ReadError(f"Cannot read {path}: {error.strerror}. Name a DocBin that `convert` wrote.") from None
    except (ValueError, KeyError) as error:
        raise ReadError(f"{path} is not a DocBin ({error}). Name a file that `convert` wrote.") from None
