"""The Llama forward: against transformers' on the same weights, packed, with a past, and its weights there and back."""

import pytest
import torch

from lmviz.models import weights
from lmviz.models.llama import Llama, LlamaConfig, Past, rotary_table, rotate


def reference_states(reference, ids):
    with torch.inference_mode():
        return reference.network.model(torch.tensor([list(ids)])).last_hidden_state[0]


@pytest.mark.parametrize("lengths", [[1], [7], [5, 5], [1, 9, 3], [64, 2]])
def test_packed_states_are_those_of_transformers_text_by_text(small, small_reference, lengths):
    generator = torch.Generator().manual_seed(1)
    batch = [torch.randint(300, (n,), generator=generator).tolist() for n in lengths]
    states, _ = small.states(batch)
    for ids, mine in zip(batch, states):
        torch.testing.assert_close(mine, reference_states(small_reference, ids), rtol=0, atol=1e-4)


@pytest.mark.parametrize("cut", [1, 2, 8, 11])
def test_going_on_from_a_past_is_reading_it_all(small, cut):
    ids = [5, 9, 42, 17, 200, 131, 7, 7, 7, 256, 80, 3]
    (whole,), _ = small.states([ids])
    _, (past,) = small.states([ids[:cut]], remember=True)
    (rest,), (new,) = small.states([ids[cut:]], [past], remember=True)
    torch.testing.assert_close(rest, whole[cut:], rtol=0, atol=1e-5)
    assert new.length == len(ids) and past.length == cut and past.keys[0].shape[1] == cut


def test_texts_with_and_without_a_past_go_together(small):
    _, (past,) = small.states([[5, 9, 42]], remember=True)
    (one, two, three), _ = small.states([[17, 200], [8, 8, 8, 8], [17]], [past, None, past.prefix(2)])
    torch.testing.assert_close(one, small.states([[5, 9, 42, 17, 200]])[0][0][3:], rtol=0, atol=1e-5)
    torch.testing.assert_close(two, small.states([[8, 8, 8, 8]])[0][0], rtol=0, atol=1e-5)
    torch.testing.assert_close(three, small.states([[5, 9, 17]])[0][0][2:], rtol=0, atol=1e-5)


def test_a_past_has_only_the_prefixes_it_has(small):
    _, (past,) = small.states([[5, 9, 42]], remember=True)
    assert past.prefix(0).length == 0 and past.prefix(3).length == 3
    for length in (-1, 4):
        with pytest.raises(ValueError, match="length must be 0 to 3"):
            past.prefix(length)
    assert past.n_bytes == 2 * 3 * 2 * 3 * 16 * 4  # keys and values, layers, groups, positions, head_dim, bytes


def test_the_form_that_trains_gives_the_states_that_the_packed_form_gives(small):
    ids = torch.randint(300, (3, 11), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        trained = small.network(ids)
    for row, mine in zip(ids.tolist(), trained):
        torch.testing.assert_close(mine, small.states([row])[0][0], rtol=0, atol=1e-5)


def test_gradients_flow_through_the_forward_that_scores():
    config = LlamaConfig(50, 16, 24, 2, 2, 1, 32)
    network = Llama(config)
    network.init_weights(torch.Generator().manual_seed(0))
    network(torch.tensor([[1, 2, 3], [4, 5, 6]])).pow(2).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert network.layers[0].qkv.weight.grad.abs().sum() > 0


def test_equal_generators_make_equal_weights():
    config = LlamaConfig(50, 16, 24, 2, 2, 1, 32)
    a, b = Llama(config), Llama(config)
    for network in (a, b):
        network.init_weights(torch.Generator().manual_seed(3))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters()))


def test_weights_go_to_transformers_names_and_back_unchanged():
    config = LlamaConfig(50, 16, 24, 2, 4, 2, 32)
    state = {name: torch.randn(p.shape) for name, p in Llama(config).named_parameters()}
    back = weights.from_hf(weights.to_hf(state, config), config)
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)


def test_rotation_keeps_lengths_and_makes_products_depend_on_distance_alone():
    config = LlamaConfig(50, 16, 24, 2, 2, 1, 32)
    cos, sin = (t.unsqueeze(1) for t in rotary_table(config))
    q, k = torch.randn(1, 1, 8).expand(32, 1, 8), torch.randn(1, 1, 8).expand(32, 1, 8)
    q_turned, k_turned = rotate(q, cos, sin), rotate(k, cos, sin)
    torch.testing.assert_close(q_turned.norm(dim=-1), q.norm(dim=-1))
    products = torch.einsum("qhd,khd->qk", q_turned, k_turned)
    for distance in (0, 1, 5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-4)


def test_undoing_the_files_rotary_order_puts_pair_i_at_i_and_i_plus_half():
    side_by_side = torch.arange(8.0).repeat_interleave(1).view(8, 1)  # one head of 8: pairs (0,1) (2,3) (4,5) (6,7)
    assert weights.rotary_halves(side_by_side, 8)[:, 0].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def test_a_tick_between_layers_can_stop_the_work(small):
    class Enough(Exception):
        pass

    seen = []

    def tick(fraction):
        seen.append(fraction)
        if fraction > 0.5:
            raise Enough

    with pytest.raises(Enough):
        small.states([[1, 2, 3]], tick=tick)
    assert seen == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


def test_an_empty_past_tuple_is_no_past(small):
    assert isinstance(small.states([[1]], remember=True)[1][0], Past)


def test_the_number_of_weights_is_counted_from_the_sizes():
    config = LlamaConfig(50, 16, 24, 2, 4, 2, 32)
    assert config.n_parameters == sum(p.numel() for p in Llama(config).parameters())
