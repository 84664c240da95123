"""A new project: its `project.yml`, configs, spec, guidelines and placeholder records, from the templates of this package."""

from .names import require_names
from .project import Project
from .render import project_files
from .write import write_files

__all__ = ["Project", "require_names", "project_files", "write_files"]
