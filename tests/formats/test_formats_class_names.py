import ast
import keyword

import pytest
from format_docs import NAMES
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.formats.class_names import name_classes


@pytest.mark.parametrize(
    ("label", "name"),
    [
        pytest.param("DATE", "DATE", id="name"),
        pytest.param("日付", "日付", id="other-script"),
        pytest.param("तारीख", "तारीख", id="combining-marks"),
        pytest.param("JOB TITLE", "JOB_TITLE", id="space"),
        pytest.param("person/actor", "person_actor", id="slash"),
        pytest.param('say "x"', "say__x_", id="quotes"),
        pytest.param("class", "Label_class", id="keyword"),
        pytest.param("None", "Label_None", id="constant"),
        pytest.param("Entity", "Label_Entity", id="class-of-the-prompt"),
        pytest.param("2nd", "Label_2nd", id="digit"),
        pytest.param("ﬁ", "fi", id="ligature"),
        pytest.param("😀", "_", id="emoji"),
        pytest.param("__x__", "Label___x__", id="private"),
    ],
)
def test_a_label_names_a_class(label: str, name: str) -> None:
    assert name_classes([label]) == {label: name}


def test_labels_that_look_alike_get_numbers() -> None:
    names = name_classes(["JOB TITLE", "JOB-TITLE", "job title", "JOB_TITLE", "JOB_TITLE_2"])
    assert names["JOB_TITLE"] == "JOB_TITLE" and names["JOB_TITLE_2"] == "JOB_TITLE_2"
    assert [names["JOB TITLE"], names["JOB-TITLE"], names["job title"]] == ["JOB_TITLE_3", "JOB_TITLE_4", "job_title_5"]


@given(st.lists(NAMES, max_size=6, unique_by=str.casefold))
def test_names_are_names_and_differ(labels: list[str]) -> None:
    names = name_classes(labels)
    assert list(names) == labels
    assert len({name.casefold() for name in names.values()}) == len(labels)
    for name in names.values():
        (node,) = ast.parse(f"class {name}: ...").body
        assert isinstance(node, ast.ClassDef) and node.name == name and not keyword.iskeyword(name)
