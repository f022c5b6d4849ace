"""The coder: what goes in comes out, in as many bits as the model's cross-entropy, and nothing else ever comes out."""

import bz2
import gzip
import itertools
import lzma
import math
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyppmd
import pytest
import torch
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

sys.path.insert(0, str(Path(__file__).parent))
from toy_model import Toy  # noqa: E402

from lmviz import coding, models, units  # noqa: E402
from lmviz.coding import arithmetic, coder, compressors, container, huffman, quantise  # noqa: E402
from lmviz.data import examples  # noqa: E402
from lmviz.errors import ReaderError  # noqa: E402
from lmviz.models import scoring  # noqa: E402
from lmviz.models.port import Encoded  # noqa: E402

SEVERAL = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
PIECES = ["a", " the", "\x00", "\x04", "\x1b", "\r\n", "\u202e", "é", "e\u0301", "日本", "🐱", "👩‍🔬", "\ufffd", "\ufeff", "<|start|>", "ﷺ", "\U0010ffff"]
HARD = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.fixture(scope="module")
def nano():
    return models.load("nano")


def passage(name: str) -> str:
    return next(p.text for p in examples.passages() if p.id == name)


def coded(model, text, **options) -> coding.Coded:
    return coder.run(coding.encoding(model, text, **options), 0)


# the arithmetic coder ---------------------------------------------------------------------------------------------

SHARES = st.integers(1, 32).flatmap(
    lambda scale: st.lists(
        st.integers(1, 2**scale).flatmap(lambda count: st.integers(0, 2**scale - count).map(lambda start: (start, count, scale))), max_size=40
    )
)


@settings(max_examples=200, deadline=None)
@given(SHARES)
def test_the_decoder_finds_every_share_again_and_the_bits_are_few(shares):
    encoder = arithmetic.Encoder()
    for share in shares:
        encoder.encode(*share)
    bits = encoder.finish()
    ideal = math.fsum(scale - math.log2(count) for _, count, scale in shares)
    assert len(bits) <= ideal + 2 + len(shares) * quantise.MARGIN
    decoder = arithmetic.Decoder(arithmetic.to_bytes(bits))
    for start, count, scale in shares:
        assert start <= decoder.target(scale) < start + count
        decoder.consume(start, count, scale)


@given(st.lists(st.integers(1, 15).flatmap(lambda n: st.tuples(st.integers(0, 16 - n), st.just(n))), max_size=15))
def test_the_bits_name_a_number_inside_the_exact_interval(shares):
    low, width = Fraction(0), Fraction(1)
    encoder = arithmetic.Encoder()
    for start, count in shares:  # sixteenths, fifteen times: 60 places, so nothing is rounded
        low, width = low + width * Fraction(start, 16), width * Fraction(count, 16)
        encoder.encode(start, count, 4)
    number = sum((Fraction(bit, 2 ** (i + 1)) for i, bit in enumerate(encoder.finish())), Fraction(0))
    assert low <= number < low + width


@pytest.mark.parametrize("share", [(0, 0, 4), (-1, 2, 4), (15, 2, 4), (0, 1, 0), (0, 1, 41)])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match="must be"):
        arithmetic.Encoder().encode(*share)


def test_the_likeliest_and_the_least_likely_shares_alternate_without_loss():
    scale, shares = 32, [(1, 2**32 - 1), (0, 1), (2**32 - 1, 1), (0, 2**32 - 1)] * 50
    encoder = arithmetic.Encoder()
    for share in shares:
        encoder.encode(*share, scale)
    decoder = arithmetic.Decoder(arithmetic.to_bytes(encoder.finish()))
    for start, count in shares:
        assert start <= decoder.target(scale) < start + count
        decoder.consume(start, count, scale)


# whole numbers instead of probabilities ---------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3, width=32) | st.just(-math.inf), min_size=2, max_size=60).filter(lambda z: max(z) > -math.inf), st.integers(8, 40))
def test_every_token_gets_a_share_and_costs_at_most_the_stated_loss_more(logits, scale):
    made = quantise.counts(np.array(logits, dtype=np.float32), scale)
    assert made.min() >= 1 and int(made.sum()) == 2**scale
    ideal = -log_softmax(np.array(logits)) / math.log(2)
    assert (scale - np.log2(made) <= ideal + quantise.precision_loss(len(logits), scale) + 1e-9).all()


