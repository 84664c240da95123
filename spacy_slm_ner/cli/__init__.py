"""The command line. Each command has a file: `<name>_cli` parses its arguments, `<name>` does the work and returns data."""

from ._app import app
from .annotate import annotate_cli
from .base import base_cli
from .calibrate import calibrate_cli
from .check import check_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .generate import generate_cli
from .init import init_cli
from .label import label_cli
from .new_base import new_base_cli
from .quality import quality_cli
from .report import report_cli
from .review import review_cli
from .split import split_cli

__all__ = [
    "annotate_cli",
    "app",
    "base_cli",
    "calibrate_cli",
    "check_cli",
    "convert_cli",
    "evaluate_cli",
    "generate_cli",
    "init_cli",
    "label_cli",
    "new_base_cli",
    "quality_cli",
    "report_cli",
    "review_cli",
    "split_cli",
]
