"""The architecture: who may import whom, what an import costs, and habits that a linter does not know."""

import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Iterator

import pytest

from spacy_slm_ner.records.damage import DAMAGE

ROOT = Path(__file__).parent.parent
PACKAGE = "spacy_slm_ner"

# From the bottom up, as in ARCHITECTURE.md. A package imports from itself and from the layers below.
LAYERS = (
    ("about", "types", "errors"),
    ("user_files",),
    ("labels", "alignment", "answers", "constraints", "storage"),
    ("formats", "records", "scaffold", "documents"),
    ("endpoints",),
    ("models", "training", "synthesis"),
    ("pipeline", "evaluation", "pretraining"),
    ("labelling",),
    ("batch",),
    ("cli",),
    ("__main__",),
)
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}
# The same inside `models`: what has no folder of its own is registered, and stands above the folders.
WINGS = (("pretrained",), ("generation", "encoding"), ("",))
WING = {wing: number for number, wings in enumerate(WINGS) for wing in wings}
HEAVY = ("torch", "transformers", "peft")
NEED_HEAVY = ("models", "pretraining")
# What of them does not.
LIGHT = ("spacy_slm_ner.models.openai_endpoint",)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf8")) for name, path in PATHS.items()}


def part_of(module: str) -> str:
    """First folder or file below the package; the package itself holds its version only and counts as `about`."""
    return module.split(".")[1] if "." in module else "about"


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that an import statement inside a package names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Modules of this package that a module imports anywhere, inside functions as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, package)
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in PATHS else base for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def package_of(module: str) -> str:
    return module if PATHS[module].name == "__init__.py" else module.rpartition(".")[0]


IMPORTS = {module: sorted({*imports(tree, package_of(module))} - {module}) for module, tree in TREES.items()}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("from ..labels import tags", "spacy_slm_ner.labels.tags", id="module-of-a-package"),
        pytest.param("from ..labels import decode_tags", "spacy_slm_ner.labels", id="name-of-a-package"),
        pytest.param("from .scores import PRF", "spacy_slm_ner.evaluation.scores", id="same-package"),
        pytest.param("from . import scores", "spacy_slm_ner.evaluation.scores", id="module-of-the-same-package"),
        pytest.param("import spacy_slm_ner.types", "spacy_slm_ner.types", id="absolute"),
        pytest.param("def f():\n    from ..errors import ReadError", "spacy_slm_ner.errors", id="lazy"),
    ],
)
def test_this_file_sees_every_way_to_import(source: str, expected: str) -> None:
    assert list(imports(ast.parse(source), "spacy_slm_ner.evaluation")) == [expected]


def test_every_package_has_a_layer() -> None:
    assert {part_of(module) for module in PATHS} <= LAYER.keys()


def test_imports_only_go_down() -> None:
    upward = [
        f"{module} -> {target}"
        for module, targets in IMPORTS.items()
        for target in targets
        if part_of(target) != part_of(module) and LAYER[part_of(target)] >= LAYER[part_of(module)]
    ]
    assert upward == []


