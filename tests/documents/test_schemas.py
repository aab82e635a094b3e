"""The schemas and the model accept the same: what differs is only what a schema cannot say."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.search import BASES
from liqspec.conform.oracle import Oracle
from liqspec.core import events, machine, refusals, snapshot
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import FAMILIES, InvalidConfig
from liqspec.core.refusals import BadRequest
from liqspec.edge import amounts, files, keys, protocol, schemas, shapes
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.replay.run import Run
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_json
from liqspec.spec import generated, observables, rulebook, scenarios, venues
from liqspec.spec.scenarios import Scenario
from liqspec.step import question, relation
from liqspec.step.partial import PartialState
from support.builders import backstopped, holding, restored_by_a_fill, small_config, small_engine, waiting, working
from support.every_field import every_parameter
from support.request_lines import HELLO, malformed_value, request

STORIES = [*rulebook.example_scenarios(), *(scenarios.load(name) for name in scenarios.names())]
JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fits(name: str, data: object, part: str = "") -> None:
    """See that data is of a schema's shape; a failure says where it is not."""
    assert schemas.mismatch(name, json.loads(json.dumps(data)), part) == ""


class TestTheSchemas:
    @pytest.mark.parametrize("name", schemas.names())
    def test_are_schemas_whose_references_lead_somewhere(self, name: str) -> None:
        data = schemas.schema(name)
        assert data["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert data["$id"] == f"{name}.schema.json"
        schemas.validator(name).check_schema(data)
        for reference in references(data):
            file, _, place = reference.partition("#/$defs/")
            assert place in schemas.schema(file.removesuffix(".schema.json") if file else name)["$defs"] or not place

    def test_are_those_that_the_page_names(self) -> None:
        page = files.read_text(files.ROOT / "protocol.md")
        assert {*re.findall(r"schemas/(\w+)\.schema\.json", page), "common"} == set(schemas.names())

    def test_have_the_words_of_the_model(self) -> None:
        words = schemas.schema("common")["$defs"]
        assert tuple(words["code"]["enum"]) == refusals.CODES
        assert tuple(words["observable"]["enum"]) == observables.every_name()
        assert words["event_type"]["enum"] == list(events.EVENTS)
        assert words["family"]["enum"] == sorted(FAMILIES)
        states = [name for name, state in machine.lifecycle().table.states.items() if state.kind != "pseudo"]
        assert words["state"]["enum"] == states
        assert words["reported_state"]["enum"] == [*states, *observables.observables().classes]
        assert list(schemas.schema("request")["$defs"]) == list(protocol.REQUESTS)

    def test_the_page_has_the_protocols_version(self) -> None:
        page = files.read_text(files.ROOT / "protocol.md")
        assert f"Protocol version: **{protocol.PROTOCOL}**" in page


def references(data: object) -> Iterator[str]:
    """Every reference in a schema."""
    if isinstance(data, dict):
        if "$ref" in data:
            yield data["$ref"]
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from references(value)


class TestWhatTheModelWrites:
    @pytest.mark.parametrize("story", STORIES, ids=[f"{index}-{story.name}" for index, story in enumerate(STORIES)])
    def test_fits_in_every_story(self, story: Scenario) -> None:
        """CFG-1, EVT-1, OBS-1, OBS-4."""
        fits("config", story.config.to_json())
        run = Run(story)
        units = Units(run.engine.venue)
        for moment in run:
            code = None if moment.refusal is None else moment.refusal.code
            assert (schemas.mismatch("event", moment.event) == "") is (code != "bad_request")
            fits("observation", moment.after)
            for effect in moment.effects:
                fits("effect", effect_json(effect, units))
            fits("snapshot", snapshot.to_json(run.engine.venue, run.engine.snapshot()))

    def test_fits_as_requests_and_replies(self) -> None:
        random = Random(5)
        config = configuration(random, BASES[0])
        engine, oracle = Engine(Config.from_json(config)), Oracle(log=None, venue=venues.load("generic"))  # type: ignore[arg-type]
        fits("reply", json.loads(oracle.reply(HELLO)), "hello")
        oracle = Oracle(log=None)  # type: ignore[arg-type]  # nothing is logged
        guide = Guide(random, engine)
        lines = [HELLO, request("reset", config=config), b'{"op":"sing"}']
        for line in [*lines, *(request("apply", event=guide.next_event()) for _ in range(150)), request("bye")]:
            reply, op = json.loads(oracle.reply(line)), json.loads(line)["op"]
            fits("reply", reply)
            fits("reply", reply, {"hello": "hello", "bye": "bye"}.get(op, "observed") if reply["ok"] else "refused")
            malformed = reply.get("error", {}).get("code") == "bad_request"
            assert (schemas.mismatch("request", json.loads(line)) == "") is not malformed

    @pytest.mark.parametrize("page", ["vectors", "logs"])
    def test_examples_of_the_pages_fit_and_are_true(self, page: str) -> None:
        found = JSON_BLOCK.findall(files.read_text(files.ROOT / f"{page}.md"))
        assert found
        for block in map(json.loads, found):
            fits("conversation" if block.get("suite") == "protocol" else page.removesuffix("s"), block)

    def test_the_example_vector_is_what_the_model_does(self) -> None:
        """Each step as the page of the vectors says that one is played."""
        vector, _ = map(json.loads, JSON_BLOCK.findall(files.read_text(files.ROOT / "vectors.md")))
        engine = Engine(Config.from_json(vector["config"]))
        for entry in vector["steps"]:
            done = relation.apply(engine, entry["event"])
            expected = {"accepted": True} if done.refusal is None else {"refused": done.refusal.code}
            acted = {effect.rule for effect in done.effects} or {done.refusal.rule if done.refusal else ""}
            assert (entry["expect"], entry["observation"]) == (expected, done.observation)
            assert set(entry["rules"]) == acted

    def test_the_example_of_a_configuration_fits(self) -> None:
        """CFG-1, OBS-1: the pages of the rules."""
        config, observation = JSON_BLOCK.findall(files.read_text(files.ROOT / "rules" / "09-data.md"))
        fits("config", json.loads(config))
        fits("observation", json.loads(observation))


# ------------------------------------------------------------------------------------------------------ both directions


def sayable(data: object) -> bool:
    """Whether a schema can say what is wrong with data.

    Not that 1.0 is written with a point (EVT-4), nor that a string is not text: such a line is refused (EVT-2).
    """
    if isinstance(data, str):
        return not keys.has_unpaired_surrogate(data)
    if isinstance(data, float):
        return not data.is_integer()
    if isinstance(data, dict):
        return all(map(sayable, [*data, *data.values()]))
    return not isinstance(data, list) or all(map(sayable, data))


def read(reader: Callable[[Any], object], data: object) -> bool:
    """Whether a reader of the model takes data."""
    try:
        reader(data)
    except (BadRequest, shapes.WrongShape):
        return False
    return True


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(2**53 - 2, 2**53 + 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet="0123456789.-/eE+ \n٣", max_size=6),
    st.sampled_from(
        ["1", "0", "-1", "1/2", "0/5", "1/0", "-1/2", "1" * 78, "1" * 79, "1/" + "1" * 77, "cross", "all", "A"]
    ),
    st.sampled_from(["0" * 77 + ".1", "1\n", "", "alice", "al ice", "a/b", "\t", "healthy", "closed", "new", "pool"]),
)
ANYTHING = (
    SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from(["A", "type"]), SCALARS, max_size=2)
)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside plain data."""
    if isinstance(data, dict | list):
        for name, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield (*path, name)
            yield from places(value, (*path, name))


def mutated(data: Any, draw: st.DataObject) -> Any:
    """Plain data with something in it replaced, taken away, added or doubled."""
    changed = copy.deepcopy(data)
    for _ in range(draw.draw(st.integers(1, 2))):
        found = list(places(changed))
        if not found:
            return changed
        *path, last = draw.draw(st.sampled_from(found))
        inside = changed
        for name in path:
            inside = inside[name]
        how = draw.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "replace":
            inside[last] = draw.draw(ANYTHING)
        elif how == "remove":
            del inside[last]
        elif isinstance(inside, dict):
            inside[draw.draw(st.sampled_from(["extra", "leverage", "market", "time", "A", "order"]))] = draw.draw(
                ANYTHING
            )
        else:
            inside.append(draw.draw(ANYTHING))
    return changed


class TestEventsFit:
    @given(st.randoms(use_true_random=False))
    @settings(max_examples=50, deadline=None)
    def test_if_and_only_if_the_model_reads_them(self, random: Random) -> None:
        """EVT-2: otherwise they are refused with `bad_request`."""
        engine = Engine(Config.from_json(configuration(random, BASES[0])))
        guide = Guide(random, engine)
        for _ in range(4):
            event: Any = guide.next_event()
            if random.random() < 0.7:
                event = malformed_value(random, event)
            if sayable(event):
                assert schemas.accepts("event", event) is read(events.from_json, event), event

    @given(st.sampled_from(list(events.EVENTS)), st.data())
    @settings(max_examples=120, deadline=None)
    def test_or_are_read_by_none_of_the_two(self, kind: str, draw: st.DataObject) -> None:
        """EVT-4, AMT-3: every kind of event with anything in its place."""
        event = mutated(SAMPLES[kind], draw)
        if sayable(event):
            assert schemas.accepts("event", event) is read(events.from_json, event), event

    def test_a_whole_float_is_what_only_the_model_refuses(self) -> None:
        """EVT-4: JSON Schema takes 1.0 for an integer."""
        event = {"type": "block", "time": 1.0}
        assert schemas.accepts("event", event)
        assert not read(events.from_json, event)


KEY = {"account": "alice", "market": "A", "mode": "cross"}
SAMPLES: dict[str, dict[str, Any]] = {kind: {"type": kind, **record.example} for kind, record in events.EVENTS.items()}

FULL_CONFIG = small_config(
    time=0,
    liquidation=every_parameter("liquidation"),
    backstop=every_parameter("backstop"),
    margin=every_parameter("margin"),
)


EDGES = (
    *("1" * count for count in (78, 79)),
    *("1" * count + ".5" for count in (77, 78)),
    *("1/" + "1" * count for count in (77, 78)),
    *("-" + "1" * count for count in (78, 79)),
    *("0", "-0", "1.", ".1", "+1", "1e3", " 1", "1 ", "1\n", "--1", "1/0", "1/00", "1/02", "-1/2", "1/-2", "1/2/3"),
    *("", "-", ".", "/", "0x1", "1_000", "1,000", "\u0661", "0.0", "000.1"),
)


@pytest.mark.parametrize("text", EDGES)
@pytest.mark.parametrize(
    ("word", "reader"),
    [("amount", amounts.check_amount), ("observed_amount", amounts.check_reported), ("rate", amounts.rate)],
)
def test_the_patterns_of_numbers_are_exact(word: str, reader: Callable[[Any], object], text: str) -> None:
    """AMT-3, AMT-5."""
    try:
        reader(text)
    except amounts.MalformedAmount:
        assert not schemas.accepts("common", text, word)
    else:
        assert schemas.accepts("common", text, word)


class TestConfigurationsFit:
    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_if_the_model_runs_them_and_not_if_it_cannot_read_them(self, draw: st.DataObject) -> None:
        """CFG-1: between the two lies what a schema cannot say, such as grids and schedules."""
        data = mutated(FULL_CONFIG, draw)
        if not sayable(data):
            return
        fit = schemas.accepts("config", data)
        if not read(Config.from_json, data):
            assert not fit, data
        try:
            Engine(Config.from_json(data))
        except (shapes.WrongShape, InvalidConfig):
            return
        assert fit, data


class TestSnapshotsFit:
    @given(st.sampled_from([holding, working, waiting, backstopped, restored_by_a_fill]), st.data())
    @settings(max_examples=80, deadline=None)
    def test_if_the_model_restores_them_and_not_if_it_cannot_read_them(
        self, situation: Callable[[], Engine], draw: st.DataObject
    ) -> None:
        """OBS-4."""
        engine = situation()
        data = mutated(snapshot.to_json(engine.venue, engine.snapshot()), draw)
        if not sayable(data):
            return
        fit = schemas.accepts("snapshot", data)
        try:
            snapshot.from_json(engine.venue, data)
        except InvalidConfig:
            return  # that a size does not go with a state is beyond a schema
        except shapes.WrongShape:
            assert not fit, data
        else:
            assert fit, data

    @given(st.sampled_from([holding, working, waiting, backstopped, restored_by_a_fill]), st.data())
    @settings(max_examples=80, deadline=None)
    def test_that_are_partial_if_and_only_if_the_model_reads_them(
        self, situation: Callable[[], Engine], draw: st.DataObject
    ) -> None:
        """STP-2."""
        observation = situation().observe()
        observation["positions"][0].update(leverage=5, attempted=True, failed=False)
        data = mutated({**observation, "marks": {"A": "100"}}, draw)
        if sayable(data) and isinstance(data, dict) and names_fit(data) and states_fit(data) and unique(data):
            assert schemas.accepts("snapshot", data, "partial") is read(PartialState.from_json, data), data


def test_the_schema_of_a_snapshot_is_the_list_of_the_fields_of_the_state() -> None:
    """OBS-4."""
    name = "schemas/snapshot.schema.json"
    assert files.read_text(files.ROOT / name) == generated.texts()[name], "`make state` regenerates it"


def names_fit(data: dict[str, Any]) -> bool:
    """Whether names are names: a partial state's are looked up, and not checked."""
    tables = [data.get("marks"), data["vault"].get("positions") if isinstance(data.get("vault"), dict) else None]
    listed = [entry for part in ("positions", "pools") for entry in listing(data, part)]
    names = [entry.get(name) for entry in listed for name in ("account", "market")]
    names += [name for table in tables if isinstance(table, dict) for name in table]
    return all(schemas.accepts("common", name, "name") for name in names if isinstance(name, str))


