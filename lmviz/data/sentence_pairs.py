"""Pairs of sentences that say the same in other words, written for this book (CC BY 4.0); and sentences to train on. No torch, no Streamlit.

No model of this project may see the pairs while it is trained. `TRAINING` holds sentences of the public-domain works that the bundled
models were trained on, one a line, picked by `python -m lmviz.data.sentence_pairs CORPUS`.
"""

from __future__ import annotations

import random
import re
import sys
from functools import lru_cache
from pathlib import Path

TRAINING = Path(__file__).with_name("sentences.txt")
OPENING = 8  # pairs that the chapter opens with

PAIRS = (
    ("The cat was asleep on the warm stove.", "On the hot stove lay a sleeping cat."),
    ("The ship went down in a storm near the coast.", "A gale sank the vessel close to the shore."),
    ("She wrote a long letter to her brother.", "Her brother was sent a long letter by her."),
    ("The king gave his daughter to the poor soldier.", "The princess was married to a soldier without money."),
    ("It rained all night and the river rose.", "The water of the river was high after a night of rain."),
    ("He lost all his money at cards.", "Playing cards had cost him everything he owned."),
    ("The old doctor rode home through the snow.", "Through the snow the aged physician went home on his horse."),
    ("The children were playing in the garden.", "In the garden the boys and girls were at their games."),
    ("The judge sent the thief to prison for five years.", "For five years the robber was put in jail by the judge."),
    ("Her mother was ill and could not leave her bed.", "Sick as she was, her mother had to stay in bed."),
    ("They sold the house and went to live in London.", "When the house was sold they moved to London."),
    ("A dog barked behind the gate.", "Behind the gate there was the barking of a dog."),
    ("The fire burned low and the room grew cold.", "As the fire died the room lost its warmth."),
    ("The young man asked her to be his wife.", "He, who was young, made her an offer of marriage."),
    ("The soldiers crossed the bridge at dawn.", "At daybreak the troops went over the bridge."),
    ("There was no bread left in the village.", "The village had nothing more to eat; all the bread was gone."),
    ("The captain looked at the sea and said nothing.", "Without a word the captain watched the waves."),
    ("The train was late and we missed the dinner.", "We came too late for dinner because of the train."),
    ("My uncle keeps bees in his orchard.", "There are beehives among my uncle's fruit trees."),
    ("The church bell rang at midnight.", "At twelve in the night one heard the bell of the church."),
    ("The teacher was angry with the lazy boy.", "The idle pupil had made his teacher furious."),
    ("She put on her hat and went out without a word.", "Saying nothing, she took her hat and left."),
    ("The farmer lost his sheep in the fog.", "In the mist the sheep strayed from the farmer."),
    ("The book was so dull that he fell asleep.", "He slept over the book, so tedious was it."),
)


@lru_cache(1)
def training() -> tuple[str, ...]:
    """Sentences to train on."""
    return tuple(TRAINING.read_text(encoding="utf-8").splitlines())


def pick(texts, n: int, *, shortest: int = 35, longest: int = 95, seed: int = 0) -> list[str]:
    """`n` sentences of plain prose from texts, drawn with a seed: whole, of middling length, no dialogue."""
    found = set()
    for text in texts:
        for sentence in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", text)):
            if shortest <= len(sentence) <= longest and re.fullmatch(r"[A-Z][a-z ,;'’-]*[A-Za-z ,;'’-]*\.", sentence):
                found.add(sentence)
    return random.Random(seed).sample(sorted(found), n)


def main() -> None:
    from lmviz.training.corpus import held_out, works

    everything = list(works(Path(sys.argv[1])))
    kept = held_out(everything)
    texts = (work.text for work in everything if work.name not in kept)
    TRAINING.write_text("\n".join(pick(texts, 2500)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
