"""The answers that repdrift gives to input it does not accept: one sentence that says what, where, got, and remedy."""


class RefusedInputError(ValueError):
    """Input that cannot be used as it is; the message says what was expected, what was found, and what to do."""


class SchemaError(RefusedInputError):
    """A labelled Dataset that lacks what a function needs; the message lists every fault at once."""
