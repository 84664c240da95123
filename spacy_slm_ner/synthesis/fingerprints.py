"""What may change between two calls of the same run, and when a spec may still be corrected."""

import hashlib
from typing import Any

from .spec import Spec

# What decides neither what is asked for nor how an answer is judged.
FREE_FIELDS = frozenset({"records", "per_request", "base_url"})


def is_under_way(entries: list[dict[str, Any]]) -> bool:
    """Whether something is answered, or a batch may be at the endpoint, whose answers belong to the spec so far."""
    batches = {"batch": True, "written_off": False, "collected": False}
    steps = [batches[kind] for kind in (str(entry.get("kind")) for entry in entries) if kind in batches]
    return any(entry.get("kind") == "answer" for entry in entries) or steps[-1:] == [True]


def spec_fingerprint(spec: Spec) -> str:
    """Of all that decides how an answer is judged."""
    content: dict[str, Any] = {name: value for name, value in spec.model_dump(mode="json").items() if name not in FREE_FIELDS}
    return hashlib.sha256(repr(sorted(content.items())).encode("utf8")).hexdigest()