def test_a_vocabulary_of_50_000_tokens_fits_and_nobody_pays_more_than_a_ten_thousandth_of_a_bit():
    logits = np.random.default_rng(0).normal(0, 4, 49_152).astype(np.float32)
    made = quantise.counts(logits)
    extra = 32 - np.log2(made) + log_softmax(logits.astype(np.float64)) / math.log(2)
    assert extra.max() <= quantise.precision_loss(49_152) < 1e-4


@pytest.mark.parametrize("logits", [[math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf], [0.0] * 2**9])
def test_logits_without_a_distribution_and_vocabularies_without_room_are_refused(logits):
    with pytest.raises(ValueError, match="logits must be"):
        quantise.counts(np.array(logits), scale=9)


# text → file → text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["uniform", "unigram", "trigram", "nano"])
@SEVERAL
@given(text=HARD | ANY)
def test_any_text_comes_back_exactly(name, text):
    model = models.load(name)
    assert coding.decode(model, coding.encode(model, text)) == text


@pytest.mark.parametrize("name", ["bigram", "trigram", "nano"])
@pytest.mark.parametrize("text", ["", passage("last-light"), passage("ame-no-kissaten")[:60], "the " * 60], ids=["empty", "poem", "Japanese", "repetition"])
def test_a_file_is_as_long_as_the_summed_cross_entropy(name, text):
    model = models.load(name)
    made = coded(model, text)
    scored = scoring.score(model, text)
    ideal = units.to_bits(scored.total_nats)
    stated = len(scored) * (quantise.precision_loss(model.vocab_size) + 1e-4)  # 1e-4: a step's float32 logits against a whole text's
    assert len(made.bits) <= ideal + stated + 2
    assert len(made.blob) == made.n_head + math.ceil(len(made.bits) / 8) and made.n_head < 60
    assert len(made.settled) == len(scored)
    one_unit_more = -np.log2(np.exp(scored.log_probs) + 2.0**-quantise.SCALE)  # everybody is given a unit: what is all but impossible costs less
    costs = np.array(made.costs)
    assert (costs <= units.to_bits(scored.losses) + 1e-3).all() and (costs >= one_unit_more - 1e-3).all()


def test_texts_longer_than_the_context_use_the_windows_of_scoring_and_come_back(nano):
    text = passage("last-light")
    made = coded(nano, text, context=16)
    assert len(nano.encode(text)) > 100
    assert math.fsum(made.costs) == pytest.approx(units.to_bits(scoring.score(nano, text, context=16).total_nats), abs=0.05)
    assert len(made.bits) > len(coded(nano, text).bits)  # a shorter memory costs
    assert coding.decode(nano, made.blob) == text


def test_a_text_longer_than_nanos_own_context_comes_back(nano):
    text = passage("paper-travels")
    assert len(nano.encode(text)) > nano.context == container.unpack(blob := coding.encode(nano, text))[0].context
    assert coding.decode(nano, blob) == text


def test_the_settled_bits_are_never_ahead_of_what_has_been_paid(nano):
    made = coded(nano, passage("last-light"))
    paid = np.cumsum(made.costs)
    assert (np.diff(made.settled) >= 0).all() and (np.array(made.settled) <= paid + 1e-6).all()
    assert made.settled[-1] <= len(made.bits) <= paid[-1] + 2


def test_one_text_gives_one_file(nano):
    assert coding.encode(nano, examples.OPENING) == coding.encode(nano, examples.OPENING)


class Shaky(Toy):
    """A model whose logits depend on how many ids it was given at once, as real ones' last digits do, here by far more; it keeps a memory."""

    context = 40

    def states(self, batch, pasts=None, *, remember=False, tick=None):
        rows, _ = super().states(batch, pasts)
        (ids,) = batch
        tint = torch.full_like(rows[0], len(ids))
        return [torch.cat([rows[0], tint], 1)], [Memory()]

    def logits(self, states, out=None):
        return self.table[states[:, 0]] + (states[:, 1:] % 7) * torch.linspace(0, 1, 258)


class Memory:
    n_bytes = 0

    def prefix(self, n):
        return self


def test_a_model_that_answers_differently_when_it_reads_at_once_still_comes_back():
    text = "any bytes at all, more than two windows of them: 🐱 " * 3
    assert coding.decode(Shaky(), coding.encode(Shaky(), text)) == text


