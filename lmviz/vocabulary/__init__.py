"""Three ways round a large softmax: a tree of choices, clusters by frequency, and the full one without ever writing it down.

T positions, D numbers a state, V tokens; all losses are nats, one per position.
"""
