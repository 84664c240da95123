import pytest

from spacy_slm_ner.endpoints.total_cost import TotalCost
from spacy_slm_ner.errors import EndpointError


def test_without_a_limit_all_is_sent_and_counted() -> None:
    total = TotalCost()
    for _ in range(3):
        total.begin()
        total.pay(1.0)
        total.end()
    assert (total.paid, total.answers, total.on_their_way) == (3.0, 3, 0)


def test_what_is_on_its_way_counts_at_the_mean_cost() -> None:
    total = TotalCost(limit=1.0, paid=0.5, answers=5)
    for _ in range(5):
        total.begin()
    with pytest.raises(EndpointError, match=r"\$0\.5000 of \$1\.0 are paid") as caught:
        total.begin()
    assert caught.value.kind == "cost"
    total.end()
    total.begin()


@pytest.mark.parametrize("paid", [0.0, 0.1])
def test_a_limit_that_is_reached_lets_nothing_through(paid: float) -> None:
    with pytest.raises(EndpointError):
        TotalCost(limit=paid, paid=paid, answers=0).begin()
