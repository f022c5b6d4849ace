"""An arithmetic coder: outcomes in, bits out, −log₂ of their probabilities in all (and less than a bit more).

A text is an interval. It starts as all numbers from 0 to 1; each outcome keeps the share of it that is the outcome's probability.
The file is the shortest binary fraction inside what is left: an interval of width P holds one of at most ⌈−log₂ P⌉ bits.
Only whole numbers are used: a window of 64 binary places slides along, and places that can no longer change are written.
Source: Witten, Neal & Cleary 1987, "Arithmetic Coding for Data Compression", CACM 30; the interval is Shannon's (1948), Fano's and Elias's.
"""

from __future__ import annotations

PLACES = 64
WHOLE = 1 << PLACES
HALF, QUARTER = WHOLE >> 1, WHOLE >> 2
MOST_SCALE = 40  # probabilities are whole numbers of 2^-scale: the window keeps at least 62 − scale places to spare


class Encoder:
    """Writes bits. `bits` are those that are settled; some wait until it is known which way they fall.

    >>> encoder = Encoder()
    >>> for _ in range(3):
    ...     encoder.encode(0, 3, scale=2)        # three times an outcome of probability 3/4: 3 × 0.415 bits
    >>> encoder.finish()                          # what is left, [0, 27/64), lies below 1/2: its first place is a 0, and 0.0₂ is in it
    [0]
    """

    def __init__(self):
        self.low, self.high = 0, WHOLE - 1  # the interval, both ends in it, in units of 2^-64 of the window
        self.bits: list[int] = []
        self.waiting = 0  # bits that will be the opposite of the next one

    def encode(self, start: int, count: int, scale: int) -> None:
        """Keep the share [start, start + count) of 2^scale. Raises ValueError if that is no share."""
        self.low, self.high = _narrowed(self.low, self.high, start, count, scale)
        while True:
            if self.high < HALF:
                self._write(0)
            elif self.low >= HALF:
                self._write(1)
                self.low, self.high = self.low - HALF, self.high - HALF
            elif self.low >= QUARTER and self.high < HALF + QUARTER:  # around the middle: 01… or 10…, not known yet
                self.waiting += 1
                self.low, self.high = self.low - QUARTER, self.high - QUARTER
            else:
                return
            self.low, self.high = 2 * self.low, 2 * self.high + 1

    def finish(self) -> list[int]:
        """All bits: the shortest that, with zeros for ever after them, name a number inside the interval."""
        if not self.low and not self.waiting:
            return self.bits
        for n in range(PLACES + 1):
            unit = 1 << (PLACES - n)
            value = -(-self.low // unit)  # rounded up to n places
            if value * unit <= self.high and value < 1 << n:
                digits = [value >> (n - 1 - i) & 1 for i in range(n)]
                break
        if digits:
            self._write(digits[0])
            self.bits += digits[1:]
        else:  # subtle: 0 is inside, but waiting bits still have to be told which way they fell
            self._write(0)
        return self.bits

    def _write(self, bit: int) -> None:
        self.bits.append(bit)
        self.bits += [1 - bit] * self.waiting
        self.waiting = 0


class Decoder:
    """Reads what an `Encoder` wrote: ask where the file's number lies, then say which share that was."""

    def __init__(self, payload: bytes):
        self.low, self.high = 0, WHOLE - 1
        self._payload, self._place = payload, 0
        self.value = 0
        for _ in range(PLACES):
            self.value = 2 * self.value + self._read()

    def target(self, scale: int) -> int:
        """The number's place within the interval, in units of 2^-scale of it: the outcome whose share holds it was encoded."""
        return ((self.value - self.low + 1 << scale) - 1) // (self.high - self.low + 1)

    def consume(self, start: int, count: int, scale: int) -> None:
        """The same step as the encoder's."""
        self.low, self.high = _narrowed(self.low, self.high, start, count, scale)
        while True:
            if self.high < HALF:
                gone = 0
            elif self.low >= HALF:
                gone = HALF
            elif self.low >= QUARTER and self.high < HALF + QUARTER:
                gone = QUARTER
            else:
                return
            self.low, self.high = 2 * (self.low - gone), 2 * (self.high - gone) + 1
            self.value = 2 * (self.value - gone) + self._read()

    def _read(self) -> int:
        byte, bit = divmod(self._place, 8)
        self._place += 1
        return self._payload[byte] >> (7 - bit) & 1 if byte < len(self._payload) else 0  # beyond the end: zeros for ever


def _narrowed(low: int, high: int, start: int, count: int, scale: int) -> tuple[int, int]:
    """The share [start, start + count) of 2^scale of the interval; both ends of the code take this step."""
    if not 0 < scale <= MOST_SCALE:
        raise ValueError(f"scale must be 1 to {MOST_SCALE}, got {scale}")
    if not (count > 0 and 0 <= start and start + count <= 1 << scale):
        raise ValueError(f"start and count must be a share of 2^{scale} that is not empty, got {start} and {count}")
    span = high - low + 1
    return low + (span * start >> scale), low + (span * (start + count) >> scale) - 1


def to_bytes(bits: list[int]) -> bytes:
    """Bits as bytes, the first bit highest; the last byte is filled with zeros.

    >>> to_bytes([1, 0, 1]).hex()
    'a0'
    """
    n_bytes = -(-len(bits) // 8)
    return int("".join(map(str, bits)) or "0", 2).__lshift__(8 * n_bytes - len(bits)).to_bytes(n_bytes, "big")
