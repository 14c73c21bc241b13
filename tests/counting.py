"""How much work something is, in calls and not in seconds: machines differ, counts do not."""

import sys


def calls(function, *arguments):
    """The number of calls of Python functions that a call makes."""
    count = 0

    def seen(frame, event, _):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return count
