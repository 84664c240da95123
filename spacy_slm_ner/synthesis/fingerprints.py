"""Fingerprint of a spec, which tells whether a run may be resumed with it."""

import hashlib
from typing import Any

from .spec import Spec

# Fields that may change during a run, as they do not decide which records are accepted.
FREE_FIELDS = frozenset({"records", "per_request", "base_url"})


def is_under_way(entries: list[dict[str, Any]]) -> bool:
    """Whether a journal has answers, or an open batch, so that the spec must not change any more."""
    batches = {"batch": True, "written_off": False, "collected": False}
    steps = [batches[kind] for kind in (str(entry.get("kind")) for entry in entries) if kind in batches]
    return any(entry.get("kind") == "answer" for entry in entries) or steps[-1:] == [True]


def spec_fingerprint(spec: Spec) -> str:
    """Hash all fields of a spec that decide which records are accepted."""
    content: dict[str, Any] = {name: value for name, value in spec.model_dump(mode="json").items() if name not in FREE_FIELDS}
    return hashlib.sha256(repr(sorted(content.items())).encode("utf8")).hexdigest()
