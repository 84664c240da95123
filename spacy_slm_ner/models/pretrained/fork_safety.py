"""Guards for processes that are forked while a model is loaded, as `nlp.pipe(n_process=...)` forks them."""

import os
import sys
from functools import cache
from typing import Any, Optional

import torch

SETTING = "TOKENIZERS_PARALLELISM"
# The generator of spaCy in which workers are forked, and its channels.
FORKS_IN = "_multiprocessing_pipe"
CHANNELS = ("bytedocs_recv_ch", "bytedocs_send_ch")
_settings: list[Optional[str]] = []


@cache
def guard_forks() -> None:
    """Keep processes that are forked from now on from waiting for ever.

    They compute in one thread: OpenMP's threads do not survive a fork, and waiting for them never ends. And they close the ends
    of spaCy's channels that belong to others: while a worker holds the reading end, no worker learns that the reader has gone,
    so all wait until it reads on, and a reader that stops early waits for them.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=set_tokenizers, after_in_parent=reset_tokenizers, after_in_child=enter_child)


def set_tokenizers() -> None:
    """Tell the tokenizers to use one thread in the new process, or they would warn that they do so anyway."""
    _settings.append(os.environ.get(SETTING))
    os.environ.setdefault(SETTING, "false")


def reset_tokenizers() -> None:
    """Put their setting back."""
    if _settings.pop() is None:
        del os.environ[SETTING]


def enter_child() -> None:
    """Prepare a forked process, before it does anything else."""
    torch.set_num_threads(1)
    close_channels_of_others(sys._getframe())


def close_channels_of_others(frame: Any) -> None:
    """Close the ends of channels that a worker of `nlp.pipe` inherits and does not use.

    frame (FrameType): In the worker, which has the stack of the process that forked it.
    """
    process: Any = None
    while frame is not None and frame.f_code.co_name != FORKS_IN:
        if frame.f_code.co_name == "start":
            process = frame.f_locals.get("self")
        frame = frame.f_back
    if frame is not None and process is not None:
        own = {id(argument) for argument in process._args}
        for channel in (one for name in CHANNELS for one in frame.f_locals.get(name, ())):
            if id(channel) not in own and not channel.closed:
                channel.close()
