"""Chapter 17, the picture: recorded runs or the reader's own as curves, and what can be done with a run."""

import atexit

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
from lmviz.ui.links import linked
from lmviz.ui.memory import shared

EXPERIMENTS = "training_experiments"  # this session's, oldest first
SHOWN = {"held_out": "held-out", "training": "training", "perplexity": "perplexity", "accuracy": "accuracy", "ece": "calibration"}
EVERY = 1.0  # seconds between two looks at a run that is going on


@shared()
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


def lab(unit: str) -> None:
    """The curves beside the choices, and all that belongs to them; looked at again every second while something runs."""
    st.fragment(_lab, run_every=EVERY if _is_going() else None)(unit, _is_going())


def _is_going() -> bool:
    return (experiment := live()) is not None and experiment.is_live


def _lab(unit: str, was_going: bool) -> None:
    from lmviz.ui import training_controls

    left, right = st.columns([11, 4], gap="medium")
    with right:
        training_controls.controls(live())
    runs = own_runs()
    with left:
        curves, selected, mine = _picture(runs, unit)
    for latest in experiments()[-1:]:
        if latest.trouble is not None:
            show.trouble(latest.trouble)
    for run in runs if mine else []:
        if run.trouble:
            show.trouble(ReaderError(f"{run.settings.label} broke off. {run.trouble}"))
    st.markdown(training_words.mine(curves, unit) if mine else training_words.recorded(curves, unit))
    with st.container(key="training_table"):
        st.markdown(training_words.table(curves, unit))
    if mine:
        _one_run(runs, curves, selected)
    elif samples := [(c.label, *c.samples[-1]) for c in curves if c.samples]:
        st.markdown(
            "**What they write**\n\n" + "\n".join(f"- {label}, after {display.number(s)} steps: {display.md_escape(text)}" for label, s, text in samples)
        )
    if _is_going() != was_going:
        st.rerun()  # the looking begins, or ends


def _picture(runs: list, unit: str) -> tuple[list[Curve], int, bool]:
    """The chart; returns the curves on it, the selected one, and whether they are the reader's own."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="training_choice"):
        quantity = linked(st).segmented_control("Quantity", list(SHOWN), default="held_out", required=True, key="training_quantity", format_func=SHOWN.get,
                                        label_visibility="collapsed")  # fmt: skip
        if runs:
            st.session_state.setdefault("training_view", "yours")
            st.segmented_control("Whose", ["yours", "recorded"], required=True, key="training_view", label_visibility="collapsed")
    mine = bool(runs) and st.session_state.get("training_view") == "yours"
    curves = [run.curve() for run in runs] if mine else list(recorded.curves())
    selected = min(st.session_state.get("training_run") or 0, len(curves) - 1) if mine else 0
    if not any(curve.series(quantity)[1] for curve in curves):
        st.caption(f"No {training_words.NAMES[quantity]} yet." if mine else f"The recorded run kept no {training_words.NAMES[quantity]}; yours will.")
        quantity = "held_out"
    figure = training_curves.training_curves(curves, quantity, unit=unit, selected=selected)
    st.plotly_chart(figure, config=theme.CONFIG, key="training_curves", alt=training_words.alt(curves, quantity, unit))
    return curves, selected, mine


def progress(experiment: Experiment) -> None:
    """How far, how long, and the ways to stop."""
    st.progress(experiment.fraction, training_words.progress(experiment, workshop().place(experiment)))
    with st.container(horizontal=True, key="training_progress"):
        if experiment.state == "paused":
            st.button("Go on", key="training_resume", on_click=_resume, args=(experiment,), width="stretch")
        else:
            st.button("Pause", key="training_pause", on_click=workshop().pause, args=(experiment,), width="stretch")
        st.button("Stop", key="training_stop", on_click=workshop().stop, args=(experiment,), width="stretch")


def _resume(experiment: Experiment) -> None:
    try:
        workshop().resume(experiment)
    except ReaderError as full:
        st.session_state.training_trouble = full


def _one_run(runs: list, curves: list[Curve], selected: int) -> None:
    """The selected run: what it writes, its files, and its way into the other chapters."""
    if len(runs) > 1:
        st.session_state.training_run = selected
        st.pills("Run", range(len(runs)), required=True, key="training_run", format_func=lambda i: display.md_escape(curves[i].label))
    run, curve = runs[selected], curves[selected]
    with st.container(height=250, border=False, key="training_samples"):
        st.markdown(f"**What {display.md_escape(curve.label)} writes**, from the same seed each time:\n\n" + training_words.samples(curve))
    busy = _is_going()
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
