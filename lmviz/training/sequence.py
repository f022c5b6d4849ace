"""Training on what a model itself writes: scheduled sampling, REINFORCE with and without a baseline, minimum risk; and cross-entropy to compare with.

Every step reads prompts from human text. What follows a prompt is the human's continuation, the model's own, or a mixture; the
functions of `lmviz.sequence_level` say what is to be learned from it. Sources: Bengio et al. 2015; Ranzato et al. 2016; Shen et al. 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lmviz import exposure, sampling, sequence_level
from lmviz.checks import choice
from lmviz.models.llama import Llama, rms_norm, rotate

Memory = tuple[tuple[Tensor, Tensor], ...]  # per layer, keys and values [B, G, positions, head_dim]
METHODS = ("cross_entropy", "scheduled_sampling", "reinforce", "reinforce_baseline", "minimum_risk")


@dataclass(frozen=True)
class Setting:
    """Tokens of a prompt and of a continuation; prompts a step and samples of each; Adam's rate; sharpness of minimum risk; own inputs of the last step."""

    prompt: int = 24
    length: int = 24
    prompts: int = 4
    samples: int = 4
    rate: float = 3e-4
    alpha: float = 0.05
    own: float = 0.5

    @property
    def window(self) -> int:
        """Ids of one text, start token included."""
        return 1 + self.prompt + self.length

    def rows(self, method: str) -> int:
        """How many texts a step reads: as many as it would otherwise write."""
        return self.prompts * (self.samples if choice(method, "method", METHODS) in METHODS[:2] else 1)


@torch.no_grad()
def read_on(network: Llama, ids: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
    """Read [B, n] more ids of B texts of one length: logits [B, V] for the next token of each, and the memory to go on from.

    What `Llama.read` does one text at a time, for all at once: seven times as fast when each step is one token.
    """
    B, n = ids.shape
    c, before = network.config, memory[0][0].shape[2] if memory else 0
    H, G, d, eps = c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.rms_norm_eps
    cos, sin = (table[before : before + n].repeat(B, 1).unsqueeze(1) for table in (network.cos, network.sin))
    x, kept = network.embedding(ids.reshape(-1)), []
    for depth, layer in enumerate(network.layers):
        qkv = layer.qkv(rms_norm(x, layer.attention_norm, eps)).view(-1, H + 2 * G, d)
        rotated = rotate(qkv[:, : H + G], cos, sin)
        q, k, v = (heads.reshape(B, n, -1, d).transpose(1, 2) for heads in (rotated[:, :H], rotated[:, H:], qkv[:, H + G :]))
        if memory:
            k, v = torch.cat([memory[depth][0], k], 2), torch.cat([memory[depth][1], v], 2)
        mask = torch.ones(n, before + n, dtype=torch.bool).tril(before)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=H != G)
        x = layer.add_feed_forward(layer.add_attention(x, attended.transpose(1, 2).reshape(B * n, H * d)), eps)
        kept.append((k, v))
    last = rms_norm(x.view(B, n, -1)[:, -1], network.final_norm, eps)
    return last @ network.embedding.weight.T, tuple(kept)


def write(network: Llama, heads: Tensor, length: int, *, generator: torch.Generator) -> Tensor:
    """Continue texts [N, H] (start token first) by sampling from the network's own distribution: [N, length] ids."""
    logits, memory = read_on(network, heads)
    ids = [sampling.draw(logits, generator)]
    while len(ids) < length:
        logits, memory = read_on(network, ids[-1].unsqueeze(1), memory)
        ids.append(sampling.draw(logits, generator))
    return torch.stack(ids, 1)


def mixed_inputs(network: Llama, windows: Tensor, setting: Setting, own: float, *, generator: torch.Generator) -> Tensor:
    """The texts [N, window] with each token of the continuation replaced, with chance `own`, by one that the network would write there.

    One coin a token, and one token after the other, as Bengio et al. 2015 have it: later tokens see earlier replacements.
    """
    mixed = windows.clone()
    logits, memory = read_on(network, windows[:, : 1 + setting.prompt])
    for t in range(1 + setting.prompt, windows.shape[1]):
        coins = torch.rand(len(windows), generator=generator) < own
        mixed[:, t] = torch.where(coins, sampling.draw(logits, generator), windows[:, t])
        logits, memory = read_on(network, mixed[:, t : t + 1], memory)
    return mixed


def continuation_logits(network: Llama, inputs: Tensor, setting: Setting) -> Tensor:
    """Logits [N, length, V] of the continuation's tokens, each after the ids before it; inputs [N, window]."""
    return network(inputs)[:, setting.prompt : setting.window - 1] @ network.embedding.weight.T


