"""What the person at the keyboard can put right."""


class Problem(Exception):
    """Something outside this program stands in the way; the message says what it is and what to do."""
