"""What the templates of `spacy-slm-ner init` are told for the sample project. Run it (`make project`) to write its files anew."""

from pathlib import Path

from spacy_slm_ner.scaffold import Project, write_files
from spacy_slm_ner.scaffold.render import pipeline_files

ROOT = Path(__file__).parent.parent
SAMPLE = Project(
    title="Entities and intents of scheduling messages",
    package_name="scheduling",
    intents=("inquiry", "cancel"),
    spec="configs/scheduling.yml",
    forms="assets/forms.json",
    word="cancel",
    disjoint=("NAME", "EMAIL"),
)

if __name__ == "__main__":
    write_files(ROOT, pipeline_files(SAMPLE), force=True)