def rewards_of(ids: Tensor, references: Tensor) -> Tensor:
    """GLEU of each text [N, L] with the human continuation of the same prompt [N, L]: [N], from 0 to 1."""
    return torch.tensor([sequence_level.gleu(ours, theirs) for ours, theirs in zip(ids.tolist(), references.tolist(), strict=True)])


def loss(network: Llama, windows: Tensor, method: str, setting: Setting, *, generator: torch.Generator, own: float = 0.0) -> tuple[Tensor, Tensor | None]:
    """What one step makes small, a scalar, and the rewards [prompts · samples] of what was written for it, if anything was.

    `windows` [N, window] are human texts, N = `setting.rows(method)`; `own` is the share of own tokens among scheduled sampling's inputs.
    """
    choice(method, "method", METHODS)
    head, targets = 1 + setting.prompt, windows[:, 1 + setting.prompt :]
    if method in ("cross_entropy", "scheduled_sampling"):
        inputs = windows if method == "cross_entropy" else mixed_inputs(network, windows, setting, own, generator=generator)
        return F.cross_entropy(continuation_logits(network, inputs, setting).flatten(0, 1), targets.flatten()), None
    texts = windows[:, :head].repeat_interleave(setting.samples, 0)
    ids = write(network, texts, setting.length, generator=generator)
    rewards = rewards_of(ids, targets.repeat_interleave(setting.samples, 0))
    log_probs = sequence_level.sequence_log_prob(continuation_logits(network, torch.cat([texts, ids], 1), setting), ids)
    return of_samples(
        log_probs.view(-1, setting.samples), rewards.view(-1, setting.samples), ids.view(-1, setting.samples, setting.length), method, setting
    ), rewards


def of_samples(log_probs: Tensor, rewards: Tensor, ids: Tensor, method: str, setting: Setting) -> Tensor:
    """The scalar of one sequence-level method from what was written: log_probs and rewards [prompts, samples], ids [prompts, samples, length]."""
    if method == "minimum_risk":
        risks = sequence_level.expected_risk(log_probs.masked_fill(~first_times(ids), -torch.inf), 1 - rewards, alpha=setting.alpha)
        return risks.mean()
    baseline = sequence_level.leave_one_out(rewards) if method == "reinforce_baseline" else 0.0
    return sequence_level.reinforce(log_probs, rewards, baseline)


def first_times(ids: Tensor) -> Tensor:
    """Which of the S samples of a prompt were not drawn before: ids [P, S, L] → bool [P, S]. Minimum risk is over a set."""
    same = (ids.unsqueeze(1) == ids.unsqueeze(2)).all(-1)  # [P, S, S]
    return ~same.tril(-1).any(-1)


@dataclass(frozen=True)
class Step:
    """One step of a run: its number from 1, the loss before it, and the mean reward of what was written for it (None if nothing was)."""

    number: int
    loss: float
    reward: float | None


def run(network: Llama, windows: Tensor, method: str, setting: Setting, *, steps: int, generator: torch.Generator) -> Iterator[Step]:
    """Train `network` in place by Adam at a constant rate, one step each time it is asked for the next; texts are drawn from `windows` anew each step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=setting.rate)
    for number in range(1, steps + 1):
        rows = windows[torch.randperm(len(windows), generator=generator)[: setting.rows(method)]]
        value, rewards = loss(network, rows, method, setting, generator=generator, own=setting.own * number / steps)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        yield Step(number, value.item(), None if rewards is None else rewards.mean().item())


def measure(network: Llama, windows: Tensor, setting: Setting, *, generator: torch.Generator) -> dict[str, float]:
    """On held-out texts [N, window]: nats a token of the human continuations; and of one sample each the reward, its cost, and its repetition rates."""
    head, targets = 1 + setting.prompt, windows[:, 1 + setting.prompt :]
    ids = write(network, windows[:, :head], setting.length, generator=generator)
    with torch.no_grad():
        human = F.cross_entropy(continuation_logits(network, windows, setting).flatten(0, 1), targets.flatten())
        own = sequence_level.sequence_log_prob(continuation_logits(network, torch.cat([windows[:, :head], ids], 1), setting), ids)
    rates = {f"repeated_{n}": float(exposure.repetition_rate(ids.numpy(), n=n).mean()) for n in (1, 2)}
    return {"human_nats": human.item(), "own_nats": -own.mean().item() / setting.length, "reward": rewards_of(ids, targets).mean().item()} | rates


def flat_gradient(network: Llama, value: Tensor) -> Tensor:
    """The gradient of a scalar with respect to all weights, as one vector [n_parameters]."""
    gradients = torch.autograd.grad(value, list(network.parameters()), retain_graph=True)
    return torch.cat([g.flatten() for g in gradients])