def wing_of(module: str) -> str:
    """Folder of a module inside `models`, "" if it has none."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 and parts[2] in WING else ""


def test_imports_only_go_down_inside_models() -> None:
    assert {path.name for path in (ROOT / PACKAGE / "models").iterdir() if (path / "__init__.py").exists()} == WING.keys() - {""}
    assert [
        f"{module} -> {target}"
        for module, targets in IMPORTS.items()
        for target in targets
        if part_of(module) == part_of(target) == "models"
        and wing_of(module) != wing_of(target)
        and WING[wing_of(target)] >= WING[wing_of(module)]
    ] == []


def test_every_folder_of_modules_is_a_package_that_git_keeps() -> None:
    """One without its `__init__.py`, or one that is ignored, works from a checkout and is not in the wheel."""
    folders = sorted({path.parent for path in PATHS.values()})
    assert [folder.name for folder in folders if not (folder / "__init__.py").is_file()] == []
    files = [str(folder / "__init__.py") for folder in folders]
    ignored = subprocess.run(["git", "check-ignore", *files], capture_output=True, text=True, cwd=ROOT)
    assert ignored.stdout == ""


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(IMPORTS).prepare()


def loads(statements: str, module: str) -> bool:
    """Whether statements load a module in a new interpreter."""
    code = f"import sys\n{statements}\nprint({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.split()[-1] == "True"


def test_the_package_itself_loads_nothing() -> None:
    assert not loads(f"import {PACKAGE}", "spacy")


# spaCy loads torch by itself where it is installed, so what a module needs shows only where it is not.
WITHOUT_HEAVY = f"""
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_only_models_and_pretraining_need_torch_and_transformers_to_be_imported() -> None:
    light = [*LIGHT, *(module for module in PATHS if part_of(module) not in (*NEED_HEAVY, "__main__"))]
    done = subprocess.run([sys.executable, "-c", WITHOUT_HEAVY, *light], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_module_prints() -> None:
    calls = [(name, node) for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [f"{name}:{node.lineno}" for name, node in calls if ast.unparse(node.func) == "print"] == []


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_registered(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a registry (spaCy's, thinc's or typer's) reads the annotations of a function."""
    owners = {ast.unparse(decorator).partition("(")[0].split(".")[0] for decorator in function.decorator_list}
    return bool(owners & {"app", "registry", "spacy", "thinc", "Language"})


# "name = module:function", as setup.py writes entry points.
ENTRY_POINTS = re.findall(rf"= ({PACKAGE}[\w.]*):(\w+)", (ROOT / "setup.py").read_text(encoding="utf8"))


def test_entry_points_name_what_there_is() -> None:
    missing = [f"{module}:{name}" for module, name in ENTRY_POINTS if not hasattr(importlib.import_module(module), name)]
    assert ENTRY_POINTS
    assert missing == []


def test_modules_with_registered_functions_have_real_annotations() -> None:
    decorated = {name for name, tree in TREES.items() if any(map(is_registered, functions(tree)))}
    registered = decorated | {module for module, _ in ENTRY_POINTS}
    assert "spacy_slm_ner.cli.convert" in registered
    assert [
        name
        for name in sorted(registered)
        if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in TREES[name].body)
    ] == []


def test_no_default_argument_is_mutable() -> None:
    mutable = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    assert [
        f"{name}:{default.lineno}"
        for name, tree in TREES.items()
        for function in functions(tree)
        for default in [*function.args.defaults, *function.args.kw_defaults]
        if isinstance(default, mutable)
        or (isinstance(default, ast.Call) and ast.unparse(default.func) in ("list", "dict", "set", "bytearray"))
    ] == []


def test_every_public_class_has_a_docstring() -> None:
    assert [
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ] == []


def test_every_registered_function_has_a_docstring() -> None:
    assert [
        f"{name}.{function.name}"
        for name, tree in TREES.items()
        for function in functions(tree)
        if is_registered(function) and not ast.get_docstring(function)
    ] == []


def test_docs_name_every_kind_of_damage() -> None:
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf8")
    assert [kind for kind, repair in DAMAGE.items() if f"| `{kind}` | {repair} |" not in page] == []


# Tests over several modules: the whole project, and in a package what all its parts keep to together.
OVER_SEVERAL = {
    "test_architecture",
    "test_configs",
    "test_project",
    "test_prompt_formats",
    "test_workflow",
    "cli/test_cli_intents",
    "formats/test_formats_law",
    "models/test_models_openai_server",
    "pipeline/test_pipeline_configs",
    "pipeline/test_pipeline_training",
    "synthesis/test_synthesis_commands",
    "synthesis/test_synthesis_server",
}


def test_tests_mirror_the_package() -> None:
    """tests/a/b/test_a_b_module.py tests spacy_slm_ner/a/b/module.py, or _module.py."""
    parts = [path.relative_to(ROOT / PACKAGE).with_suffix("").parts for path in PATHS.values()]
    expected = {"/".join([*folders, "_".join(["test", *folders, name.strip("_")])]) for *folders, name in parts}
    found = {path.relative_to(ROOT / "tests").with_suffix("").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert found - expected == OVER_SEVERAL
