"""The counting models: proper distributions everywhere, and Kneser–Ney as the paper writes it, by hand."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from lmviz.errors import ReaderError
from lmviz.models import ngram
from lmviz.models.port import CausalLM
from lmviz.training.counts import count, discounts

LOADED = {name: ngram.load(name) for name in ngram.ORDERS}
PASSAGE = "It was a dark night, and the old man sat by the fire.\n“Who is there?” he said."


def log_probs(model, ids):
    (rows,), _ = model.states([ids])
    return model.logits(rows)


@pytest.mark.parametrize("name", ngram.ORDERS)
def test_every_row_sums_to_one_at_seen_unseen_and_control_contexts(name):
    model = LOADED[name]
    rng = np.random.default_rng(1)
    contexts = torch.from_numpy(rng.integers(0, model.vocab_size, (60, 2)))  # mostly never seen
    seen, _ = model.states([model.encode(PASSAGE).ids])
    rows = torch.cat([contexts, seen[0], torch.tensor([[0, 0], [1, 2], [2, 1]])])
    sums = model.logits(rows).double().exp().sum(1)
    assert torch.allclose(sums, torch.ones(len(rows), dtype=torch.float64), atol=1e-6)


@pytest.mark.parametrize("name", ngram.ORDERS)
def test_no_token_is_impossible(name):
    assert torch.isfinite(log_probs(LOADED[name], [0, 5, 300])).all()


@pytest.mark.parametrize("name", ngram.ORDERS)
def test_the_models_answer_to_the_port(name):
    assert isinstance(LOADED[name], CausalLM)


def test_uniform_costs_ln_v_for_every_token():
    assert torch.allclose(log_probs(LOADED["uniform"], [0, 9]), torch.tensor(-np.log(4096.0)).float())


def test_a_longer_context_makes_prose_cheaper():
    costs = []
    for model in LOADED.values():
        ids = model.encode(PASSAGE).ids
        costs.append(-float(log_probs(model, (0, *ids[:-1])).gather(1, torch.tensor(ids)[:, None]).mean()))
    assert costs == sorted(costs, reverse=True) and len(set(costs)) == 4


def test_the_model_forgets_all_but_two_tokens():
    model = LOADED["trigram"]
    assert torch.equal(log_probs(model, [0, 17, 400, 500])[-1], log_probs(model, [3000, 90, 400, 500])[-1])


def test_the_start_of_a_text_reads_as_the_start_of_a_line():
    model = LOADED["trigram"]
    newline = model.encode("\n").ids[0]
    assert torch.equal(log_probs(model, [model.start_id]), log_probs(model, [newline]))


def kneser_ney_by_hand(ids, V, D):
    """P(w | u v) straight from the definition, with dictionaries; D[order] = the discounts of that order."""
    triples, pairs = Counter(zip(ids, ids[1:], ids[2:])), Counter(zip(ids, ids[1:]))
    before_pair, before_word = defaultdict(set), defaultdict(set)
    for u, v, w in triples:
        before_pair[v, w].add(u)
    for v, w in pairs:
        before_word[w].add(v)

    def unigram(w):
        kinds = {x: len(s) for x, s in before_word.items()}
        given = sum(min(k, 0.75) for k in kinds.values())
        return (max(kinds.get(w, 0) - 0.75, 0) + given / V) / sum(kinds.values())

    def level(w, followers, discount, lower):
        total = sum(followers.values())
        if not total:
            return lower
        taken = sum(discount[min(c, 3)] for c in followers.values())
        c = followers.get(w, 0)
        return (c - discount[min(c, 3)]) / total + taken / total * lower

    def trigram(u, v, w):
        kinds = {x: len(s) for (y, x), s in before_pair.items() if y == v}
        middle = level(w, kinds, D["pair"], unigram(w))
        return level(w, {x: c for (a, b, x), c in triples.items() if (a, b) == (u, v)}, D["triple"], middle)

    return trigram


def test_the_trigram_is_interpolated_kneser_ney_as_defined():
    ids = np.random.default_rng(5).zipf(1.3, 3000).clip(max=11)
    counts = count(ids, 12, keep_pairs=1, keep_triples=1)
    D = {"pair": counts["bigram_kinds_discounts"], "triple": counts["trigram_discounts"]}
    expected = kneser_ney_by_hand(ids.tolist(), 12, D)
    tables = [ngram.table(counts, "bigram_kinds", "bigram"), ngram.table(counts, "trigram", "trigram")]
    model = ngram.NgramLM(LOADED["uniform"].tokenizer, name="toy", revision="", start_id=0, line_id=1,
                          unigram=ngram.smoothed_unigram(counts["unigram_kinds"], 0.75), tables=tables)  # fmt: skip
    for u, v in [(1, 1), (1, 2), (3, 1), (11, 7), (8, 9)]:
        got = model.logits(torch.tensor([[u, v]]))[0].exp().tolist()
        assert got == pytest.approx([expected(u, v, w) for w in range(12)], abs=1e-6)


def test_leaving_rare_triples_out_keeps_the_rows_proper_and_the_kept_shares():
    ids = np.random.default_rng(6).zipf(1.3, 4000).clip(max=19)
    whole, pruned = (ngram.table(count(ids, 20, keep_triples=k), "trigram", "trigram") for k in (1, 3))
    i, j = int(np.searchsorted(whole.contexts, 1 * 20 + 2)), int(np.searchsorted(pruned.contexts, 1 * 20 + 2))
    every = dict(zip(whole.words[whole.offsets[i] : whole.offsets[i + 1]], whole.probs[whole.offsets[i] : whole.offsets[i + 1]]))
    kept = dict(zip(pruned.words[pruned.offsets[j] : pruned.offsets[j + 1]], pruned.probs[pruned.offsets[j] : pruned.offsets[j + 1]]))
    assert 0 < len(kept) < len(every) and all(every[w] == p for w, p in kept.items())
    row = pruned.interpolate(np.full((1, 20), 0.05), np.array([1 * 20 + 2]))
    assert row.sum() == pytest.approx(1.0, abs=1e-12)


def test_counts_above_a_byte_survive_the_file_layout():
    ids = np.array([1, 2] * 400 + [1, 3, 1, 3])
    counts = count(ids, 4, keep_pairs=1, keep_triples=1)
    table = ngram.table(counts, "bigram", "bigram")
    first = dict(zip(table.words[: table.offsets[1]], table.probs[: table.offsets[1]]))
    assert first[2] == pytest.approx((400 - 0.5) / 402)


def test_discounts_are_chen_and_goodmans():
    n1, n2, n3, n4 = 100, 40, 20, 12
    y = n1 / (n1 + 2 * n2)
    got = discounts(np.repeat([1, 2, 3, 4, 9], [n1, n2, n3, n4, 5]))
    assert got == pytest.approx([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ReaderError, match="bigram"):
        ngram.load("pentagram")


def test_a_truncated_counts_file_is_named_with_its_remedy(tmp_path):
    import shutil

    shutil.copytree(ngram.DATA / "ngrams", tmp_path / "ngrams")
    shutil.copytree(ngram.DATA / "tokenizer", tmp_path / "tokenizer")
    file = tmp_path / "ngrams" / "counts.npz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ReaderError, match="counts.npz") as caught:
        ngram.load("trigram", tmp_path)
    assert caught.value.remedy


def test_two_texts_read_together_are_read_as_alone():
    model = LOADED["trigram"]
    a, b = [0, 300, 301], [0, 900]
    together, _ = model.states([a, b])
    assert torch.equal(together[1], model.states([b])[0][0]) and torch.equal(together[0], model.states([a])[0][0])
