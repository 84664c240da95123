import os
from pathlib import Path
from typing import Iterator

import pytest
from tiny_llama import make_llama

TEXTS = ["See you at 6 pm on Friday.", "Is Ana in on Monday?", "Cancel it, please."]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model with random weights."""
    return make_llama(tmp_path_factory.mktemp("bases") / "tiny", TEXTS)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tiny models gain nothing from threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
