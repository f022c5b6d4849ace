"""The recipes that made the bundled models, and that a reader's own text can be put through: corpus, tokenizer, loop, export."""
