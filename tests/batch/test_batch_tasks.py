"""What becomes of a shard whose worker died."""

from pathlib import Path

import pytest

from spacy_slm_ner.batch.shard_files import write_row_number
from spacy_slm_ner.batch.shards import Shard
from spacy_slm_ner.batch.tasks import Task
from spacy_slm_ner.errors import BatchError

SHARD = Shard(7, (), "")


def test_the_second_death_makes_it_row_by_row(tmp_path: Path) -> None:
    task = Task(SHARD).after_death(tmp_path)
    assert not task.row_by_row
    assert task.after_death(tmp_path).row_by_row


def test_a_row_is_given_up_at_its_second_death(tmp_path: Path) -> None:
    task = Task(SHARD, deaths=2)
    for row, given_up in ((4, set()), (2, set()), (4, {4}), (2, {2, 4})):
        write_row_number(tmp_path, 7, row)
        task = task.after_death(tmp_path)
        assert task.given_up == given_up


def test_workers_that_die_before_any_row_end_the_job(tmp_path: Path) -> None:
    task = Task(SHARD)
    with pytest.raises(BatchError, match="5 workers died over the same texts, the last 3 before they had read one"):
        for _ in range(5):
            task = task.after_death(tmp_path)
