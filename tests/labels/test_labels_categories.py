import pytest

from spacy_slm_ner.labels import best_category


@pytest.mark.parametrize(
    ("cats", "expected"),
    [
        pytest.param({"cancel": 0.3, "inquiry": 0.7}, "inquiry", id="highest"),
        pytest.param({"cancel": 0.1, "inquiry": 0.0}, "cancel", id="highest-is-low"),
        pytest.param({}, None, id="none"),
    ],
)
def test_best_category(cats: dict[str, float], expected: str | None) -> None:
    assert best_category(cats) == expected
