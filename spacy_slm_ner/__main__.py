if __name__ == "__main__":
    # Not above: a process that is spawned imports this module, and needs no command.
    from .cli import app

    app(prog_name="python -m spacy_slm_ner")
