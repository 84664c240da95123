"""What the tests of pretrained models share."""

from pathlib import Path
from typing import Any, Callable

import gguf_files
import pytest
from gguf_files import write_gguf


@pytest.fixture
def gguf_fields(tmp_path: Path) -> dict[str, Any]:
    return gguf_files.tokenizer_fields(tmp_path / "tokenizer")


@pytest.fixture
def write_model(tmp_path: Path, gguf_fields: dict[str, Any]) -> Callable[..., Path]:
    """Writes a model as a GGUF file."""

    def make(model: Any, **options: Any) -> Path:
        return write_gguf(tmp_path / "model.gguf", model, {**gguf_fields, **options.pop("tokenizer", {})}, **options)

    return make
