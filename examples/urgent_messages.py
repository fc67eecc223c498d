"""The task of the text script: rare urgent messages in an invented language."""

from itertools import product

import torch

_WORDS = ["".join(pair) for pair in product("bdfgklmnprst", "aeiou")]
_N_WORDS = 10
"""Words of a message."""


def n_words() -> int:
    """Return how many words the language has; each is a token."""
    return len(_WORDS)


def load_tokens(n: int, seed: int) -> list[dict]:
    """Return tokens and labels of messages, 1 for the urgent, which are one in twelve.

    Every word adds to the urgency or takes from it, and so does chance.
    """
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(len(_WORDS), (n, _N_WORDS), generator=generator)
    urgency = torch.linspace(-1, 1, len(_WORDS))[words].sum(-1)
    is_urgent = urgency + torch.randn(n, generator=generator) > 3
    texts = [" ".join(_WORDS[word] for word in message) for message in words]
    return [
        {"input_ids": tokenize(text), "labels": int(label)}
        for text, label in zip(texts, is_urgent, strict=True)
    ]


def tokenize(text: str) -> list[int]:
    """Return the number of each word."""
    return [_WORDS.index(word) for word in text.split()]
