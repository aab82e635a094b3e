"""The states as a statechart nests them, for the formats that know superstates: each transition then stands once."""

from attrs import frozen

from liqspec.draw.graphs.diagram import CannotDraw, Diagram, Frame, StateShown, TransitionShown


@frozen
class Node:
    """A state, or a superstate with its children; `transitions` are those that leave it."""

    name: str
    state: StateShown | None
    children: tuple["Node", ...]
    transitions: tuple[TransitionShown, ...]

    @property
    def first(self) -> str:
        """The child that is entered by default."""
        return self.children[0].name


def nested(diagram: Diagram, only: str) -> tuple[Node, ...]:
    """The outermost states and superstates of the whole lifecycle.

    Raises:
        CannotDraw: the picture shows only a part, or a venue; `only` names the format in the message.
    """
    if diagram.initial is None or not all(entry.possible for entry in diagram.transitions):
        raise CannotDraw(f"{only} is a machine that runs: it always has the whole lifecycle, without --view or --venue")
    return _inside(diagram, None)


def _inside(diagram: Diagram, around: Frame | None) -> tuple[Node, ...]:
    nodes: dict[str, Node] = {}
    for state in diagram.states:
        if around is not None and state.name not in around.states:
            continue
        frame = _child(diagram, around, state.name)
        if frame is None:
            nodes[state.name] = Node(state.name, state, (), _leaving(diagram, {state.name}))
        elif frame.name not in nodes:
            nodes[frame.name] = Node(frame.name, None, _inside(diagram, frame), _leaving(diagram, set(frame.states)))
    return tuple(nodes.values())


def _child(diagram: Diagram, around: Frame | None, state: str) -> Frame | None:
    """The frame directly inside another that has this state, or None if the state itself is directly inside."""
    name = None if around is None else around.name
    return next((frame for frame in diagram.frames if frame.inside == name and state in frame.states), None)


def _leaving(diagram: Diagram, states: set[str]) -> tuple[TransitionShown, ...]:
    return tuple(entry for entry in diagram.transitions if set(entry.sources) == states)
