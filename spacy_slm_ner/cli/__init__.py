"""The command line. One command a file: `<name>_cli` parses, `<name>` works and returns data."""

from ._app import app
from .base import base_cli
from .calibrate import calibrate_cli
from .check import check_cli
from .convert import convert_cli
from .evaluate import evaluate_cli
from .new_base import new_base_cli
from .report import report_cli

__all__ = ["app", "base_cli", "calibrate_cli", "check_cli", "convert_cli", "evaluate_cli", "new_base_cli", "report_cli"]
