"""The conversations of the corpus: passed by a right engine, each failed by an engine that breaks the protocol so."""

import json
import re
import sys
from functools import cache
from typing import Any

import pytest

from engines import python_engine
from liqspec.conform.protocol import requests
from liqspec.conform.session import LiveEngine
from liqspec.edge import files, schemas
from liqspec.vectors import conversations, corpus
from liqspec.vectors.play import Played
from liqspec.vectors.talk import talk
from support import wrong_protocol_engine
from support.paths import TESTS

# The conversation that each of these ways to be wrong fails.
FAILED = {
    "accepts a repeated key": "a-repeated-key-once-spelled-with-an-escape",
    "accepts an unpaired surrogate": "an-unpaired-surrogate",
    "accepts an unpaired surrogate in a key": "an-unpaired-surrogate",
    "reads a name up to a zero": "nearly-malformed",
    "accepts a control character": "a-control-character-in-a-string",
    "counts a minus as a digit": "nearly-malformed",
    "accepts 1.0": "an-integer-spelled-otherwise",
    "accepts NaN": "nan-or-infinity",
    "refuses 2^53 - 1": "odd-spellings",
    "refuses amounts of 78 digits": "nearly-malformed",
    "refuses decimals of 78 digits": "nearly-malformed",
    "accepts a byte order mark": "a-byte-order-mark",
    "accepts an id": "an-unknown-field",
    "takes no character in two parts": "odd-spellings",
    "accepts U+2065 in a name": "invalid-accounts",
    "finds a method in place of an account": "nearly-malformed",
    "looks for the account before other fields": "what-is-wrong-first",
    "keeps the cash": "reset-forgets-13",
    "keeps the time": "reset-forgets-13",
    "keeps the block": "reset-forgets-13",
    "keeps the marks": "reset-forgets-13",
    "keeps the accounts": "reset-forgets-13",
    "keeps the positions of the vault": "reset-forgets-41",
    "keeps the windows of pools": "reset-forgets-41",
    "keeps the attempts": "reset-forgets-13",
    "keeps the orders": "reset-forgets-41",
    "keeps the windows": "reset-forgets-13",
    "keeps the lives": "reset-forgets-13",
    "counts runs": "reset-forgets-13",
    "forgets at a hello": "hello-again",
    "drops the run": "invalid-accounts",
    "takes no line of 1 MiB": "odd-spellings",
    "dies of a long line": "a-line-of-more-than-1-mib",
    "loses a last line": "end-no-line-feed",
    "stays when its input ends": "end-close",
    "ends with status 4": "end-bye",
    "reads on after its bye": "end-bye",
}


@cache
def loaded() -> dict[str, dict[str, Any]]:
    """The conversations of the corpus by their names."""
    return {vector["case"]: vector for vector in corpus.load_conversations(corpus.FOLDER)}


def played(way: str, *cases: str, **hello: Any) -> list[Played]:
    """How conversations go with an engine that is wrong in this way, and says this of itself too."""
    command = [sys.executable, str(TESTS / "support" / "wrong_protocol_engine.py"), way, json.dumps(hello)]
    with LiveEngine(command, 10) as engine:
        return [talk(loaded()[case], engine, engine.hello) for case in cases]


def test_an_engine_that_shares_nothing_with_the_model_passes_all() -> None:
    with LiveEngine([sys.executable, str(python_engine.__file__)], 10) as engine:
        results = [talk(vector, engine, engine.hello) for vector in loaded().values()]
    assert [one for one in results if one.outcome != "passed"] == []
    assert len(results) > 50


def test_every_way_to_break_the_protocol_has_its_conversation() -> None:
    # No conversation has an event or a parameter that an engine may lack; names and rates are those of other vectors.
    optional = {
        *("reopens settled markets", "refuses a least order of 0", "refuses long names of other planes"),
        *("composes names that it does not know", "refuses a rate of -0", "refuses all as a share"),
        *("refuses an escaped slash", "refuses a factor above 10"),
    }
    assert wrong_protocol_engine.WAYS.keys() - FAILED.keys() == optional


@pytest.mark.parametrize("way", FAILED)
def test_an_engine_that_breaks_the_protocol_fails_the_conversation_about_it(way: str) -> None:
    (wrong,), (right,) = played(way, FAILED[way]), played("", FAILED[way])
    assert (wrong.outcome, right.outcome) == ("failed", "passed")
    assert wrong.difference is not None
    assert wrong.step is not None


def test_nothing_malformed_is_sent_to_an_engine_that_does_not_check() -> None:
    skipped, passed = played("", "a-comment", "odd-spellings", validates=False)
    assert (skipped.outcome, skipped.why) == ("skipped", "the engine does not check its input")
    assert passed.outcome == "passed"


def test_they_fit_their_schema_and_their_lines_can_be_made() -> None:
    for name, vector in loaded().items():
        assert schemas.mismatch("conversation", vector) == "", name
        lines = [step for step in vector["steps"] if "ended" not in step["expect"]]
        described = [
            {key: step[key] for key in step.keys() & {"line", "bytes", "parts", "line_feed"}} for step in lines
        ]
        assert [requests.described(requests.made(one), 2_000) for one in described] == described, name


def test_the_example_of_the_page_is_right() -> None:
    page = files.read_text(files.ROOT / "vectors.md").partition("## Conversations")[2]
    (block,) = re.findall("```json\n(.*?)```", page, re.DOTALL)
    with LiveEngine([sys.executable, str(python_engine.__file__)], 10) as engine:
        assert talk(json.loads(block), engine, engine.hello).outcome == "passed"


def test_a_long_line_is_made_of_its_parts() -> None:
    request = b'{"a":' * 500 + b" " * 1_000 + b"}" * 300 + b"\n"
    described = requests.described(request, 2_000)
    assert described == {"parts": [['{"a":', 500], [" ", 1_000], ["}", 300]]}
    assert requests.made(described) == request
    assert requests.described(request) == {"line": request[:-1].decode()}


@pytest.mark.parametrize("parts", [5, ["x"], [["x", "2"]], [["x", True]], [[1, 2]], [["\n", 1]], [["x", 10**9]]])
def test_parts_that_make_no_line_are_refused(parts: Any) -> None:
    with pytest.raises(ValueError, match="expected a text without line feeds"):
        requests.made({"parts": parts})


def test_they_are_what_the_specification_makes() -> None:
    assert [one.vector() for one in conversations.conversations()] == list(loaded().values())
