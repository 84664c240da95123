"""`label` against a scripted endpoint, killed with `kill -9` at random moments and started again.

    python benchmarks/label_killed.py --texts 1000 --kills 10

Prints how many requests the endpoint saw, how many of them had no answer on the disk when the process was killed, and checks that
each text has one record and that nothing that was on the disk is asked for again.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "labelling")]

from name_server import CONFIG, NameServer, lines  # noqa: E402

from spacy_slm_ner.endpoints.answer_cache import AnswerCache  # noqa: E402

CONCURRENCY = 8


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """Start the command."""
    command = ["label", "texts.jsonl", "out.jsonl", "--model", "endpoint.cfg", "--max-cost", "100"]
    environment = {**os.environ, "OPENAI_API_KEY": "sk-right", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "spacy_slm_ner", *command], cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    texts = [f"Ada Quill met Bo at number {number}." for number in range(options.texts)]
    with tempfile.TemporaryDirectory() as name, NameServer(latency=options.latency) as server:
        folder = Path(name)
        # A process that is killed closes its connections.
        server.http.handle_error = lambda request, address: None  # type: ignore[method-assign]
        (folder / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        (folder / "endpoint.cfg").write_text(CONFIG.format(url=server.url, settings=f"concurrency = {CONCURRENCY}"))
        cache, killed, lost = AnswerCache(folder / "out.answers.sqlite"), 0, 0
        while killed < options.kills:
            before, process = len(server.requests), start(folder)
            # The process is killed at any moment of its work, of which loading takes seconds.
            while len(server.requests) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 2.0 * options.latency * options.texts / CONCURRENCY / options.kills))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(2 * options.latency)
            killed += 1
            answers = len(cache.find_all())
            new = len(server.requests) - answers - lost
            lost += new
            assert new <= CONCURRENCY
            say(f"kill {killed}: {len(server.requests)} requests, {answers} answers on the disk, {new} had none yet")
        assert start(folder).wait() == 0
        records, problems = lines(folder / "out.jsonl"), lines(folder / "out.problems.jsonl")
        repeated = len(server.requests) - len(set(server.asked))
        assert [record["text"] for record in records] == texts and not problems
        assert len(server.requests) - lost == len(cache.find_all()) == len(texts)
        say(
            f"{killed} kills, {len(texts)} texts: {len(records)} records in order, each once; {len(server.requests)} requests, "
            f"{repeated} of them repeated, none of which had an answer on the disk"
        )


if __name__ == "__main__":
    main()
