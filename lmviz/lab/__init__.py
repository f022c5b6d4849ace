"""The lab: training a small model while a reader watches. `choices` say what, `run` does it, `workshop` bounds it, `curve` is what comes out."""
