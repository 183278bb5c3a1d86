"""ftest: the factorial of ?number=N as {"value": N!}."""

import math
import sys

# 10000! has 35 660 digits and takes milliseconds; beyond it a request would hold the interpreter lock, and with it every
# other request of the replica, for seconds.
LARGEST = 10_000

# Python refuses to print whole numbers of more than 4300 digits unless it is told otherwise.
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(40_000)


def handle(event, context):
    """Answers a probe at once, anything else with the factorial, and what is no number with 500 and the reason."""
    if any(name.lower() == "hey" for name in event.headers.keys()):
        return {"statusCode": 200}
    try:
        return {"statusCode": 200, "body": {"value": factorial(event.query.get("number"))}}
    except ValueError as error:
        # as plain text, because it repeats what the caller wrote
        return {"statusCode": 500, "headers": {"Content-Type": "text/plain; charset=utf-8"}, "body": str(error)}


def factorial(text):
    """The factorial of the number that the text is."""
    if text is None:
        raise ValueError("number is missing; ask for example with ?number=50")
    number = int(text)
    if not 0 <= number <= LARGEST:
        raise ValueError(f"number is not from 0 to {LARGEST}")
    return math.factorial(number)
