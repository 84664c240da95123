"""Fingerprint of a pipeline, which tells whether a run may go on with it."""

import hashlib
import json
from typing import Any, Iterator, Sequence

from spacy.language import Language

from ..pipeline.slm_ner import SlmNer

# Settings that do not decide on what is written.
FREE_SETTINGS = frozenset({"api_key_env", "concurrency", "timeout", "retries", "max_cost", "prices", "cache", "batch_size"})
# Files of a stored pipeline that repeat its config, with the free settings in it, or describe it.
DESCRIPTIONS = frozenset({"config.cfg", "meta.json"})
CHUNK = 1 << 20


def fingerprint(nlp: Language) -> str:
    """Hash all of a pipeline that decides on what it writes: its settings, its prompts, and all files of a stored one."""
    digest = hashlib.sha256()
    for content in contents(nlp):
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:32]


def contents(nlp: Language) -> Iterator[bytes]:
    """Yield all that is hashed."""
    config = {part: without_free(nlp.config[part]) for part in ("nlp", "components")}
    yield json.dumps(config, sort_keys=True, default=str).encode("utf8", "surrogatepass")
    for name, pipe in nlp.pipeline:
        if isinstance(pipe, SlmNer):
            # The prompt shows what the config only names, such as a file of guidelines.
            yield json.dumps([name, [request.messages for *_, request in pipe.questions(nlp.make_doc("a"))]]).encode("ascii")
    for file in sorted(nlp.path.rglob("*")) if nlp.path else []:
        if file.is_file() and file.name not in DESCRIPTIONS:
            yield file.relative_to(nlp.path).as_posix().encode("utf8", "surrogateescape")
            with file.open("rb") as opened:
                yield from iter(lambda: opened.read(CHUNK), b"")


def without_free(settings: Any) -> Any:
    """Return settings without those that may change."""
    if not isinstance(settings, dict):
        return settings
    return {name: without_free(value) for name, value in settings.items() if name not in FREE_SETTINGS}


def name_of(nlp: Language, digest: str, models: Sequence[str] = (), passes: int = 1) -> str:
    """Name who labels texts, for the records.

    nlp (Language): The pipeline.
    digest (str): Its fingerprint.
    models (Sequence[str]): Models of its endpoints.
    passes (int): Number of passes.
    """
    pipeline = f"{nlp.lang}_{nlp.meta['name']}-{nlp.meta['version']} ({digest[:8]})"
    asked = f"{', '.join(models)} in {pipeline}" if models else pipeline
    return asked if passes == 1 else f"{asked}, {passes} passes"
