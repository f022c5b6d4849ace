"""The softmax that is never written down says what the plain one says, in value and in gradient."""

import pytest
import torch

from lmviz import information
from lmviz.vocabulary import chunked


def example(T, V, D, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(T, D, generator=generator, dtype=dtype), torch.randn(V, D, generator=generator, dtype=dtype)]
    return *made, torch.randint(V, (T,), generator=generator)


@pytest.mark.parametrize("T, V, rows", [(1, 2, 1), (7, 11, 3), (20, 50, 7), (5, 4096, None)])
def test_loss_and_both_gradients_are_those_of_the_plain_softmax(T, V, rows):
    states, weight, targets = example(T, V, 6)

    def gradients_of(loss):
        inputs = [states.clone().requires_grad_(), weight.clone().requires_grad_()]
        value = loss(*inputs)
        return value.detach(), *torch.autograd.grad(2.5 * value, inputs)

    plain = gradients_of(lambda s, w: torch.nn.functional.cross_entropy(s @ w.T, targets))
    strips = gradients_of(lambda s, w: chunked.cross_entropy(s, w, targets, rows=rows))
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(plain, strips, strict=True))


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_readings_are_those_of_the_whole_table(rows):
    states, weight, targets = example(9, 40, 5, seed=1)
    logits = states @ weight.T
    log_q = logits.log_softmax(1)
    got = chunked.readings(states, weight, targets, top_k=4, rows=rows)
    assert torch.allclose(got.losses, -log_q.gather(1, targets[:, None])[:, 0])
    assert torch.allclose(got.entropies, information.entropy(log_q.exp()))
    assert got.ranks.tolist() == [1 + int((row > row[y]).sum()) for row, y in zip(log_q, targets)]
    assert torch.equal(got.top_ids, log_q.topk(4, 1).indices) and torch.allclose(got.top_log_probs, log_q.topk(4, 1).values)


def test_no_more_than_a_strip_of_logits_is_ever_alive(monkeypatch):
    states, weight, targets = example(64, 1000, 3, dtype=torch.float32)
    monkeypatch.setattr(chunked, "STRIP_BYTES", 4 * 1000 * 4)
    monkeypatch.setattr(chunked, "FEWEST_ROWS", 1)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and out.dim() == 2 and out.shape[1] == 1000:
                largest = max(largest, out.shape[0])
            return out

    with Watch():
        chunked.readings(states, weight, targets)
        chunked.cross_entropy(states, weight, targets)
    assert largest == 4


def test_a_row_without_a_target_is_refused():
    states, weight, targets = example(3, 5, 2)
    with pytest.raises(ValueError, match="targets"):
        chunked.cross_entropy(states, weight, targets[:2])