def test_the_decoder_reads_token_by_token_and_the_encoder_does_the_same():
    reading, writing = Shaky(), Shaky()
    blob = coding.encode(writing, "a text of some length")
    coding.decode(reading, blob)
    assert reading.tokens_read == writing.tokens_read == len("a text of some length")


def test_progress_is_told_of_every_token(nano):
    told = []
    blob = coding.encode(nano, "one two three", progress=lambda *done: told.append(done))
    n = len(nano.encode("one two three"))
    assert told == [(i, n) for i in range(1, n + 1)]
    told.clear()
    coding.decode(nano, blob, progress=lambda *done: told.append(done))
    assert told == [(i, n) for i in range(1, n + 1)]


def test_threads_are_given_back(nano):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        coding.encode(nano, "x")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


class Forgetful(Toy):
    """A vocabulary that lacks some characters and reads them as U+FFFD, as SmolLM2's does."""

    def encode(self, text):
        raw, read = text.encode(), text.replace("\x04", "\ufffd").replace("𓂀", "\ufffd").encode()
        return Encoded(tuple(read), (), (), raw, ("\x04",))


def test_characters_the_vocabulary_lacks_are_spelled_out_in_the_head():
    text = "\x04a\ufffdb𓂀\x04"
    blob = coding.encode(Forgetful(), text)
    assert container.unpack(blob)[0].spelled == ((0, "\x04"), (4, "𓂀"), (5, "\x04"))
    assert coding.decode(Forgetful(), blob) == text


# what is refused --------------------------------------------------------------------------------------------------


def refuses(sentence, model, blob):
    with pytest.raises(ReaderError, match=sentence):
        coding.decode(model, blob)


def test_a_flipped_bit_anywhere_is_noticed(nano):
    blob = coding.encode(nano, "The cat")
    for place in range(len(blob)):
        for bit in range(8):
            broken = bytearray(blob)
            broken[place] ^= 1 << bit
            refuses("damaged|begins with other bytes", nano, bytes(broken))


def test_a_file_cut_off_anywhere_is_noticed(nano):
    blob = coding.encode(nano, "The cat")
    for length in range(len(blob)):
        refuses("damaged|begins with other bytes", nano, blob[:length])
    refuses("damaged", nano, blob + b"\x00")


def test_another_model_other_weights_and_other_files_are_refused(nano):
    blob = coding.encode(nano, "The cat")
    refuses("written with the model “nano”", models.load("trigram"), blob)
    header, payload = container.unpack(blob)
    refuses("other weights of “nano”", nano, container.pack(container.Header(**vars(header) | {"revision": "0"}), payload))
    refuses("not a file that lmviz has compressed", nano, gzip.compress(b"The cat"))


def test_a_payload_changed_together_with_its_checksum_gives_no_garbage(nano):
    header, payload = container.unpack(coding.encode(nano, "The old king was happy."))
    for place in range(len(payload)):
        changed = payload[:place] + bytes([payload[place] ^ 0x55]) + payload[place + 1 :]
        refuses("not the one that went in", nano, container.pack(header, changed))


def test_heads_that_no_encoder_writes_are_refused(nano):
    header, payload = container.unpack(coding.encode(nano, "The cat"))
    for change in ({"n_tokens": 10**12}, {"context": 0}, {"context": nano.context + 1}, {"spelled": ((0, "a"),) * 60}):
        refuses("damaged", nano, container.pack(container.Header(**vars(header) | change), payload))
    for change in ({"n_bytes": 8}, {"n_tokens": 1}, {"spelled": ((99, "a"),)}, {"text_check": b"12345678"}):
        refuses("not the one that went in", nano, container.pack(container.Header(**vars(header) | change), payload))
    body = b"lmv\x01" + b"\xff" * 40
    refuses("damaged", nano, body + zlib.crc32(body).to_bytes(4, "big"))


def test_a_machine_that_computes_other_probabilities_is_found_out_at_the_first_or_at_the_last(nano):
    class Elsewhere(Toy):
        def __init__(self, first, later):
            super().__init__()
            self.first, self.later = first, later

        def logits(self, states, out=None):
            return super().logits(states) * (self.first if states[0, 0] == self.start_id else self.later)

    blob = coding.encode(Toy(), "some text of a few words")
    assert coding.decode(Elsewhere(1.0, 1.0), blob) == "some text of a few words"
    refuses("slightly other probabilities", Elsewhere(1.001, 1.0), blob)
    refuses("not the one that went in", Elsewhere(1.0, 1.2), blob)


