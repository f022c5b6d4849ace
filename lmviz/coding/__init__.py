"""Loss is code length: a text as a file of as many bits as a model's cross-entropy says, and back.

`encode(model, text)` gives the bytes of a file, `decode(model, blob)` the text, exactly, or a ReaderError. The parts:
`arithmetic` spends −log₂ P bits on an outcome, `quantise` turns logits into whole numbers that both sides agree on,
`container` is the file's head, `coder` runs the model beside them; `huffman` is the older code of whole bits a token,
and `compressors` are the programs everybody has.
"""

from lmviz.coding.coder import Coded, decode, decoding, encode, encoding

__all__ = ["Coded", "decode", "decoding", "encode", "encoding"]