def states_fit(data: dict[str, Any]) -> bool:
    """Whether states are states: they are checked when the state is completed."""
    states = machine.lifecycle().table.states
    named = [entry.get("state") for entry in listing(data, "positions")]
    return all(not isinstance(state, str) or (state in states and state != "new") for state in named)


def unique(data: dict[str, Any]) -> bool:
    """Whether no key is repeated, which a schema cannot say."""
    keys = [[entry.get(name) for name in ("account", "market", "mode")] for entry in listing(data, "positions")]
    pools = [[entry.get("account"), entry.get("market")] for entry in listing(data, "pools")]
    return all(keys.count(key) == 1 for key in keys) and all(pools.count(key) == 1 for key in pools)


def listing(data: dict[str, Any], part: str) -> list[dict[str, Any]]:
    """The objects in a part of a state."""
    found = data.get(part)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def test_questions_about_steps_fit() -> None:
    """STP-1, STP-5."""
    engine = holding()
    asked = {
        "config": small_config(),
        "before": snapshot.to_json(engine.venue, engine.snapshot()),
        "event": {"type": "mark_price", "market": "A", "price": "88"},
    }
    questions: tuple[dict[str, Any], ...] = (
        {},
        {"after": {}},
        {"after": working().observe(), "compare": "full", "observes": ["pools.equity"], "states": "coarse"},
        {"after": {"error": {"code": "overfill", "message": "…"}}, "tolerance": {"pools.equity": "0.1"}},
        {"before": {**small_engine().observe(), "marks": {"A": "90"}}},
    )
    for more in questions:
        fits("step", {**asked, **more})
        assert question.Question.from_json({**asked, **more}).verdict()
    for wrong in ({"compare": "all"}, {"observes": ["equity"]}, {"extra": 1}, {"after": {"error": {"code": "no"}}}):
        assert not schemas.accepts("step", {**asked, **wrong})
        with pytest.raises(shapes.WrongShape):
            question.Question.from_json({**asked, **wrong}).verdict()
