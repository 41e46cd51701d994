"""A class that a factory of `test_returned` imports when it is called."""


class There:
    def __init__(self, config: object) -> None: ...
