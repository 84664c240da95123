"""What the installed package costs a `spacy.blank("en")`, which imports the module of every component that is installed.

    python benchmarks/blank.py

CPU milliseconds in new processes, with and without this package's entry point, interleaved; components of other packages are
left out.
"""

import subprocess
import sys
from statistics import median

CODE = """
import sys, time, catalogue, spacy
known = catalogue.Registry.get_entry_points
def chosen(self):
    if self.namespace[-1] != "factories":
        return known(self)
    return {e.name: e.load() for e in self._get_entry_points() if e.name == "slm_ner" and sys.argv[1] == "with"}
catalogue.Registry.get_entry_points = chosen
start = time.process_time()
spacy.blank("en")
spent = time.process_time() - start
assert ("spacy_slm_ner.pipeline.factory" in sys.modules) == (sys.argv[1] == "with")
assert not {"transformers", "peft"} & set(sys.modules)
print(1000 * spent)
"""


def measure(variant: str) -> float:
    done = subprocess.run([sys.executable, "-c", CODE, variant], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(repeats: int = 15) -> None:
    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(repeats):
        for variant, spent in times.items():
            spent.append(measure(variant))
    middle = {variant: median(spent) for variant, spent in times.items()}
    difference = middle["with"] - middle["without"]
    sys.stdout.write(f"with {middle['with']:.1f} ms, without {middle['without']:.1f} ms: {difference:.1f} ms more\n")


if __name__ == "__main__":
    main()
