"""lmviz: why cross-entropy is the loss used in language modelling, as a book that runs.

Where things live; imports go one way only, from right to left:

    numerics ← models ← figures ← ui ← pages, app.py

* numerics — `units`, `information`, `losses`, `gradients`, `stability`, `calibration`, `sources`
* `models`   — a language model behind one small port, and `scoring`, which turns a text into numbers
* `training` — the recipes that make the bundled models
* `figures`  — a result in, a Plotly figure out; no Streamlit
* `ui`       — the only import of Streamlit outside `app.py` and `pages/`

Dimension key, used in every docstring: B batch, T positions, V vocabulary, K top alternatives, D width, H heads.

Unit rule: everything inside is in nats. A number in any other unit says so in its name (`loss_bits`,
`bits_per_byte`); `units` is the only module that knows log 2.

Importing `lmviz` imports nothing else.
"""

__version__ = "0.1.0"
