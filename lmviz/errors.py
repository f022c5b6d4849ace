"""The one error a reader may see: a sentence that says what was wrong and what to do."""


class ReaderError(ValueError):
    """Raised with a complete, friendly sentence; `lmviz.ui` shows it as it stands.

    `remedy` is a command or an action that mends it, or None.
    """

    def __init__(self, sentence: str, *, remedy: str | None = None):
        super().__init__(sentence)
        self.remedy = remedy
