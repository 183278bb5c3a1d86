"""sleepy: sleeps ?number=S seconds, then {"value": "Good Morning!"}."""

import time

# The watchdog of the template gives up on a function after 30 s; a longer sleep would hold a worker thread for an answer
# that nobody gets.
LONGEST_SECONDS = 30


def handle(event, context):
    """Answers a probe at once, anything else after the sleep, and what is no number with 500 and the reason."""
    if any(name.lower() == "hey" for name in event.headers.keys()):
        return {"statusCode": 200}
    try:
        time.sleep(seconds(event.query.get("number")))
    except ValueError as error:
        # as plain text, because it repeats what the caller wrote
        return {"statusCode": 500, "headers": {"Content-Type": "text/plain; charset=utf-8"}, "body": str(error)}
    return {"statusCode": 200, "body": {"value": "Good Morning!"}}


def seconds(text):
    """The seconds that the text asks for."""
    if text is None:
        raise ValueError("number is missing; ask for example with ?number=0.75")
    number = float(text)
    # written so that nan is refused as well
    if not 0 <= number <= LONGEST_SECONDS:
        raise ValueError(f"number is not from 0 to {LONGEST_SECONDS}")
    return number
