// Reads a machine and runs from standard input as JSON, loads the machine with the real xstate package, feeds each run's
// triggers with the values of the guards, and prints the state after each.
import { readFileSync } from "node:fs";
import { createActor, createMachine } from "xstate";

const { machine, runs } = JSON.parse(readFileSync(0, "utf8"));

// One implementation serves every guard: its params say which named guards must hold, and which must fail.
const holds = ({ event }, { hold, fail }) =>
  hold.every((name) => event.guards[name] === true) && fail.every((name) => event.guards[name] === false);

function* guardTypes(node) {
  for (const moves of Object.values(node.on ?? {})) for (const move of moves) if (move.guard) yield move.guard.type;
  for (const child of Object.values(node.states ?? {})) yield* guardTypes(child);
}

function leaf(value) {
  return typeof value === "string" ? value : leaf(Object.values(value)[0]);
}

const guards = Object.fromEntries([...guardTypes(machine)].map((type) => [type, holds]));
const loaded = createMachine(machine).provide({ guards });
const walked = runs.map((run) => {
  const actor = createActor(loaded);
  actor.start();
  return [
    leaf(actor.getSnapshot().value),
    ...run.map((step) => {
      actor.send({ type: step.trigger, guards: step.guards });
      return leaf(actor.getSnapshot().value);
    }),
  ];
});
process.stdout.write(JSON.stringify(walked));
