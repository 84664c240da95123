"""`annotate` over many short texts with ever new words: memory, speed, and what is left when processes are killed.

    python benchmarks/annotate.py --model training/tok2vec/model-best speed jobs workers ray shards

Each word names a measurement.
"""

import argparse
import filecmp
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import psutil

ROOT = Path(__file__).parent.parent
SYLLABLES = [first + vowel for first in "bcdfghklmnprstvz" for vowel in "aeiou"]
# Measures nlp.pipe in a process of its own, as workers are measured in theirs: loading is left out.
BARE = """
import json, sys, time
import spacy
nlp = spacy.load(sys.argv[1])
texts = [json.loads(line)["text"] for line in open(sys.argv[2])]
workers = int(sys.argv[3])
start = time.perf_counter()
for doc in nlp.pipe(texts, n_process=workers):
    [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
print(time.perf_counter() - start)
"""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_texts(path: Path, number: int) -> Path:
    """Write texts of about twelve words, two of which nobody has seen before."""
    rng = random.Random(0)
    with path.open("w", encoding="utf8") as file:
        for i in range(number):
            first, last = ("".join(rng.choices(SYLLABLES, k=5)).title() for _ in range(2))
            text = f"We are {rng.randint(2, 20)} people, {first} {last} comes on May {i % 28 + 1} at {i % 12 + 1} PM."
            file.write(json.dumps({"id": i, "text": text}) + "\n")
    return path


def start(texts: Path, output: Path, options: argparse.Namespace, *more: str) -> "subprocess.Popen[bytes]":
    """Start the command in a process group of its own."""
    command = [sys.executable, "-m", "spacy_slm_ner", "annotate", str(texts), str(output), "--model", options.model]
    arguments = [*command, "--workers", str(options.workers), *more]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def shards_of(output: Path) -> int:
    return sum(1 for _ in output.with_name(f"{output.name}.shards").glob("[0-9]*.jsonl"))


def workers_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return the workers of a job: the processes below it that are no helper of multiprocessing."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return [one for one in below if "spawn_main" in " ".join(one.cmdline()) or "annotate_shard" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def same(output: Path, expected: Path) -> bool:
    names = ("", ".errors.jsonl")
    return all(filecmp.cmp(f"{output}{name}", f"{expected}{name}", shallow=False) for name in names)


def watch(process: "subprocess.Popen[bytes]", output: Path) -> Iterator[tuple[int, float, int]]:
    """Yield the number of shards, the time, and the resident memory of all processes, until a job ends."""
    while process.poll() is None:
        memory = 0
        for one in [psutil.Process(process.pid), *workers_of(process)] if process.poll() is None else []:
            try:
                memory += one.memory_info().rss
            except psutil.Error:
                continue
        yield shards_of(output), time.perf_counter(), memory
        time.sleep(0.1)


def measure_speed(folder: Path, options: argparse.Namespace, reference: Path) -> None:
    """Texts a second beside nlp.pipe, and memory between a fifth and the end of the run."""
    texts = folder / "texts.jsonl"
    number = options.texts
    for turn in range(options.turns):
        output = reference if turn == 0 else folder / f"turn{turn}.jsonl"
        begun = time.perf_counter()
        seen = list(watch(start(texts, output, options), output))
        whole = time.perf_counter() - begun
        total = -(-number // 1000)
        # Workers load for seconds before the first shard; nlp.pipe is timed without that too.
        first = next(moment for shards, moment, _ in seen if shards)
        last = next((moment for shards, moment, _ in seen if shards >= total), seen[-1][1])
        rate = number * (1 - options.workers / total) / (last - first)
        ended = next((n for n, (shards, *_) in enumerate(seen) if shards >= total), len(seen))
        # Afterwards workers end, and the folder of shards is emptied.
        steady = [memory for shards, _, memory in seen[:ended] if total * 0.2 <= shards]
        command = [sys.executable, "-c", BARE, options.model, str(texts), str(options.workers)]
        bare = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        say(
            f"turn {turn + 1}: annotate {rate:,.0f} texts a second ({whole:.0f} s in all), nlp.pipe {number / bare:,.0f}: ratio "
            f"{rate * bare / number:.2f}; memory {min(steady) / 2**20:,.0f} to {max(steady) / 2**20:,.0f} MiB "
            f"({max(steady) / min(steady) - 1:.1%})"
        )


def kill_jobs(folder: Path, options: argparse.Namespace, reference: Path) -> None:
    """Kill the whole job at random moments, and start it again."""
    rng, output, kills = random.Random(1), folder / "jobs.jsonl", 0
    while True:
        process = start(folder / "texts.jsonl", output, options)
        before = shards_of(output)
        while process.poll() is None and shards_of(output) == before:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, options.texts / 4000 / options.kills))
        if process.poll() is not None or kills == options.kills:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.wait() == 0
    say(f"{kills} times kill -9 of the job: output identical: {same(output, reference)}")


