"""Training on a model's own text: what is written, what is mixed in, what each step makes small; and that what was recorded can be had again."""

import numpy as np
import pytest
import torch

from lmviz import gradient_noise, models, sampling, sequence_level
from lmviz.data.recorded import sequence as recorded
from lmviz.models import products
from lmviz.training import sequence

SMALL = sequence.Setting(prompt=6, length=5, prompts=3, samples=2)


@pytest.fixture(scope="module")
def nano():
    return models.load("nano")


@pytest.fixture
def network(nano):
    return products.trainable(nano.network)


def windows(setting=SMALL, n=6) -> torch.Tensor:
    return torch.from_numpy(recorded.windows()[0])[:n, : setting.window]


def seeded(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_written_is_what_the_scoring_model_would_write(nano, network):
    heads = windows()[:, :7]
    ids, _ = sampling.go_on(nano, heads[:, 1:].tolist(), sampling.RULES["sample"], 9, generator=seeded())
    assert sequence.write(network, heads, 9, generator=seeded()).tolist() == ids.tolist()


def test_a_memory_of_any_length_gives_the_logits_of_the_whole_text(network):
    ids = windows()
    logits, memory = sequence.read_on(network, ids[:, :4])
    logits, memory = sequence.read_on(network, ids[:, 4:9], memory)  # several at once, after a memory
    with torch.no_grad():
        whole = (network(ids[:, :9]) @ network.embedding.weight.T)[:, -1]
    torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


def test_scheduled_sampling_mixes_in_as_many_own_words_as_it_is_told_and_only_after_the_prompt(network):
    texts = windows()
    untouched = sequence.mixed_inputs(network, texts, SMALL, 0.0, generator=seeded())
    assert torch.equal(untouched, texts)
    wholly = sequence.mixed_inputs(network, texts, SMALL, 1.0, generator=seeded())
    head = 1 + SMALL.prompt
    assert torch.equal(wholly[:, :head], texts[:, :head]) and not torch.equal(wholly[:, head:], texts[:, head:])
    many = torch.from_numpy(recorded.windows()[0])[:120, : SMALL.window]
    own = sequence.mixed_inputs(network, many, SMALL, 0.5, generator=seeded(1)) != many
    assert 0.25 < own[:, head:].float().mean() < 0.5  # half of the places, less those where its own word was the human's


def test_cross_entropy_is_that_of_the_continuation_alone(nano, network):
    value, rewards = sequence.loss(network, windows(), "cross_entropy", SMALL, generator=seeded())
    nats = []
    for row in windows().tolist():
        (states,), _ = nano.states([row[:-1]])
        log_probs = nano.logits(states).log_softmax(-1)
        nats += [-log_probs[t - 1, row[t]].item() for t in range(1 + SMALL.prompt, SMALL.window)]
    assert rewards is None and value.item() == pytest.approx(np.mean(nats), abs=1e-4)


@pytest.mark.parametrize("method", ["reinforce", "reinforce_baseline", "minimum_risk"])
def test_a_sequence_level_loss_is_made_of_the_log_probs_and_rewards_of_what_was_written(nano, network, method):
    texts = windows(n=3)
    value, rewards = sequence.loss(network, texts, method, SMALL, generator=seeded(4))
    heads = texts[:, :7].repeat_interleave(2, 0)
    ids, nats = sampling.go_on(nano, heads[:, 1:].tolist(), sampling.RULES["sample"], 5, generator=seeded(4))
    by_hand = [sequence_level.gleu(row, texts[i // 2, 7:].tolist()) for i, row in enumerate(ids.tolist())]
    assert rewards.tolist() == pytest.approx(by_hand)
    log_probs = -nats.sum(1).view(3, 2).double()
    r = torch.tensor(by_hand, dtype=torch.float64).view(3, 2)
    if method == "minimum_risk":
        q = (SMALL.alpha * log_probs).softmax(-1)
        expected = (q * (1 - r)).sum(-1).mean()
    else:
        advantage = r - r.flip(-1) if method == "reinforce_baseline" else r  # of two samples, the other one is the baseline
        expected = -(advantage * log_probs).mean()
    assert value.item() == pytest.approx(expected.item(), abs=1e-3)


def test_of_equal_samples_only_the_first_counts_for_minimum_risk():
    ids = torch.tensor([[[1, 2], [1, 2], [3, 4], [1, 2]]])
    assert sequence.first_times(ids).tolist() == [[True, False, True, False]]


def test_a_run_lowers_its_loss_on_texts_it_sees_again_and_leaves_the_bundled_model_alone(nano):
    before = nano.network.embedding.weight.clone()
    network = products.trainable(nano.network)
    texts = windows()
    steps = list(sequence.run(network, texts, "cross_entropy", SMALL, steps=12, generator=seeded()))
    assert [step.number for step in steps] == list(range(1, 13)) and steps[-1].loss < 0.9 * steps[0].loss
    assert torch.equal(before, nano.network.embedding.weight)


def test_the_same_seed_gives_the_same_run(nano):
    runs = [[step.loss for step in sequence.run(products.trainable(nano.network), windows(), "reinforce_baseline", SMALL, steps=2, generator=seeded(9))] for _ in range(2)]  # fmt: skip
    assert runs[0] == runs[1]


def test_the_recorded_runs_start_where_a_fresh_measurement_starts(nano):
    run = recorded.load()
    assert run["revision"] == nano.revision, "nano has changed: run python -m lmviz.data.recorded.sequence again"
    setting = sequence.Setting(**run["setting"])
    found = sequence.measure(nano.network, torch.from_numpy(recorded.windows()[1]), setting, generator=seeded())
    for rows in (seed for seeds in run["runs"].values() for seed in seeds):
        assert rows[0] == pytest.approx({"step": 0} | found, abs=2e-4)
        assert [row["step"] for row in rows] == list(range(0, run["steps"] + 1, 20))
    assert {len(seeds) for seeds in run["runs"].values()} == {len(run["seeds"])} and len(run["seeds"]) >= 3


def test_a_recorded_gradient_is_what_a_fresh_one_is(nano):
    run = recorded.load()
    fresh = recorded.gram_matrices(nano, sequence.Setting(**run["setting"]), batches=2)
    for name, gram in fresh.items():
        np.testing.assert_allclose(np.array(gram), np.array(run["gradients"][name])[:2, :2], rtol=2e-2, atol=2e-2 * gram[0][0])
    assert all(gradient_noise.signal_and_noise(gram)[1] > 0 for gram in run["gradients"].values())


def test_what_nano_wrote_before_is_what_it_writes_now(nano):
    run = recorded.load()
    assert recorded.written(nano.network, nano) == run["before"]
    assert all(after != run["before"] for after in run["after"].values())
