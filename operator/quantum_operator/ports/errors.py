"""What the world answers when it does not do as asked. Every adapter of a port raises these and no others."""


class ConflictError(Exception):
    """The object has changed since it was observed: throw the decision away and observe again."""


class GoneError(Exception):
    """The object is no longer there."""


class RefusedError(Exception):
    """The platform refuses to create a run (quota, LimitRange, admission). The message is its own."""


class NameTakenError(Exception):
    """Something that is not ours has the name of a run or an artifact."""


class TransientError(Exception):
    """The platform could not answer. What was asked may or may not have happened."""