def kill_workers(
    folder: Path, options: argparse.Namespace, reference: Path, name: str = "workers", kills: Optional[int] = None, *more: str
) -> None:
    """Kill a worker at random moments."""
    rng, output, killed = random.Random(2), folder / f"{name}.jsonl", 0
    process = start(folder / "texts.jsonl", output, options, *more)
    wanted = options.kills if kills is None else kills
    total = -(-options.texts // 1000)
    while process.poll() is None and killed < wanted:
        if shards_of(output) < total * (killed + 1) / (wanted + 2):
            time.sleep(0.05)
            continue
        time.sleep(rng.uniform(0, 0.3))
        for one in rng.sample(found, 1) if (found := workers_of(process)) else []:
            one.kill()
            killed += 1
    assert process.wait() == 0
    say(f"{name}: {killed} times kill -9 of a worker: output identical: {same(output, reference)}")


def kill_ray(folder: Path, options: argparse.Namespace, reference: Path) -> None:
    """Kill a worker of Ray."""
    kill_workers(folder, options, reference, "ray", 1, "--engine", "ray")


def grow(folder: Path, options: argparse.Namespace, reference: Path) -> None:
    """Time and memory against the number of shards, of ten texts each."""
    for shards in (10, 100, 1000, 10_000):
        texts, output = write_texts(folder / f"grow{shards}.jsonl", 10 * shards), folder / f"grown{shards}.jsonl"
        process = start(texts, output, options, "--shard-rows", "10")
        begun, peak, last = time.perf_counter(), 0, 0.0
        first: Any = None
        while process.poll() is None:
            try:
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
            except psutil.Error:
                break
            first = first or (time.perf_counter() if shards_of(output) else None)
            last = time.perf_counter()
            time.sleep(0.25)
        assert process.wait() == 0
        spent = last - (first or begun)
        each = f"{spent:.1f} s after the first, {1000 * spent / shards:.1f} ms each"
        say(f"{shards} shards: {each}; {peak / 2**20:,.0f} MiB in the first process")


MEASUREMENTS: dict[str, Callable[[Path, argparse.Namespace, Path], None]] = {
    "speed": measure_speed,
    "jobs": kill_jobs,
    "workers": kill_workers,
    "ray": kill_ray,
    "shards": grow,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measurements", nargs="+", choices=[*MEASUREMENTS])
    parser.add_argument("--model", default="training/tok2vec/model-best")
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    options.model = str(Path(options.model).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = folder / "reference.jsonl"
        write_texts(folder / "texts.jsonl", options.texts)
        wanted = options.measurements
        if "speed" not in wanted and wanted != ["shards"]:
            assert start(folder / "texts.jsonl", reference, options).wait() == 0
        for one in sorted(wanted, key=list(MEASUREMENTS).index):
            MEASUREMENTS[one](folder, options, reference)


if __name__ == "__main__":
    main()
