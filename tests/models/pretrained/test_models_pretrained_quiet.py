import warnings

import pytest
from transformers.utils import logging

from spacy_slm_ner.models.pretrained.quiet import quiet


@pytest.mark.parametrize("bars", [True, False], ids=["bars", "no-bars"])
def test_settings_are_put_back(bars: bool) -> None:
    shown = logging.is_progress_bar_enabled()
    (logging.enable_progress_bar if bars else logging.disable_progress_bar)()
    level = logging.get_verbosity()
    with pytest.raises(KeyError), quiet():
        assert logging.get_verbosity() == logging.ERROR and not logging.is_progress_bar_enabled()
        raise KeyError
    assert logging.get_verbosity() == level and logging.is_progress_bar_enabled() == bars
    (logging.enable_progress_bar if shown else logging.disable_progress_bar)()


def test_what_a_user_can_do_something_about_is_passed_on() -> None:
    with quiet():
        warnings.warn("a name will change", FutureWarning, stacklevel=1)
        with pytest.warns(UserWarning, match="look here"):
            warnings.warn("look here", UserWarning, stacklevel=1)