def test_half_a_surrogate_pair_and_a_text_too_long_are_refused_in_a_sentence(nano, monkeypatch):
    with pytest.raises(ReaderError, match="half a character"):
        coding.encode(nano, "a\ud83d")
    monkeypatch.setattr(container, "MOST_TOKENS", 3)
    with pytest.raises(ReaderError, match="Compress it in parts"):
        coding.encode(nano, "one two three four five")


@pytest.mark.smollm2
def test_smollm2_writes_and_reads_back_what_its_vocabulary_lacks(smollm2):
    text = "Cats\x04 \ufffd\x06é 🐱"
    made = coded(smollm2, text)
    assert made.n_spelled == 2 and coding.decode(smollm2, made.blob) == text


@pytest.mark.smollm2
def test_the_opening_sentence_takes_smollm2_29_bits_or_what_scoring_says(smollm2):
    made = coded(smollm2, examples.OPENING)
    ideal = units.to_bits(scoring.score(smollm2, examples.OPENING).total_nats)
    assert ideal - 0.01 <= len(made.bits) <= ideal + 2


# Huffman ----------------------------------------------------------------------------------------------------------


def shortest_mean_length(probs) -> float:
    """The least Σ p·length over all lengths that Kraft's inequality allows, tried one by one."""
    V = len(probs)
    allowed = (n for n in itertools.product(range(1, V), repeat=V) if sum(Fraction(1, 2**k) for k in n) <= 1)
    return min(float(np.dot(probs, n)) for n in allowed)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=3, max_size=5).filter(any))
def test_no_prefix_code_is_shorter_than_huffmans(weights):
    probs = np.array(weights) / sum(weights)
    assert float(np.dot(probs, huffman.lengths(probs))) == pytest.approx(shortest_mean_length(probs))


def test_the_unigram_code_wastes_nothing_and_lies_within_a_bit_of_the_entropy():
    model = models.load("unigram")
    probs = quantised_free(model)
    n = huffman.lengths(probs)
    entropy = -float(np.sum(probs * np.log2(probs)))
    assert huffman.kraft(n) == 1
    assert entropy <= float(probs @ n) < entropy + 1
    code = huffman.words(n)
    in_order = sorted(code)
    assert not any(b.startswith(a) for a, b in itertools.pairwise(in_order))
    ids = list(model.encode(passage("last-light")).ids)
    assert huffman.decode(huffman.encode(ids, code), code) == ids


def quantised_free(model) -> np.ndarray:
    """The unigram model's probabilities, float64."""
    (states,), _ = model.states([[model.start_id]])
    probs = np.exp(model.logits(states)[0].double().numpy())
    return probs / probs.sum()


def test_powers_of_one_half_are_coded_at_exactly_their_entropy():
    probs = [1 / 2, 1 / 4, 1 / 16, 1 / 16, 1 / 8]
    assert huffman.lengths(probs).tolist() == [1, 2, 4, 4, 3]


def test_impossible_codes_and_broken_bits_are_refused():
    with pytest.raises(ValueError, match="Kraft sum"):
        huffman.words([1, 1, 2])
    with pytest.raises(ValueError, match="left over"):
        huffman.decode("011", ["0", "10", "110", "111"])
    for probs in ([1.0], [0.5, -0.5], [0.5, math.nan]):
        with pytest.raises(ValueError, match="probs must be"):
            huffman.lengths(probs)


# the others -------------------------------------------------------------------------------------------------------


def test_the_sizes_are_of_files_that_the_programs_themselves_read_back():
    raw = passage("paper-travels").encode()
    made = {name: compress(raw) for name, compress in compressors.COMPRESSORS.items()}
    assert gzip.decompress(made["gzip"]) == bz2.decompress(made["bz2"]) == lzma.decompress(made["xz"]) == raw
    assert zstandard.ZstdDecompressor().decompress(made["zstd"]) == raw
    assert pyppmd.Ppmd7Decoder(compressors.PPMD_ORDER, 16 << 20).decode(made["PPMd"], len(raw)) == raw
    assert compressors.sizes(raw.decode()) == {name: len(blob) for name, blob in made.items()}
