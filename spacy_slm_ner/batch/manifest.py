"""Manifest of a batch job: what was annotated, with what, and how it went."""

import json
import platform
from collections import Counter
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

import spacy

from ..about import __version__
from ..errors import ReadError
from .shard_files import write_whole

Manifest = dict[str, Any]


def manifest_of(output: Path) -> Path:
    """Return the path of the manifest of an output."""
    return output.with_name(f"{output.name}.manifest.json")


def begin_manifest(model: str, digest: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> Manifest:
    """Make the manifest of a job that begins.

    model (str): The pipeline, as the user named it.
    digest (str): Digest of its files.
    settings (Mapping[str, Any]): All settings that decide on the result, by the names of options.
    inputs (Sequence[str]): Inputs, as the user named them.
    """
    return {
        "complete": False,
        "model": {"name": model, "digest": digest},
        "settings": json.loads(json.dumps(settings)),
        "versions": {"spacy-slm-ner": __version__, "spacy": spacy.__version__, "python": platform.python_version()},
        "input": {"names": list(inputs)},
    }


def end_manifest(manifest: Manifest, shards: int, rows: int, errors: Counter[str], digest: str) -> Manifest:
    """Return the manifest of a job that is complete."""
    counts = {"shards": shards, "rows": rows, "annotated": rows - errors.total(), "errors": dict(sorted(errors.items()))}
    return {**manifest, "complete": True, **counts, "input": {**manifest["input"], "digest": digest}}


def read_manifest(output: Path) -> Optional[Manifest]:
    """Read the manifest of an output; None if there is none.

    RAISES (ReadError): If it is damaged.
    """
    path = manifest_of(output)
    try:
        manifest: Manifest = json.loads(path.read_bytes())
        return manifest
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ReadError(f"{path} is damaged ({error}). Move it and {output} away to begin anew.") from None


def write_manifest(output: Path, manifest: Manifest) -> None:
    """Write the manifest of an output."""
    content = json.dumps(manifest, indent=2, ensure_ascii=False).encode("utf8", "backslashreplace")
    write_whole(manifest_of(output), [content + b"\n"])


def check_same(before: Manifest, now: Manifest, output: Path) -> None:
    """Check that a job goes on as it was begun.

    RAISES (ReadError): If the model, a setting or a version is another.
    """
    was, is_now = flatten(before), flatten(now)
    changed = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
    if changed:
        changes = "; ".join(f"{name} was {was.get(name)!r}, is {is_now.get(name)!r}" for name in changed)
        raise ReadError(f"{output} was begun otherwise: {changes}. Take that again, or name another output.")


def flatten(manifest: Manifest) -> dict[str, Any]:
    """Return what has to stay by names for messages. A model is its files, wherever they are."""
    return {"the model": manifest["model"]["digest"], **manifest["settings"], **manifest["versions"]}
