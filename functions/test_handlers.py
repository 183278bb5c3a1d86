"""What the two functions promise, with the template around them played by a few lines of standard library."""

import importlib.util
import json
import math
import pathlib
import time
import unittest
from unittest import mock


def load(name):
    """The handler of a function, as the template imports it."""
    path = pathlib.Path(__file__).parent / name / "handler.py"
    spec = importlib.util.spec_from_file_location(f"{name}_handler", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Event:
    """A request as the template hands it over."""

    def __init__(self, query, headers):
        self.body = b""
        self.headers = headers
        self.method = "GET"
        self.query = query
        self.path = "/"


def call(handler, headers=None, **query):
    """Status and bytes on the wire: a dict goes out as compact JSON with a newline, no body as nothing, a text as it is."""
    answer = handler.handle(Event(query, headers or {"Host": "localhost"}), None)
    body = answer.get("body")
    if body is None:
        wire = b""
    elif isinstance(body, dict):
        wire = (json.dumps(body, separators=(",", ":"), sort_keys=True) + "\n").encode()
    else:
        wire = str(body).encode()
    return answer.get("statusCode", 200), wire


FTEST = load("ftest")
SLEEPY = load("sleepy")


class Probes(unittest.TestCase):
    """The header Hey."""

    def test_a_probe_is_answered_at_once_with_an_empty_200_in_any_case_of_the_header(self):
        for handler in (FTEST, SLEEPY):
            for name in ("Hey", "hey", "HEY", "hEy"):
                for value in ("hey", "", "anything"):
                    with mock.patch.object(time, "sleep", side_effect=AssertionError("a probe slept")):
                        self.assertEqual(call(handler, {name: value}, number="20"), (200, b""))

    def test_a_probe_needs_no_number(self):
        for handler in (FTEST, SLEEPY):
            self.assertEqual(call(handler, {"Hey": "hey"}), (200, b""))
            self.assertEqual(call(handler, {"Hey": "hey"}, number="nonsense"), (200, b""))

    def test_a_header_that_only_looks_like_it_makes_no_probe(self):
        self.assertEqual(call(FTEST, {"X-Hey": "hey", "They": "hey"}, number="3"), (200, b'{"value":6}\n'))


class Factorial(unittest.TestCase):
    """ftest."""

    def test_fifty_is_76_bytes(self):
        status, wire = call(FTEST, number="50")
        self.assertEqual((status, len(wire)), (200, 76))
        self.assertEqual(json.loads(wire), {"value": math.factorial(50)})

    def test_big_factorials_are_exact(self):
        for number in (0, 1, 20, 21, 170, 171, 2_000, FTEST.LARGEST):
            status, wire = call(FTEST, number=str(number))
            self.assertEqual(status, 200)
            value = json.loads(wire)["value"]
            for factor in range(2, number + 1):
                value, rest = divmod(value, factor)
                self.assertEqual(rest, 0, f"{number}! is not divisible by {factor}")
            self.assertEqual(value, 1)

    def test_what_is_no_number_is_a_500_with_the_reason(self):
        table = {
            "abc": b"invalid literal for int() with base 10: 'abc'",
            "": b"invalid literal for int() with base 10: ''",
            "1.5": b"invalid literal for int() with base 10: '1.5'",
            "-1": b"number is not from 0 to 10000",
            "10001": b"number is not from 0 to 10000",
            "9" * 30_000: b"number is not from 0 to 10000",
        }
        for text, reason in table.items():
            self.assertEqual(call(FTEST, number=text), (500, reason))
        self.assertEqual(call(FTEST, number="9" * 50_000)[0], 500)

    def test_a_missing_number_is_a_500_that_says_so(self):
        self.assertEqual(call(FTEST), (500, b"number is missing; ask for example with ?number=50"))


class Sleep(unittest.TestCase):
    """sleepy, without sleeping."""

    def test_it_sleeps_as_long_as_asked_and_answers_26_bytes(self):
        for text, seconds in (("0.75", 0.75), ("0", 0.0), ("1e-3", 0.001), ("30", 30.0)):
            with mock.patch.object(time, "sleep") as sleep:
                status, wire = call(SLEEPY, number=text)
            sleep.assert_called_once_with(seconds)
            self.assertEqual((status, wire, len(wire)), (200, b'{"value":"Good Morning!"}\n', 26))

    def test_what_is_no_number_is_a_500_with_the_reason_and_no_sleep(self):
        table = {
            "abc": b"could not convert string to float: 'abc'",
            "-1": b"number is not from 0 to 30",
            "30.5": b"number is not from 0 to 30",
            "nan": b"number is not from 0 to 30",
            "inf": b"number is not from 0 to 30",
            "1e400": b"number is not from 0 to 30",
        }
        with mock.patch.object(time, "sleep") as sleep:
            for text, reason in table.items():
                self.assertEqual(call(SLEEPY, number=text), (500, reason))
            self.assertEqual(call(SLEEPY), (500, b"number is missing; ask for example with ?number=0.75"))
        sleep.assert_not_called()


if __name__ == "__main__":
    unittest.main()
