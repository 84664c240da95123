"""Silence for transformers where it says what a user can do nothing about."""

import warnings
from contextlib import contextmanager
from typing import Iterator

from transformers.utils import logging


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and progress bars: weights that are missing or left over are looked at by us, names that will change are
    those that every version takes, and a bar for a second's work is noise."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
