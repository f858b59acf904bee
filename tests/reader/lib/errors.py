"""The two ways in which a medium disappoints."""

USAGE, NOT_A_VAULT, NO_KEY, NO_ANSWER, BUSY, NO_DEVICE, DAMAGED = 2, 11, 12, 13, 16, 19, 20


class Damaged(Exception):
    """Bytes that are not what they must be: a block, an item, a name. Costs what hangs on them."""


class Refused(Exception):
    """The vault as a whole stays closed; carries the exit code."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code = code


def need(good, what):
    if not good:
        raise Damaged(what)
