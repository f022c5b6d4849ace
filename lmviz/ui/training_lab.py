"""Chapter 17, the picture: recorded runs or the reader's own as curves, and what can be done with a run."""

import atexit
from functools import lru_cache

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lmviz import display
from lmviz.errors import ReaderError
from lmviz.figures import theme, training_curves
from lmviz.lab import recorded
from lmviz.lab.choices import MOST_RUNS
from lmviz.lab.curve import Curve, to_csv
from lmviz.lab.workshop import Experiment, Workshop
from lmviz.models import own
from lmviz.ui import show, training_words

EXPERIMENTS = "training_experiments"  # this session's, oldest first
SHOWN = {"held_out": "held-out loss", "training": "training loss", "perplexity": "perplexity", "accuracy": "accuracy", "ece": "calibration"}
EVERY = 1.0  # seconds between two looks at a run that is going on


@lru_cache(1)
def workshop() -> Workshop:
    """The process's one workshop."""
    made = Workshop()
    atexit.register(made.close)
    return made


def presence():
    """A function that says, from any thread, whether this reader's browser is still connected."""
    context = get_script_run_ctx()
    session = context.session_id if context else ""

    def present() -> bool:
        from streamlit import runtime

        return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))

    return present


def experiments() -> list[Experiment]:
    return st.session_state.get(EXPERIMENTS, [])


def live() -> Experiment | None:
    """The experiment of this reader that is running, waiting or paused."""
    return next((e for e in reversed(experiments()) if e.is_live or e.state == "paused"), None)


def own_runs() -> list:
    """This reader's last four runs."""
    return [run for experiment in experiments() for run in list(experiment.runs)][-MOST_RUNS:]


def start(chosen, data) -> None:
    """Put runs in line. Curves of other data go: losses compare only on one text."""
    mine = workshop().start(chosen, data, present=presence())
    kept = [e for e in experiments() if e.data == data and e.runs]
    while kept and sum(len(e.runs) for e in kept) + len(chosen) > MOST_RUNS:
        kept = kept[1:]
    st.session_state[EXPERIMENTS] = [*kept, mine]
    st.session_state.training_view = "yours"


def picture(unit: str) -> None:
    """The curves and all that belongs to them; looked at again every second while something runs."""
    experiment = live()
    going = experiment is not None and experiment.is_live
    st.fragment(_picture, run_every=EVERY if going else None)(unit, going)


def _picture(unit: str, was_going: bool) -> None:
    experiment = live()
    runs = own_runs()
    with st.container(horizontal=True, vertical_alignment="center", key="training_choice"):
        quantity = st.segmented_control("Quantity", list(SHOWN), default="held_out", required=True, key="training_quantity", format_func=SHOWN.get,
                                        label_visibility="collapsed")  # fmt: skip
        if runs:
            st.session_state.setdefault("training_view", "yours")
            st.segmented_control("Whose", ["yours", "recorded"], required=True, key="training_view", label_visibility="collapsed")
    mine = bool(runs) and st.session_state.get("training_view") == "yours"
    curves = [run.curve() for run in runs] if mine else list(recorded.curves())
    selected = min(st.session_state.get("training_run") or 0, len(curves) - 1) if mine else 0
    if not any(curve.series(quantity)[1] for curve in curves):
        st.caption(f"These runs have no {SHOWN[quantity]} yet." if mine else f"The recorded runs have no {SHOWN[quantity]}; yours will.")
        quantity = "held_out"
    figure = training_curves.training_curves(curves, quantity, unit=unit, selected=selected)
    st.plotly_chart(figure, config=theme.CONFIG, key="training_curves", alt=training_words.alt(curves, quantity, unit))
    if experiment is not None:
        _progress(experiment)
    if was_going and (experiment is None or not experiment.is_live):
        st.rerun()  # nothing more comes: the looking ends
    for ended in experiments()[-1:]:
        if ended.trouble is not None:
            show.trouble(ended.trouble)
    for run in runs if mine else []:
        if run.trouble:
            show.trouble(ReaderError(f"{run.settings.label} broke off. {run.trouble}"))
    st.markdown(training_words.table(curves, unit))
    st.markdown(training_words.mine(curves, unit) if mine else training_words.recorded(curves, unit))
    if mine:
        _one_run(runs, curves, selected, experiment)
    elif samples := [(c.label, *c.samples[-1]) for c in curves if c.samples]:
        st.markdown(
            "**What they write**\n\n" + "\n".join(f"- {label}, after {display.number(s)} steps: {display.md_escape(text)}" for label, s, text in samples)
        )


def _progress(experiment: Experiment) -> None:
    """How far, how long, and the ways to stop."""
    with st.container(horizontal=True, vertical_alignment="center", key="training_progress"):
        st.progress(experiment.fraction, training_words.progress(experiment, workshop().place(experiment)))
        if experiment.state == "paused":
            st.button("Go on", key="training_resume", on_click=_resume, args=(experiment,))
        else:
            st.button("Pause", key="training_pause", on_click=workshop().pause, args=(experiment,))
        st.button("Stop", key="training_stop", on_click=workshop().stop, args=(experiment,))
    if experiment.state == "paused" or (note := st.session_state.pop("training_note", None)) is None:
        return
    show.trouble(note)


def _resume(experiment: Experiment) -> None:
    try:
        workshop().resume(experiment)
    except ReaderError as full:
        st.session_state.training_note = full


def _one_run(runs: list, curves: list[Curve], selected: int, experiment: Experiment | None) -> None:
    """The selected run: what it writes, its files, and its way into the other chapters."""
    if len(runs) > 1:
        st.session_state.training_run = selected
        st.pills("Run", range(len(runs)), required=True, key="training_run", format_func=lambda i: display.md_escape(curves[i].label))
    run, curve = runs[selected], curves[selected]
    with st.container(height=250, border=False, key="training_samples"):
        st.markdown(f"**What {display.md_escape(curve.label)} writes**, from the same seed each time:\n\n" + training_words.samples(curve))
    busy = experiment is not None and experiment.is_live
    with st.container(horizontal=True, vertical_alignment="center", key="training_keep"):
        with st.popover("Save", key="training_save", on_change="rerun", disabled=busy) as door:
            if door.open:
                _save(run, curves)
        st.button("Use this model in the other chapters", key="training_use", on_click=_use, args=(run, curve), disabled=busy or curve.per != "byte" or run.trouble is not None,
                  help="It joins the models above, for this session")  # fmt: skip
    if used := st.session_state.pop("training_used", None):
        st.info(used)


def _save(run, curves: list[Curve]) -> None:
    from lmviz.lab import files

    st.download_button("All curves, CSV", lambda: to_csv(curves), "lmviz-runs.csv", "text/csv", key="training_csv", on_click="ignore", width="stretch")
    name = f"lmviz-{run.settings.loss}-{run.steps_done}.safetensors"
    st.download_button("This model's weights, safetensors", lambda: files.safetensors(run), name, "application/octet-stream", key="training_weights", on_click="ignore", width="stretch")  # fmt: skip


def _use(run, curve: Curve) -> None:
    about = f"A Llama of {run.config.n_parameters:,} weights that you trained: {curve.label}, {run.steps_done} steps."
    title = f"yours {len(st.session_state.get('own_models', [])) + 1}, {curve.label}"
    name = own.keep(run.language_model, title=title, about=about, tokenizer="bytes", present=presence())
    st.session_state.own_models = [n for n in st.session_state.get("own_models", []) if own.row(n)] + [name]
    st.session_state.model, st.session_state.token = name, None
    st.session_state.training_used = training_words.used(run)
